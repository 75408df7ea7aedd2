//! Runs all rules over the same visitors, and counts.

use folkops_evidence::Level;
use statrs::distribution::{Beta, ContinuousCDF};

use crate::Row;
use crate::argo::Argo;
use crate::flagger::Flagger;
use crate::growthbook::GrowthBook;
use crate::kayenta::{Kayenta, Looks};
use crate::ours::{Counted, watch};
use crate::peer::{Peer, tuned};
use crate::world::{Course, Run, World, nodes, sticky};

/// Two cores.
const THREADS: u64 = 2;
/// Runs by which a peer's figure is tuned; their seeds occur nowhere else.
const TUNING_SEEDS: u64 = 1 << 40;

/// Visitors of the new build until the rollback, run by run, sorted; infinite where there was none.
#[derive(Debug, Clone)]
pub struct Measured {
    pub delays: Vec<f64>,
}

/// All rules.
pub struct Field {
    harmful: u64,
    harmless: u64,
    peers: Vec<Box<dyn Peer>>,
    levels: [Level; 2],
}

impl Field {
    pub fn new(harmful: u64, harmless: u64) -> Self {
        let peers: Vec<Box<dyn Peer>> = vec![
            Box::new(Argo { name: "Argo Rollouts, 95 %, limit 0", failure_limit: 0 }),
            Box::new(Argo { name: "Argo Rollouts, 95 %, limit 3", failure_limit: 3 }),
            Box::new(Flagger),
            Box::new(Kayenta { name: "Kayenta, looked at every 10 minutes", looks: Looks::Often }),
            Box::new(Kayenta { name: "Kayenta, looked at once at the end", looks: Looks::Once }),
            Box::new(GrowthBook),
        ];
        let levels = [Level::ROLL_BACK, Level::new(0.01).expect("a level")];
        Self { harmful, harmless, peers, levels }
    }

    pub fn harmless(&self, world: World) -> Vec<Row> {
        self.world(world, self.harmless)
    }

    pub fn harmful(&self, world: World) -> Vec<Row> {
        self.world(world, self.harmful)
    }

    fn world(&self, world: World, runs: u64) -> Vec<Row> {
        let figures = self.tuned(world.quiet());
        let platforms = if world.course == Course::Platform { 2 } else { 1 };
        let is_crash = matches!(world.course, Course::Crash(_));
        let mut names = vec!["FolkOps, α = 0.001 (shipped)", "FolkOps, α = 0.01"];
        names.extend(is_crash.then_some("control: FolkOps, α = 0.01, fed only with what arrives"));
        names.extend((platforms > 1).then_some("FolkOps, α = 0.01, platforms not declared"));
        names.extend(self.peers.iter().map(|peer| peer.name()));
        names.extend(self.peers.iter().map(|peer| tuned_name(peer.name())));
        let delays = repeat(runs, 0, |seed| {
            let run = world.run(seed);
            let mut delays = watch(&run, Counted::Everybody, platforms, self.levels).to_vec();
            if is_crash {
                delays.push(watch(&run, Counted::Reporters, 1, self.levels)[1]);
            }
            if platforms > 1 {
                delays.push(watch(&run, Counted::Everybody, 1, self.levels)[1]);
            }
            delays.extend(self.peers(&run, |peer, _| peer.documented()));
            delays.extend(self.peers(&run, |_, at| figures[at]));
            delays
        });
        measured(names, delays)
    }

    /// The small service of sticky visitors, everybody at what the documentation shows.
    pub fn sticky(&self) -> Vec<Row> {
        let control = "control: FolkOps, α = 0.01, fed with requests";
        let ours =
            ["FolkOps, α = 0.001 (shipped), each visitor once", "FolkOps, α = 0.01, each visitor once"];
        self.by_unit([ours[0], ours[1], control], sticky)
    }

    /// Nodes that fall ill, everybody at what the documentation shows.
    pub fn nodes(&self) -> Vec<Row> {
        let control = "control: FolkOps, α = 0.01, fed with visitors";
        let ours = [
            "FolkOps, α = 0.001, fed with nodes by the minute",
            "FolkOps, α = 0.01, fed with nodes by the minute",
        ];
        self.by_unit([ours[0], ours[1], control], nodes)
    }

