//! Made-up visitors of a service, minute by minute: the same for every rule.
//!
//! Each visitor comes once, falls to the new build with probability 1/10, and gives one report: a failure or none. Some
//! never report, because they crashed or because what they send is lost.

use rand::{RngExt, SeedableRng};
use rand_distr::{Binomial, Distribution, Poisson};
use rand_pcg::Pcg64Mcg;

/// The new build's share.
pub const SHARE: f64 = 0.1;
/// Blocks of five seconds in a minute.
const BLOCKS: usize = 12;
/// The share of visitors on the one platform that is hurt.
const PLATFORM: f64 = 0.05;

/// What happens to a service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// Nothing but what the builds do.
    Steady,
    /// Both builds' failures swing by three points, twice.
    Daily,
    /// For thirty minutes a third more of everybody fail.
    Incident,
    /// For thirty minutes no report arrives.
    Outage,
    /// Two in a hundred never report anyway; this share more of the new build's crash at the start.
    Crash(f64),
    /// The new build fails its share on a platform of one visitor in twenty, and nowhere else.
    Platform,
    /// The new build's failures grow steadily to its share.
    Leak,
    /// The new build fails its share for two minutes, and does not for two.
    Flapping,
    /// This share of the new build's visitors report a failure that they did not meet.
    Liars(f64),
    /// This share of the new build's visitors report that all is well, whatever they met.
    Flatterers(f64),
    /// What visitors meet is known so many minutes later.
    Late(usize),
}

/// A service, and what is rolled out to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct World {
    pub course: Course,
    /// The share of the current build's visitors that fails.
    pub good: f64,
    /// The new build's.
    pub bad: f64,
    /// Visitors of the new build in an hour.
    pub per_hour: f64,
    pub minutes: usize,
}

/// Visitors of one build.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arm {
    pub visitors: u64,
    /// Of these, who reported a failure.
    pub failed: u64,
    /// Of these, who did not report.
    pub silent: u64,
}

/// Visitors of five seconds, on one kind of platform.
#[derive(Debug, Clone, Copy, Default)]
pub struct Block {
    pub platform: usize,
    pub canary: Arm,
    pub stable: Arm,
}

/// One rollout's visitors.
pub struct Run {
    pub minutes: Vec<Vec<Block>>,
    /// So many minutes pass until it is known.
    pub late: usize,
}

/// What a monitoring system shows of a minute: reports that arrived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    pub canary: Seen,
    pub stable: Seen,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub reports: f64,
    pub failed: f64,
}

impl Seen {
    /// None when nothing arrived.
    pub fn rate(self) -> Option<f64> {
        (self.reports > 0.0).then(|| self.failed / self.reports)
    }

    pub fn add(&mut self, other: Self) {
        self.reports += other.reports;
        self.failed += other.failed;
    }
}

impl Arm {
    fn seen(self) -> Seen {
        Seen { reports: (self.visitors - self.silent) as f64, failed: self.failed as f64 }
    }
}

impl Run {
    pub fn windows(&self) -> Vec<Window> {
        let window = |blocks: &Vec<Block>| {
            let mut window = Window::default();
            for block in blocks {
                window.canary.add(block.canary.seen());
                window.stable.add(block.stable.seen());
            }
            window
        };
        self.minutes.iter().map(window).collect()
    }

    /// Visitors of the new build until what happened in a minute is known; infinite when it is not within the run.
    pub fn exposed_when_known(&self, minute: usize) -> f64 {
        match self.minutes.get(..=minute + self.late) {
            Some(minutes) => minutes.iter().flatten().map(|block| block.canary.visitors as f64).sum(),
            None => f64::INFINITY,
        }
    }
}

impl World {
    pub fn steady(good: f64, bad: f64, per_hour: f64, minutes: usize) -> Self {
        Self { course: Course::Steady, good, bad, per_hour, minutes }
    }

    /// The same service on a quiet day, with a harmless build: what an operator tunes a rule by.
    pub fn quiet(self) -> Self {
        Self { course: Course::Steady, bad: self.good, ..self }
    }

    pub fn run(&self, seed: u64) -> Run {
        let mut stream = Pcg64Mcg::seed_from_u64(seed);
        let moment = stream.random_range(0.1..0.6) * self.minutes as f64;
        let minutes =
            (0..self.minutes).map(|minute| self.minute(&mut stream, minute as f64, moment)).collect();
        let late = if let Course::Late(minutes) = self.course { minutes } else { 0 };
        Run { minutes, late }
    }

    fn minute(&self, stream: &mut Pcg64Mcg, minute: f64, moment: f64) -> Vec<Block> {
        let (bad, good) = self.failing(minute, moment);
        let (crash, never) = self.silent(minute, moment);
        let mut blocks = Vec::with_capacity(BLOCKS);
        for _ in 0..BLOCKS {
            if self.course == Course::Platform {
                blocks.push(self.block(stream, 0, 1.0 - PLATFORM, (good, good), (0.0, 0.0)));
                blocks.push(self.block(stream, 1, PLATFORM, (bad, good), (0.0, 0.0)));
            } else {
                blocks.push(self.block(stream, 0, 1.0, (bad, good), (crash, never)));
            }
        }
        blocks
    }

