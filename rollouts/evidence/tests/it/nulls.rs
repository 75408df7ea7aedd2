//! Harmless builds: how often they are rolled back, over tens of thousands of simulated rollouts.
//!
//! Visitors come one by one; each falls to an arm by a hash that knows nothing of them. In the full sweep the
//! one-sided 95 % Clopper-Pearson bound must lie under α; a sample can only show that nothing contradicts α.

use folkops_evidence::{Harm, HarmSpec, Level, Sample, Unhealth};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::clopper_pearson::{at_most, sure_to_exceed};
use crate::crowd::{self, Judges, Sweep};

/// Visitors in a block, blocks in a rollout, and the canary's share.
const BLOCK: usize = 20;
const BLOCKS: usize = 750;
const SHARE: f64 = 0.1;

/// Who comes, and how they fare whatever build they get.
#[derive(Debug, Clone, Copy)]
enum World {
    /// Each visitor fails with probability .01.
    Independent,
    /// Each visitor has a rate of their own, from nothing to always: the mean of twenty requests.
    Sticky,
    /// The rate swings between .01 and .04, five times in a rollout.
    Daily,
    /// For a tenth of the rollout, from a random moment, a third of all fail.
    Incident,
    /// Of the third kind of clients a fifth fails, of the others one in a hundred.
    Uneven,
}

const WORLDS: [World; 5] = [World::Independent, World::Sticky, World::Daily, World::Incident, World::Uneven];

impl World {
    fn outcome(self, rng: &mut Pcg64Mcg, kind: usize, progress: f64, incident: f64) -> Unhealth {
        let failed =
            |rng: &mut Pcg64Mcg, rate| if rng.random_bool(rate) { Unhealth::FAILED } else { Unhealth::WELL };
        match self {
            Self::Independent => failed(rng, 0.01),
            Self::Sticky => {
                let own = own_rate(rng);
                let requests = (0..20).filter(|_| rng.random_bool(own)).count();
                Unhealth::new(requests as f64 / 20.0).unwrap()
            }
            Self::Daily => failed(rng, 0.025 + 0.015 * (progress * 5.0 * std::f64::consts::TAU).sin()),
            Self::Incident => {
                failed(rng, if (incident..incident + 0.1).contains(&progress) { 0.33 } else { 0.01 })
            }
            Self::Uneven => failed(rng, if kind == 2 { 0.2 } else { 0.01 }),
        }
    }
}

/// Three in a hundred always fail, seven in a hundred fail one time in ten, the others hardly ever.
fn own_rate(rng: &mut Pcg64Mcg) -> f64 {
    match rng.random_range(0..100) {
        0..3 => 1.0,
        3..10 => 0.1,
        _ => 0.001,
    }
}

/// The highest log-wealths that a harmless rollout ever reached: of everybody as one, and told apart by kinds.
fn peaks(world: World, seed: u64) -> [f64; 2] {
    let (mut rng, mut judges) = (crowd::stream(seed), Judges::new());
    let incident = rng.random_range(0.0..0.9);
    let mut peaks = [0.0_f64; 2];
    for at in 0..BLOCKS {
        let progress = at as f64 / BLOCKS as f64;
        for _ in 0..BLOCK {
            let (kind, on_canary) = (crowd::kind(&mut rng), rng.random_bool(SHARE));
            judges.note(kind, on_canary, world.outcome(&mut rng, kind, progress, incident));
        }
        judges.close();
        let wealths = [judges.pooled.log_wealth(), judges.strata.log_wealth()];
        peaks.iter_mut().zip(wealths).for_each(|(peak, wealth)| *peak = peak.max(wealth));
    }
    peaks
}

fn harmless_builds_stay(level: Level, sweep: Sweep) {
    for world in WORLDS {
        let runs = crowd::runs(sweep);
        let mut rolled_back = [0; 2];
        for peaks in (0..runs).map(|seed| peaks(world, seed)) {
            let reached = |peak: f64| u64::from(peak >= level.log_threshold());
            rolled_back.iter_mut().zip(peaks).for_each(|(count, peak)| *count += reached(peak));
        }
        for (judge, count) in ["as one", "by kinds"].into_iter().zip(rolled_back) {
            let bound = at_most(count, runs);
            println!(
                "{world:?}, {judge}: {count} of {runs} harmless builds rolled back at α = {} (95 % bound {bound:.5})",
                level.get()
            );
            assert!(!crowd::is_full() || bound < level.get(), "{world:?}, {judge}: {count} of {runs}");
            assert!(!sure_to_exceed(count, runs, level.get()), "{world:?}, {judge}: {count} of {runs}");
        }
    }
}

#[test]
fn harmless_builds_stay_at_one_in_a_hundred() {
    harmless_builds_stay(Level::new(0.01).unwrap(), Sweep::of(250, 10_000));
}

#[test]
fn harmless_builds_stay_at_one_in_a_thousand() {
    harmless_builds_stay(Level::ROLL_BACK, Sweep::of(250, 30_000));
}

/// A service of 300 visitors of whom three in a hundred always fail, each with forty requests.
///
/// The same test is fed either with each visitor once or with each request as if it were a visitor.
fn small_service(seed: u64, unit: Unit) -> f64 {
    let mut rng = crowd::stream(seed);
    let visitors: Vec<(bool, f64)> = (0..300).map(|_| (rng.random_bool(0.5), own_rate(&mut rng))).collect();
    let (mut harm, mut peak) = (Harm::new(HarmSpec::PLAIN), 0.0_f64);
    let rounds = match unit {
        Unit::Visitor => 1,
        Unit::Request => 40,
    };
    for _ in 0..rounds {
        for slice in visitors.chunks(20) {
            let (mut canary, mut stable) = (Sample::EMPTY, Sample::EMPTY);
            for (on_canary, rate) in slice {
                let failed = rng.random_bool(*rate);
                let arm = if *on_canary { &mut canary } else { &mut stable };
                arm.add(if failed { Unhealth::FAILED } else { Unhealth::WELL }, 1);
            }
            harm.observe(&crowd::block(canary, stable));
            peak = peak.max(harm.log_wealth());
        }
    }
    peak
}

#[derive(Clone, Copy)]
enum Unit {
    Visitor,
    Request,
}

#[test]
fn fed_with_requests_instead_of_visitors_the_same_test_fails() {
    let level = Level::new(0.01).unwrap();
    let runs = crowd::runs(Sweep::of(1000, 10_000));
    let wrong =
        |unit| (0..runs).filter(|seed| small_service(*seed, unit) >= level.log_threshold()).count() as u64;
    let (by_visitor, by_request) = (wrong(Unit::Visitor), wrong(Unit::Request));
    println!(
        "300 sticky visitors, α = .01: {by_visitor} of {runs} false by visitor, {by_request} by request"
    );
    assert!(at_most(by_visitor, runs) < level.get(), "{by_visitor} of {runs}");
    assert!(sure_to_exceed(by_request, runs, 10.0 * level.get()), "{by_request} of {runs}");
}
