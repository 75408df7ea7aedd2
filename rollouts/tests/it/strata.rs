//! What telling visitors apart by the kind of their client finds, over whole rollouts.

use std::collections::BTreeMap;
use std::time::Duration;

use folkops_model::{BasisPoints, ClientKind, Cohort, Compared, Observation, Visitors};
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::simulate::{Course, Outcome, Report, Scenario, Traffic, retold, synthetic};
use folkops_rollouts::words::stands_out;
use folkops_rollouts::{Move, Template};
use jiff::{SignedDuration, Timestamp};

const SEEDS: u64 = 200;

/// A busy service whose rollouts have the time to find what hurts few.
fn template() -> Template {
    Template {
        visitors: 48_000,
        margin: 0.02,
        budget: 1_000_000,
        soak: Duration::ZERO,
        ..Template::ordinary()
    }
}

fn traffic(failing: f64, scenario: Scenario) -> Traffic {
    Traffic { visitors_per_minute: 800.0, usual: 0.01, failing, scenario }
}

fn without_kinds(seen: &mut Observation) {
    seen.cohorts.iter_mut().for_each(|cohort| cohort.kinds.clear());
}

/// How many went back, and the median of visitors of the new build until then.
fn found(run: impl Fn(u64) -> Report) -> (u64, u64) {
    let reports = (0..SEEDS).map(run).filter(|report| report.outcome == Outcome::Back(Grounds::Harm));
    let mut delays: Vec<u64> = reports.map(|report| report.totals.candidate.visitors).collect();
    delays.sort_unstable();
    (delays.len() as u64, delays.get(delays.len() / 2).copied().unwrap_or(u64::MAX))
}

#[test]
fn a_build_that_hurts_one_visitor_in_twenty_is_found_sooner_and_more_surely_when_kinds_are_told() {
    // With 0.6 of them everybody's failures rise by more than the margin, so that one in twenty may go on (β); with 0.4 by
    // a little less, so that nothing is promised of it.
    for (failing, least) in [(0.6, SEEDS * 19 / 20), (0.4, 0)] {
        let traffic = traffic(failing, Scenario::Stratum(0.05));
        let (with, until) = found(|seed| synthetic(&template(), &traffic, seed).unwrap());
        let (without, as_one) = found(|seed| retold(&template(), &traffic, seed, without_kinds).unwrap());
        println!(
            "{failing} of one kind of 5 % fail: with kinds {with} of {SEEDS} go back after {until} visitors of the new \
             build (median), without {without} after {as_one}"
        );
        assert!(with >= least && with >= without && until < as_one);
    }
}

/// Visitors of whom so many failed.
fn visitors(failed: u64, well: u64) -> Visitors {
    let [failed, slow] = [[(32, failed), (0, well)], [(32, 0), (0, failed + well)]].map(BTreeMap::from);
    Visitors { exposed: failed.values().sum(), failed, slow }
}

/// Blocks in which so many programs came to the new build and all failed; everybody else is well.
fn course(programs: u64, blocks: i64) -> Course {
    let mut course = Course::begin(&template(), Timestamp::UNIX_EPOCH).unwrap();
    let share = |points| BasisPoints::new(points).unwrap();
    for block in 1..=blocks {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(5 * block);
        let kinds = BTreeMap::from([
            (ClientKind::Phone, Compared { candidate: visitors(0, 20), stable: visitors(0, 60) }),
            (
                ClientKind::Program,
                Compared { candidate: visitors(programs, 0), stable: visitors(0, 3 * programs) },
            ),
        ]);
        let (mut candidate, mut stable) = (Visitors::default(), Visitors::default());
        kinds.values().for_each(|compared| {
            candidate.add(&compared.candidate);
            stable.add(&compared.stable);
        });
        let cohort = Cohort {
            at,
            weight: share(500),
            control: share(1_500),
            candidate,
            stable,
            kinds,
            half: Visitors::default(),
        };
        course.see(
            at,
            Observation {
                epoch: "e".into(),
                next_cohort: 0,
                next_tick: 0,
                cohorts: vec![cohort],
                ticks: vec![],
            },
        );
    }
    course
}

#[test]
fn the_kind_that_is_hurt_alone_is_named_with_its_own_figures() {
    let mut course = course(1, 20);
    let planned = course.decide(course.row().began + SignedDuration::from_secs(100)).unwrap();
    assert_eq!(planned.proposed, Some(Move::RollBack(Grounds::Harm)));
    let evidence = planned.evidence.unwrap();
    let said = stands_out(&evidence).unwrap();
    assert_eq!(said, "Programs: new build 100 % failed, current build 0.0 %.");
    let stands_out = evidence.worst.unwrap().stratum.unwrap();
    assert_eq!(stands_out.stratum.as_str(), ClientKind::Program.plural());
    assert_eq!((stands_out.canary.visitors, stands_out.canary.rate), (20, Some(1.0)));
    assert_eq!((stands_out.stable.visitors, stands_out.stable.rate), (60, Some(0.0)));
}

#[test]
fn two_kinds_in_one_block_of_time_are_one_block_and_never_roll_back_alone() {
    for (blocks, wanted) in [(1, None), (2, Some(Move::RollBack(Grounds::Harm)))] {
        let mut course = course(20, blocks);
        assert_eq!(
            course.decide(course.row().began + SignedDuration::from_secs(20)).unwrap().proposed,
            wanted
        );
    }
}
