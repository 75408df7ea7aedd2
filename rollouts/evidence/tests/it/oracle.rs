//! Other people's packages compute the same: `tests/oracle/make.py` says which, and wrote the figures.

use folkops_evidence::{
    Allocation, Baseline, Block, Cap, Detector, Harm, HarmSpec, Level, Margin, Safe, Sample, Share, Tally,
    Tolerance, Unhealth, difference, interval,
};
use serde::Deserialize;

use crate::crowd;

#[derive(Deserialize)]
struct Golden {
    wrong_splits: Vec<WrongSplit>,
    intervals: Vec<RateInterval>,
    two_samples: Vec<TwoSamples>,
    soaks: Vec<Soak>,
}

#[derive(Deserialize)]
struct WrongSplit {
    share: f64,
    batches: Vec<(u64, u64)>,
    log_wealth: f64,
}

#[derive(Deserialize)]
struct RateInterval {
    bad: f64,
    visitors: u64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct TwoSamples {
    blocks: Vec<(Vec<f64>, Vec<f64>)>,
    tolerance: f64,
    harm: f64,
    harm_uncapped: f64,
    delta: f64,
    safe_absolute: f64,
    ratio: f64,
    safe_ratio: f64,
}

#[derive(Deserialize)]
struct Soak {
    baseline: f64,
    values: Vec<f64>,
    log_height: f64,
}

/// What gbstats makes of one comparison.
#[derive(Deserialize)]
struct Difference {
    canary: Tally,
    stable: Tally,
    level: f64,
    low: f64,
    high: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../oracle/golden.json")).unwrap()
}

fn same(ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-9 * (1.0 + theirs.abs()), "ours {ours}, theirs {theirs}");
}

fn sample(values: &[f64]) -> Sample {
    values.iter().map(|value| Unhealth::new(*value).unwrap()).collect()
}

fn blocks(case: &TwoSamples) -> Vec<Block> {
    case.blocks.iter().map(|(canary, stable)| crowd::block(sample(canary), sample(stable))).collect()
}

#[test]
fn the_split_is_tested_as_savvi_tests_it() {
    for case in golden().wrong_splits {
        let mut allocation = Allocation::default();
        for (canary, stable) in case.batches {
            allocation.observe(Share::new(case.share).unwrap(), canary, stable);
        }
        same(allocation.log_wealth(), case.log_wealth);
    }
}

#[test]
fn a_rates_interval_is_the_confidence_set_of_savvi() {
    for case in golden().intervals {
        let ours = interval(Tally { unhealth: case.bad, visitors: case.visitors }, Level::new(0.05).unwrap());
        // Theirs comes from a convex solver that stops at about a millionth.
        assert!(
            (ours.low - case.low).abs() < 1e-5 && (ours.high - case.high).abs() < 1e-5,
            "{ours:?} {} {}",
            case.low,
            case.high
        );
    }
}

#[test]
fn harm_is_the_capital_that_confseq_counts_for_both_arms() {
    for case in golden().two_samples {
        let harm = |cap| {
            let tolerance = Tolerance::times(case.tolerance).unwrap();
            let mut harm = Harm::new(HarmSpec { tolerance, cap, ..HarmSpec::PLAIN });
            blocks(&case).iter().for_each(|block| harm.observe(block));
            harm.log_wealth()
        };
        same(harm(Cap::ONE_NAT), case.harm);
        same(harm(Cap::nats(f64::INFINITY).unwrap()), case.harm_uncapped);
    }
}

#[test]
fn safety_is_the_capital_that_confseq_counts_for_both_arms() {
    for case in golden().two_samples {
        let safe = |margin| {
            let mut safe = Safe::new(margin, Baseline::UNKNOWN, Cap::ONE_NAT);
            blocks(&case).iter().for_each(|block| safe.observe(block));
            safe.log_wealth()
        };
        same(safe(Margin::absolute(case.delta).unwrap()), case.safe_absolute);
        same(safe(Margin::ratio(case.ratio).unwrap()), case.safe_ratio);
    }
}

#[test]
fn a_block_of_the_soak_is_the_capital_that_confseq_counts() {
    for case in golden().soaks {
        let mut detector = Detector::new(Unhealth::new(case.baseline).unwrap());
        detector.observe(&sample(&case.values));
        same(detector.log_height(), case.log_height);
    }
}

#[test]
fn the_interval_of_the_difference_is_growthbooks() {
    let cases: Vec<Difference> = serde_json::from_str(include_str!("../oracle/gbstats/golden.json")).unwrap();
    for case in cases {
        let ours = difference(case.canary, case.stable, Level::new(case.level).unwrap()).unwrap();
        same(ours.low, case.low);
        same(ours.high, case.high);
    }
}