    fn block(
        &self,
        stream: &mut Pcg64Mcg,
        platform: usize,
        part: f64,
        (bad, good): (f64, f64),
        (crash, never): (f64, f64),
    ) -> Block {
        let canaries = self.per_hour / 60.0 / BLOCKS as f64 * part;
        Block {
            platform,
            canary: arm(stream, canaries, bad, crash),
            stable: arm(stream, canaries * (1.0 - SHARE) / SHARE, good, never),
        }
    }

    fn failing(&self, minute: f64, moment: f64) -> (f64, f64) {
        let Self { good, bad, .. } = *self;
        let part = minute / self.minutes as f64;
        match self.course {
            Course::Daily => {
                let swing = 0.03 * (2.0 * part * std::f64::consts::TAU).sin();
                (bad + swing, good + swing)
            }
            Course::Incident if (moment..moment + 30.0).contains(&minute) => (bad + 0.33, good + 0.33),
            Course::Leak => (good + (bad - good) * part, good),
            Course::Flapping if minute % 4.0 < 2.0 => (good, good),
            Course::Liars(share) => (bad + (1.0 - bad) * share, good),
            Course::Flatterers(share) => (bad * (1.0 - share), good),
            _ => (bad, good),
        }
    }

    fn silent(&self, minute: f64, moment: f64) -> (f64, f64) {
        match self.course {
            Course::Crash(share) => (0.02 + 0.98 * share, 0.02),
            Course::Outage if (moment..moment + 30.0).contains(&minute) => (1.0, 1.0),
            _ => (0.0, 0.0),
        }
    }
}

fn arm(stream: &mut Pcg64Mcg, mean: f64, failing: f64, silent: f64) -> Arm {
    let visitors = Poisson::new(mean).expect("a mean").sample(stream) as u64;
    let mut of = |many, share| {
        if share > 0.0 { Binomial::new(many, share).expect("a share").sample(stream) } else { 0 }
    };
    let silent = of(visitors, silent);
    let failed = of(visitors - silent, failing);
    Arm { visitors, failed, silent }
}

/// A small service whose visitors keep coming: 300, one in two with the new build, forty requests each, one a minute.
/// Three in a hundred always fail and seven in a hundred one time in ten, whatever build they have.
///
/// Once as requests, and once as visitors: the first request of each.
pub fn sticky(seed: u64) -> (Run, Run) {
    let mut stream = Pcg64Mcg::seed_from_u64(seed);
    let mut visitor = || {
        let rate = match stream.random_range(0..100) {
            0..3 => 1.0,
            3..10 => 0.1,
            _ => 0.001,
        };
        (stream.random_bool(0.5), rate)
    };
    let visitors: Vec<(bool, f64)> = (0..300).map(|_| visitor()).collect();
    let mut round = || -> Vec<Block> {
        let block = |slice: &[(bool, f64)]| {
            let mut block = Block::default();
            for (is_canary, rate) in slice {
                let arm = if *is_canary { &mut block.canary } else { &mut block.stable };
                arm.visitors += 1;
                arm.failed += u64::from(stream.random_bool(*rate));
            }
            block
        };
        visitors.chunks(20).map(block).collect()
    };
    let requests: Vec<Vec<Block>> = (0..40).map(|_| round()).collect();
    let first = vec![requests[0].clone()];
    (Run { minutes: requests, late: 0 }, Run { minutes: first, late: 0 })
}

/// Two nodes with the new build and eighteen with the current one, 50 and 450 visitors a minute, two hours. One visitor in a
/// hundred fails; each node is ill one minute in a hundred, whatever build it has, and then every second of its visitors fails.
///
/// Once as visitors, and once as nodes: one that fails more than a quarter of its visitors in a minute has failed.
pub fn nodes(seed: u64) -> (Run, Run) {
    let mut stream = Pcg64Mcg::seed_from_u64(seed);
    let mut arm = |nodes: u64| {
        let (mut visitors, mut units) = (Arm::default(), Arm { visitors: nodes, ..Arm::default() });
        for _ in 0..nodes {
            let failing = if stream.random_bool(0.01) { 0.5 } else { 0.01 };
            let failed = Binomial::new(25, failing).expect("a share").sample(&mut stream);
            visitors.visitors += 25;
            visitors.failed += failed;
            units.failed += u64::from(failed > 6);
        }
        (visitors, units)
    };
    let (mut visitors, mut units) = (Vec::new(), Vec::new());
    for _ in 0..120 {
        let (canary, stable) = (arm(2), arm(18));
        visitors.push(vec![Block { platform: 0, canary: canary.0, stable: stable.0 }]);
        units.push(vec![Block { platform: 0, canary: canary.1, stable: stable.1 }]);
    }
    (Run { minutes: visitors, late: 0 }, Run { minutes: units, late: 0 })
}