    /// What hangs together, as the peers see it, beside units that do not.
    fn by_unit(&self, ours: [&'static str; 3], runs: fn(u64) -> (Run, Run)) -> Vec<Row> {
        let names = ours.into_iter().chain(self.peers.iter().map(|peer| peer.name())).collect();
        let delays = repeat(self.harmless, 0, |seed| {
            let (together, apart) = runs(seed);
            let mut delays = watch(&apart, Counted::Everybody, 1, self.levels).to_vec();
            delays.push(watch(&together, Counted::Everybody, 1, self.levels)[1]);
            delays.extend(self.peers(&together, |peer, _| peer.documented()));
            delays
        });
        measured(names, delays)
    }

    fn peers(&self, run: &Run, figure: impl Fn(&dyn Peer, usize) -> f64) -> Vec<f64> {
        let windows = run.windows();
        let delay = |(at, peer): (usize, &dyn Peer)| {
            let minute = peer.rolls_back(&windows, figure(peer, at));
            minute.map_or(f64::INFINITY, |minute| run.exposed_when_known(minute))
        };
        self.peers.iter().map(AsRef::as_ref).enumerate().map(delay).collect()
    }

    /// For each peer the figure by which one quiet day in a hundred is a false rollback.
    fn tuned(&self, quiet: World) -> Vec<f64> {
        let least = repeat((self.harmless / 5).max(100), TUNING_SEEDS, |seed| {
            let windows = quiet.run(seed).windows();
            self.peers.iter().map(|peer| peer.least(&windows)).collect()
        });
        (0..self.peers.len()).map(|at| tuned(least.iter().map(|run| run[at]).collect())).collect()
    }
}

fn tuned_name(name: &str) -> &'static str {
    match name.split(',').next() {
        Some("Argo Rollouts") if name.ends_with('0') => "Argo Rollouts, limit 0, tuned",
        Some("Argo Rollouts") => "Argo Rollouts, limit 3, tuned",
        Some("Flagger") => "Flagger, threshold 5, tuned",
        Some("Kayenta") if name.ends_with("end") => "Kayenta, once at the end, tuned",
        Some("Kayenta") => "Kayenta, every 10 minutes, tuned",
        _ => "GrowthBook, tuned",
    }
}

/// Runs seeds in order over the threads; what comes out is in their order, whoever was faster.
fn repeat(runs: u64, from: u64, one: impl Fn(u64) -> Vec<f64> + Sync) -> Vec<Vec<f64>> {
    let share = runs.div_ceil(THREADS);
    std::thread::scope(|scope| {
        let part = |thread: u64| {
            let one = &one;
            scope.spawn(move || -> Vec<Vec<f64>> {
                (thread * share..runs.min((thread + 1) * share)).map(|run| one(from + run)).collect()
            })
        };
        let threads: Vec<_> = (0..THREADS).map(part).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect()
    })
}

fn measured(names: Vec<&'static str>, runs: Vec<Vec<f64>>) -> Vec<Row> {
    let row = |(at, name): (usize, &'static str)| {
        let mut delays: Vec<f64> = runs.iter().map(|run| run[at]).collect();
        delays.sort_by(f64::total_cmp);
        (name, Measured { delays })
    };
    names.into_iter().enumerate().map(row).collect()
}

impl Measured {
    pub fn runs(&self) -> u64 {
        self.delays.len() as u64
    }

    pub fn rollbacks(&self) -> u64 {
        self.delays.iter().filter(|delay| delay.is_finite()).count() as u64
    }

    pub fn rate(&self) -> f64 {
        self.rollbacks() as f64 / self.runs() as f64
    }

    pub fn missed(&self) -> f64 {
        1.0 - self.rate()
    }

    /// The 95 % interval of Clopper and Pearson.
    pub fn interval(&self) -> (f64, f64) {
        let (hits, misses) = (self.rollbacks() as f64, (self.runs() - self.rollbacks()) as f64);
        let beta = |a, b, p| Beta::new(a, b).expect("positive").inverse_cdf(p);
        let low = if hits > 0.0 { beta(hits, misses + 1.0, 0.025) } else { 0.0 };
        let high = if misses > 0.0 { beta(hits + 1.0, misses, 0.975) } else { 1.0 };
        (low, high)
    }

    pub fn median(&self) -> f64 {
        self.delays[self.delays.len() / 2]
    }

    pub fn late(&self) -> f64 {
        self.delays[self.delays.len() * 19 / 20]
    }
}
