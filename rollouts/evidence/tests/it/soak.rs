//! After 100 %: false alarms are as far apart, and as rare, as promised; a shift is found near Lorden's bound, a slow leak
//! is found.

use folkops_evidence::soak::{Soak, height};
use folkops_evidence::{Detector, Level, Sample, Tally, Unhealth, bounds};
use rand_distr::{Binomial, Distribution};
use rand_pcg::Pcg64Mcg;

use crate::crowd::{self, Sweep};

/// Visitors in a block.
const BLOCK: u64 = 50;
/// What the fleet failed at before.
const BASELINE: f64 = 0.01;
/// Blocks between false alarms that are asked for, on average.
const RUN_LENGTH: f64 = 1000.0;

fn failing(rng: &mut Pcg64Mcg, rate: f64) -> Sample {
    let failed = Binomial::new(BLOCK, rate).unwrap().sample(rng);
    Sample::of_failures(failed, BLOCK - failed)
}

/// Blocks until the alarm, at most `patience`, when block b fails at `rate(b)`.
fn until_alarm(seed: u64, patience: u64, rate: impl Fn(u64) -> f64) -> u64 {
    let (mut rng, mut detector) = (crowd::stream(seed), Detector::new(Unhealth::new(BASELINE).unwrap()));
    while detector.blocks() < patience && !detector.alarms(RUN_LENGTH) {
        let block = failing(&mut rng, rate(detector.blocks()));
        detector.observe(&block);
    }
    detector.blocks()
}

fn median(mut of: Vec<u64>) -> f64 {
    of.sort_unstable();
    of[of.len() / 2] as f64
}

#[test]
fn false_alarms_are_at_least_as_far_apart_as_promised() {
    let runs = crowd::runs(Sweep::of(100, 2000));
    // Cut off at twenty times the promise: the true mean is longer still.
    let total: u64 = (0..runs).map(|seed| until_alarm(seed, 20_000, |_| BASELINE)).sum();
    let mean = total as f64 / runs as f64;
    println!("soak: false alarms {mean:.0} blocks apart on average (promised {RUN_LENGTH})");
    assert!(mean >= RUN_LENGTH);
}

#[test]
fn a_shift_is_found_near_lordens_bound() {
    let runs = crowd::runs(Sweep::of(200, 2000));
    for bad in [0.02, 0.03, 0.05, 0.1] {
        // The promise is in blocks, so the bound is, too: a block tells as much as its visitors together.
        let bound = bounds::lorden(RUN_LENGTH, bad, BASELINE) / BLOCK as f64;
        let delay = median(
            (0..runs)
                .map(|seed| until_alarm(seed, 100_000, |at| if at < 200 { BASELINE } else { bad }))
                .filter(|at| *at > 200)
                .map(|at| at - 200)
                .collect(),
        );
        println!(
            "soak: {BASELINE} → {bad}: alarm after {delay} blocks of {BLOCK} (median), Lorden's bound {bound:.1}"
        );
        assert!(delay <= 2.0 * bound + 1.0, "{delay} {bound}");
    }
}

#[test]
fn a_slow_leak_is_found_while_it_is_small() {
    let runs = crowd::runs(Sweep::of(100, 1000));
    // The rate of failure grows by one in ten thousand with each block.
    let leak = |at: u64| BASELINE + 1e-4 * at as f64;
    let found = median((0..runs).map(|seed| until_alarm(seed, 9000, leak)).collect());
    println!(
        "soak: a leak of 0.01 points a block is found after {found} blocks, at {:.1} % failures",
        100.0 * leak(found as u64)
    );
    assert!(leak(found as u64) < 0.03, "{found}");
}

/// Whether a soak of so many blocks raises an alarm, after a control of so many visitors, with both at these rates.
fn alarms(seed: u64, blocks: u64, control: u64, rates: (f64, f64)) -> bool {
    let (mut rng, height) = (crowd::stream(seed), height(blocks, Level::ROLL_BACK));
    let unwell = Binomial::new(control, rates.0).unwrap().sample(&mut rng);
    let mut soak = Soak::after(Tally { unhealth: unwell as f64, visitors: control }, height);
    (0..blocks).any(|_| {
        soak.observe(&failing(&mut rng, rates.1));
        soak.log_height() >= height.ln()
    })
}

#[test]
fn after_a_control_that_was_only_seen_a_soak_is_falsely_alarmed_less_often_than_once_in_a_thousand() {
    let runs = crowd::runs(Sweep::of(2_000, 30_000));
    for control in [100, 300, 1_000, 10_000] {
        let alarms = (0..runs).filter(|seed| alarms(*seed, 360, control, (BASELINE, BASELINE))).count();
        println!("soak: {alarms} false alarms in {runs} soaks of 360 blocks after a control of {control}");
        assert!(alarms as f64 <= 0.001 * runs as f64, "{alarms} of {runs}");
    }
}

#[test]
fn taking_what_the_control_showed_for_the_truth_is_falsely_alarmed_far_more_often() {
    let naive = |seed: u64| {
        let (mut rng, height) = (crowd::stream(seed), height(360, Level::ROLL_BACK));
        let unwell = Binomial::new(300, BASELINE).unwrap().sample(&mut rng);
        let mut soak = Soak::beside(Unhealth::new(unwell as f64 / 300.0).unwrap());
        (0..360).any(|_| {
            soak.observe(&failing(&mut rng, BASELINE));
            soak.log_height() >= height.ln()
        })
    };
    let alarms = (0..200).filter(|seed| naive(*seed)).count();
    println!("soak: {alarms} false alarms in 200 soaks beside the control's own rate (a control of 300)");
    assert!(alarms > 20, "{alarms}");
}
