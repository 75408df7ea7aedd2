//! How close the tests come to the bounds: four shifts of the failure rate, and four margins.

use folkops_evidence::{Cap, Harm, HarmSpec, Level, Share, Unhealth, bounds, tuning};

use crate::crowd::{self, Judges, Sweep};
use rand::RngExt;

/// Visitors in a block, of both arms.
const BLOCK: u64 = 20;
/// The canary's share.
const SHARE: f64 = 0.1;

/// Canary visitors until the rollback, over many seeds, sorted.
fn delays(spec: HarmSpec, level: Level, bad: f64, good: f64) -> Vec<u64> {
    let one = |seed| {
        let (mut rng, mut harm) = (crowd::stream(seed), Harm::new(spec));
        while !harm.reaches(level) {
            harm.observe(&crowd::arrivals(&mut rng, BLOCK, SHARE, bad, good));
        }
        harm.canary().visitors
    };
    sorted((0..crowd::runs(Sweep::of(200, 2000))).map(one))
}

fn sorted(delays: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut delays: Vec<u64> = delays.collect();
    delays.sort_unstable();
    delays
}

/// Median and 95th percentile.
fn quantiles(sorted: &[u64]) -> (f64, f64) {
    (sorted[sorted.len() / 2] as f64, sorted[sorted.len() * 19 / 20] as f64)
}

/// Median and mean of delay ÷ bound; prints the rest.
fn shift(level: Level, bad: f64, good: f64) -> (f64, f64) {
    let bound = bounds::two_sample(level, Share::new(SHARE).unwrap(), bad, good);
    let uncapped = HarmSpec { cap: Cap::nats(f64::INFINITY).unwrap(), ..HarmSpec::PLAIN };
    let [(median, mean, p95), (free, ..)] = [HarmSpec::PLAIN, uncapped].map(|spec| {
        let delays = delays(spec, level, bad, good);
        let (median, p95) = quantiles(&delays);
        let mean = delays.iter().sum::<u64>() as f64 / delays.len() as f64;
        (median / bound, mean / bound, p95 / bound)
    });
    println!(
        "health {} → {} at α = {}: bound {bound:.1} canary visitors; delay ÷ bound: median {median:.2}, mean {mean:.2}, \
         95th {p95:.2}; median without the one-nat cap {free:.2}",
        1.0 - good,
        1.0 - bad,
        level.get(),
    );
    (median, mean)
}

#[test]
fn three_shifts_are_found_within_five_quarters_of_the_bound_and_a_crash_loop_within_the_caps_own() {
    let level = Level::new(0.01).unwrap();
    for (bad, good) in [(0.05, 0.01), (0.03, 0.01), (0.02, 0.01)] {
        assert!(shift(level, bad, good).0 <= 1.25, "{good} {bad}");
    }
    // At one nat a visitor, ln(1/α) must have failed: at half the visitors failing, twice as many must have come.
    let floor = level.log_threshold().ceil() * 2.0;
    let bound = bounds::two_sample(level, Share::new(SHARE).unwrap(), 0.5, 0.001);
    assert!(shift(level, 0.5, 0.001).0 * bound <= 1.25 * floor);
}

/// Canary visitors until the rollback of everybody as one and by kinds, of as many slices as both need.
fn told_apart(level: Level, bad: f64, good: f64, seed: u64) -> [u64; 2] {
    let (mut rng, mut judges) = (crowd::stream(seed), Judges::new());
    let mut found = [None; 2];
    while found.contains(&None) {
        for _ in 0..BLOCK {
            let (kind, on_canary) = (crowd::kind(&mut rng), rng.random_bool(SHARE));
            let failed = rng.random_bool(if on_canary { bad } else { good });
            judges.note(kind, on_canary, if failed { Unhealth::FAILED } else { Unhealth::WELL });
        }
        judges.close();
        let reaches = [judges.pooled.reaches(level), judges.strata.reaches(level)];
        for (found, reaches) in found.iter_mut().zip(reaches) {
            *found = found.or(reaches.then(|| judges.pooled.canary().visitors));
        }
    }
    found.map(Option::unwrap)
}

#[test]
fn telling_visitors_apart_delays_what_hurts_all_of_them_alike_by_little() {
    let level = Level::ROLL_BACK;
    for (bad, good) in [(0.05, 0.01), (0.03, 0.01), (0.02, 0.01)] {
        let runs: Vec<_> =
            (0..crowd::runs(Sweep::of(200, 2000))).map(|seed| told_apart(level, bad, good, seed)).collect();
        let [(pooled, pooled_late), (strata, strata_late)] =
            [0, 1].map(|at| quantiles(&sorted(runs.iter().map(|run| run[at]))));
        println!(
            "{good} → {bad} at α = .001: {pooled} canary visitors as one (95th {pooled_late}), {strata} by kinds (95th {strata_late})"
        );
        assert!(strata <= 1.25 * pooled, "{good} {bad}");
    }
}

#[test]
fn at_one_in_a_thousand_the_mean_delay_is_what_steps_are_sized_by() {
    for (bad, good) in [(0.05, 0.01), (0.03, 0.01)] {
        assert!(shift(Level::ROLL_BACK, bad, good).1 <= tuning::INEFFICIENCY);
    }
}

#[test]
fn a_daily_cycle_of_both_arms_delays_the_rollback_but_does_not_hide_the_harm() {
    let level = Level::new(0.01).unwrap();
    let one = |seed| {
        let (mut rng, mut harm) = (crowd::stream(seed), Harm::new(HarmSpec::PLAIN));
        for at in 0.. {
            // Between .01 and .07 over a hundred blocks; the canary adds two points to it.
            let common = 0.04 + 0.03 * (f64::from(at) / 100.0 * std::f64::consts::TAU).sin();
            harm.observe(&crowd::arrivals(&mut rng, BLOCK, SHARE, common + 0.02, common));
            if harm.reaches(level) {
                break;
            }
        }
        harm.canary().visitors
    };
    let (median, p95) = quantiles(&sorted((0..crowd::runs(Sweep::of(100, 1000))).map(one)));
    let bound = bounds::two_sample(level, Share::new(SHARE).unwrap(), 0.06, 0.04);
    println!(
        "two points more on a daily cycle: {:.2} × the bound of the mean rates (95th {:.2})",
        median / bound,
        p95 / bound
    );
    assert!(median <= 2.0 * bound);
}

#[test]
fn a_build_that_flaps_is_found_by_what_it_does_in_the_mean() {
    let level = Level::ROLL_BACK;
    // Ten blocks bad, ten blocks well, for ever: .01 → .10 half of the time.
    let one = |seed| {
        let (mut rng, mut harm) = (crowd::stream(seed), Harm::new(HarmSpec::PLAIN));
        for at in 0.. {
            let bad = if at / 10 % 2 == 0 { 0.1 } else { 0.01 };
            harm.observe(&crowd::arrivals(&mut rng, BLOCK, SHARE, bad, 0.01));
            if harm.reaches(level) {
                break;
            }
        }
        harm.canary().visitors
    };
    let (median, p95) = quantiles(&sorted((0..crowd::runs(Sweep::of(200, 2000))).map(one)));
    let bound = bounds::two_sample(level, Share::new(SHARE).unwrap(), 0.055, 0.01);
    println!(
        "flapping .01/.10: found after {median} canary visitors (95th {p95}) at α = .001, {:.2} × the bound of the mean rate",
        median / bound,
    );
    assert!(median <= 2.0 * bound);
}
