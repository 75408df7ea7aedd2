//! Who does not report: crashes at start, pipelines that break, and what a judge of arrivals alone would see.

use folkops_evidence::{Arm, Block, Cohort, Debts, Harm, HarmSpec, Level, Sample, Settled, Unhealth};
use rand::RngExt;

use crate::crowd::{self, Sweep};

/// Two in a hundred never report, whatever they run.
const NO_RETURN: f64 = 0.02;
/// Reports fall due this long after their assignment; one visitor comes in each unit of time.
const GRACE: u64 = 50;

/// How a judge treats a report that never came.
#[derive(Clone, Copy)]
enum Judge {
    Debts,
    ArrivalsOnly,
}

/// Canary visitors until the rollback of a build that kills `crash` of its clients at start.
fn until_found(seed: u64, crash: f64, judge: Judge, patience: u64) -> Option<u64> {
    let (mut rng, mut harm, mut debts) = (crowd::stream(seed), Harm::new(HarmSpec::PLAIN), Debts::new());
    for now in 0..patience {
        let arm = if rng.random_bool(0.1) { Arm::Canary } else { Arm::Stable };
        debts.open(now, arm, now + GRACE);
        let lost = rng.random_bool(NO_RETURN) || (arm == Arm::Canary && rng.random_bool(crash));
        if !lost {
            debts.pay(&now, if rng.random_bool(0.01) { Unhealth::FAILED } else { Unhealth::WELL });
        }
        if now % 20 == 0 {
            if let Some(Settled::Heard(cohort)) = debts.settle(now) {
                harm.observe(&judged(&cohort, judge));
            }
            if harm.reaches(Level::ROLL_BACK) {
                return Some(harm.canary().visitors);
            }
        }
    }
    None
}

fn judged(cohort: &Cohort, judge: Judge) -> Block {
    let without = |sample: &Sample, unpaid: u64| {
        let failed = sample.total() as u64;
        Sample::of_failures(failed - unpaid, sample.visitors() - failed)
    };
    match judge {
        Judge::Debts => crowd::block(cohort.canary.clone(), cohort.stable.clone()),
        Judge::ArrivalsOnly => crowd::block(
            without(&cohort.canary, cohort.canary_unpaid),
            without(&cohort.stable, cohort.stable_unpaid),
        ),
    }
}

#[test]
fn a_crash_at_start_is_found_every_time_by_debts_and_hardly_ever_by_arrivals() {
    let runs = crowd::runs(Sweep::of(100, 1000));
    let found = |judge| {
        let mut delays: Vec<u64> =
            (0..runs).filter_map(|seed| until_found(seed, 0.2, judge, 20_000)).collect();
        delays.sort_unstable();
        delays
    };
    let (debts, arrivals) = (found(Judge::Debts), found(Judge::ArrivalsOnly));
    println!(
        "crash at start of 20 %, α = .001: debts find {} of {runs}, after {} canary visitors (median; 95th {}); arrivals alone {}",
        debts.len(),
        debts[debts.len() / 2],
        debts[debts.len() * 19 / 20],
        arrivals.len(),
    );
    assert_eq!(debts.len() as u64, runs);
    assert!(arrivals.len() as u64 * 100 <= runs, "{}", arrivals.len());
}

/// Forty visitors of each arm, of whom those for whom `reports` says so pay.
fn cohort_of(reports: impl Fn(Arm, u64) -> bool) -> Settled {
    let mut debts = Debts::new();
    for visitor in 0..80 {
        let arm = if visitor % 2 == 0 { Arm::Canary } else { Arm::Stable };
        debts.open(visitor, arm, 100);
        if reports(arm, visitor) {
            debts.pay(&visitor, Unhealth::WELL);
        }
    }
    assert_eq!(debts.settle(99), None, "nothing is judged before it is due");
    let settled = debts.settle(100).unwrap();
    assert_eq!(debts.open_count(), 0);
    settled
}

#[test]
fn both_arms_silent_is_told_apart_from_a_canary_that_is_silent() {
    assert!(matches!(cohort_of(|_, _| false), Settled::Silent(_)));
    let Settled::Heard(cohort) = cohort_of(|arm, _| arm == Arm::Stable) else { panic!("stable was heard") };
    assert_eq!((cohort.canary_unpaid, cohort.stable_unpaid), (40, 0));
    assert_eq!(cohort.canary, Sample::of_failures(40, 0));
    assert_eq!(cohort.stable.visitors(), 35, "one in eight is a witness and not judged");
}

#[test]
fn silence_of_both_arms_cannot_raise_the_evidence_even_where_no_witness_was_due() {
    let mut harm = Harm::new(HarmSpec::PLAIN);
    for stable in 1..200 {
        let before = harm.log_wealth();
        harm.observe(&crowd::block(Sample::of_failures(20, 0), Sample::of_failures(stable, 0)));
        assert!(harm.log_wealth() <= before + 1e-9);
    }
}

#[test]
fn a_visitor_owes_once_and_only_the_first_report_in_time_counts() {
    let mut debts = Debts::new();
    debts.open("ana", Arm::Canary, 10);
    debts.pay(&"ana", Unhealth::FAILED);
    debts.pay(&"ana", Unhealth::WELL);
    debts.pay(&"stranger", Unhealth::FAILED);
    let Some(Settled::Heard(cohort)) = debts.settle(10) else { panic!("a debt was due") };
    assert_eq!((cohort.canary, cohort.canary_unpaid), (Sample::of_failures(1, 0), 0));
    debts.open("ana", Arm::Stable, 20);
    assert_eq!(debts.settle(30), None, "ana was counted already");
}
