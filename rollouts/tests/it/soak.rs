//! The soak: what turns bad after everybody has it goes back, near the bound; what stays good is left alone; silence says
//! nothing.

use std::time::Duration;

use folkops_evidence::{Level, bounds, soak};
use folkops_model::{Counts, Observation, RolloutEnd, Rung, Tick};
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::simulate::{Course, Outcome, Report, Scenario, TURN, Traffic, synthetic};
use folkops_rollouts::{Move, Stage, Template};
use jiff::{SignedDuration, Timestamp};

const SEEDS: u64 = 200;
const PER_MINUTE: f64 = 200.0;
const USUAL: f64 = 0.01;

/// A service of 12,000 visitors an hour, watched for half an hour after everybody has a release.
fn template(margin: f64) -> Template {
    Template { visitors: 24_000, lasts: Duration::from_secs(7_200), margin, ..Template::ordinary() }
}

fn run(template: &Template, failing: f64, scenario: Scenario, seed: u64) -> Report {
    let traffic = Traffic { visitors_per_minute: PER_MINUTE, usual: USUAL, failing, scenario };
    synthetic(template, &traffic, seed).unwrap()
}

fn went_back(report: &Report) -> bool {
    report.outcome == Outcome::Back(Grounds::Soak)
}

/// Visitors who came after the build had turned and were watched to the end before the alarm.
fn delay(template: &Template, report: &Report) -> f64 {
    let everybody = report.moves.iter().find(|(_, wanted)| *wanted == Move::Finish).unwrap().0;
    let watched = SignedDuration::from_millis(i64::try_from(template.timing.period_ms).unwrap());
    let since = (report.lasted - watched - everybody).as_secs_f64();
    (since - TURN * template.soak.as_secs_f64()) * PER_MINUTE / 60.0
}

#[test]
fn what_turns_bad_after_everybody_has_it_goes_back_within_reach_of_the_bound() {
    // How large the control was, and so what a soak can show, follows from the margin.
    for (margin, failing, at_least, at_most) in
        [(0.05, 0.1, 0.95, 6.0), (0.05, 0.3, 0.98, 5.0), (0.02, 0.05, 0.75, 5.0), (0.02, 0.1, 0.98, 5.0)]
    {
        let template = template(margin);
        let blocks = u64::try_from(template.soak.as_millis()).unwrap() / template.timing.block_ms + 2;
        let reports: Vec<Report> =
            (0..SEEDS).map(|seed| run(&template, failing, Scenario::Turn, seed)).collect();
        let control: u64 = reports.iter().map(|report| report.totals.stable.visitors).sum();
        let found = reports.iter().filter(|report| went_back(report));
        let mut delays: Vec<f64> = found.map(|report| delay(&template, report)).collect();
        delays.sort_by(f64::total_cmp);
        let (many, median) = (delays.len(), delays[delays.len() / 2]);
        let bound = bounds::lorden(soak::height(blocks, Level::ROLL_BACK), failing, USUAL);
        println!(
            "soak: {USUAL} → {failing} after a control of {}: {many} of {SEEDS} go back, {median:.0} visitors after the \
             turn (median; 95th {:.0}); Lorden's bound {bound:.0}, ratio {:.2}",
            control / SEEDS,
            delays[delays.len() * 95 / 100],
            median / bound
        );
        assert!(many as f64 >= at_least * SEEDS as f64, "{many} of {SEEDS} at {failing}");
        assert!(delays[0] > 0.0, "none goes back before it has turned");
        // Alarms come with whole blocks, so that the delay is one of visitors up to a block of them.
        let block = f64::from(u32::try_from(template.timing.block_ms).unwrap()) * PER_MINUTE / 60_000.0;
        assert!(median <= at_most * bound + block, "{median} {bound}");
    }
}

#[test]
fn a_slow_leak_that_begins_with_the_soak_is_found_in_it_and_nowhere_else() {
    let template = template(0.02);
    let reports: Vec<Report> = (0..SEEDS / 4).map(|seed| run(&template, 0.2, Scenario::Leak, seed)).collect();
    assert!(reports.iter().all(went_back), "{reports:?}");
    // The control: without a soak everybody keeps it.
    let blind = Template { soak: Duration::ZERO, ..template };
    let kept = (0..SEEDS / 4).map(|seed| run(&blind, 0.2, Scenario::Leak, seed).outcome);
    assert!(kept.into_iter().all(|outcome| outcome == Outcome::Everybody));
}

#[test]
fn a_good_release_is_left_alone_in_its_soak() {
    let alarms = (0..SEEDS).filter(|seed| went_back(&run(&template(0.05), USUAL, Scenario::Steady, *seed)));
    assert_eq!(alarms.count(), 0);
}

#[test]
fn silence_in_a_soak_is_no_reason_for_anything_and_its_end_comes_all_the_same() {
    let mut course = Course::begin(&template(0.05), Timestamp::UNIX_EPOCH).unwrap();
    let release = course.row().rollout.release;
    let by = folkops_model::Principal::Automation;
    course.intend(after(60), folkops_model::Intent::SoakRollout { release, by });
    course.see(after(65), one_tick(after(65)));
    let Stage::Soaking { until } = course.row().stage else { panic!("{:?}", course.row().stage) };
    assert_eq!(until, after(60 + 1_800));
    for second in (70..1_860).step_by(5) {
        assert_eq!(course.decide(after(second)).unwrap().proposed, None, "at {second}");
    }
    assert_eq!(course.decide(until).unwrap().proposed, Some(Move::Keep));
    assert_eq!(course.row().stage, Stage::Ended(RolloutEnd::Live));
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn one_tick(at: Timestamp) -> Observation {
    let candidate = Counts { requests: 9, failed: 9, slow: 0, affected: 9, visitors: 9 };
    let tick = Tick { at, weight: Rung::EVERYBODY.weight, candidate, stable: Counts::default() };
    Observation { epoch: "e".into(), next_cohort: 0, next_tick: 1, cohorts: vec![], ticks: vec![tick] }
}
