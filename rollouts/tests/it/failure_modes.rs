//! What went wrong with other engines, by what their users reported: each a claim about ours, with its number.
//!
//! Here are the modes that the pure engine answers for; the others are tried where they belong.
//!
//! | mode | claim |
//! |---|---|
//! | 1 low traffic, one bad request of ten | `one_bad_visitor_out_of_ten_is_no_failed_window`, `where_one_visitor_comes_at_a_time_a_bad_build_is_still_found` |
//! | 2 unbounded counting | `usual_failures_never_add_up_to_a_rollback_however_long_it_takes` |
//! | 3 no data read as success or failure | `no_data_is_neither_success_nor_failure_until_time_is_up_and_then_the_stated_default` |
//! | 4 weight and capacity moved separately | `no_visitor_is_sent_to_what_does_not_answer_and_both_shares_move_in_one_step` |
//! | 5 the way back less tried | `from_wherever_a_rollout_stands_harm_leads_back`; every call killed: `tests/faults/rollouts.rs` |
//! | 6 control plane taken for data plane | `shares_that_are_set_but_not_found_among_visitors_hold_the_rollout` |
//! | 7 metrics later than the step | `a_step_waits_for_what_its_visitors_show_however_late_that_comes` |
//! | 8 a new revision in mid-ramp | `a_newer_release_begins_from_nothing_and_the_older_ones_visitors_say_nothing_of_it` |
//! | 9 the current build unwell | `beside_an_unwell_current_build_a_worse_one_is_found_and_one_that_mends_it_comes_to_everybody`, `beside_a_current_build_that_fails_most_visitors_nothing_advances_however_sound_the_new_one_looks` |
//! | 10 autoscaler sees the sum | `neither_side_stops_while_anybody_may_be_sent_to_it` (`check.rs`), `both_sides_run_all_their_parts_at_every_step_and_neither_stops_before_it_is_over` (`commands`), `two_releases_side_by_side_run_all_their_parts_and_the_end_of_one_takes_nothing_from_the_other` (`adapters/local`) |
//! | 11 a stale phase after the rollback | `what_is_over_is_over_whatever_is_said_or_seen_afterwards` |
//! | 12 non-sticky sampling | `who_never_brings_the_cookie_back_always_gets_the_default_and_is_never_counted`, `nobody_is_moved_back_while_the_weight_rises_not_even_by_a_restart` (`bot/router`) |
//! | 13 a restart draws the exposed anew | `no_move_and_no_restart_changes_the_salt_by_which_visitors_are_chosen_or_the_shares_nested_in_each_other` |
//! | 14 client's clock or cache | `nothing_that_a_client_says_beside_its_id_moves_it_or_counts_it_again`, `no_shared_cache_may_keep_an_answer_that_another_visitor_would_get_from_another_build` (`bot/router`) |
//! | 15 survivors report well | `a_crash_at_start_is_found_in_every_run_and_in_none_by_those_who_asked_again` |
//! | 16 an incident of all blamed on the release | `an_incident_that_hits_both_builds_takes_nothing_back` |
//! | 17 a controller forgets its counters | `a_bot_that_was_killed_after_any_record_knows_what_it_knew` |
//! | 18 the judge's outage freezes or promotes | `an_outage_of_what_is_told_holds_and_then_lets_go_on` |

use std::collections::BTreeMap;

use folkops_model::{
    BasisPoints, Cohort, Counts, Held, Intent, Late, Observation, Principal, ReleaseNumber, RolloutEnd, Tick,
    Visitors,
};
use folkops_record::Fold;
use folkops_rollouts::check::{Change, Refusal, Up, check};
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::simulate::{Course, Outcome, Report, Scenario, Traffic, synthetic};
use folkops_rollouts::{Move, Rollouts, Stage, Template};
use jiff::{SignedDuration, Timestamp};

const SEEDS: u64 = 20;
const TRIED: ReleaseNumber = ReleaseNumber(2);
const BEGIN: Timestamp = Timestamp::UNIX_EPOCH;

/// A service of 12,000 visitors an hour; a rollout may take two.
fn template() -> Template {
    let lasts = std::time::Duration::from_secs(7_200);
    Template { visitors: 24_000, lasts, soak: std::time::Duration::ZERO, ..Template::ordinary() }
}

fn traffic(failing: f64, scenario: Scenario) -> Traffic {
    Traffic { visitors_per_minute: 200.0, usual: 0.01, failing, scenario }
}

fn all(traffic: &Traffic) -> Vec<Report> {
    (0..SEEDS).map(|seed| synthetic(&template(), traffic, seed).unwrap()).collect()
}

fn after(seconds: i64) -> Timestamp {
    BEGIN + SignedDuration::from_secs(seconds)
}

/// Some visitors, of whom so many failed.
fn visitors(exposed: u64, failed: u64) -> Visitors {
    let histogram = |unwell: u64| -> BTreeMap<u8, u64> {
        [(32, unwell), (0, exposed - unwell)].into_iter().filter(|(_, count)| *count > 0).collect()
    };
    Visitors { exposed, failed: histogram(failed), slow: histogram(0) }
}

/// A block in which both builds' visitors came and fared like this.
fn seen(at: Timestamp, candidate: Visitors, stable: Visitors) -> Observation {
    let share = |points| BasisPoints::new(points).unwrap();
    let counts = |visitors: &Visitors| {
        let affected = visitors.failed.get(&32).copied().unwrap_or(0);
        let Visitors { exposed, .. } = *visitors;
        Counts { requests: exposed, failed: affected, slow: 0, affected, visitors: exposed }
    };
    let tick = Tick { at, weight: share(500), candidate: counts(&candidate), stable: counts(&stable) };
    let kinds = BTreeMap::new();
    let cohort = Cohort {
        at,
        weight: share(500),
        control: share(1_500),
        candidate,
        stable,
        kinds,
        half: Visitors::default(),
    };
    let (cohorts, ticks) = (vec![cohort], vec![tick]);
    Observation { epoch: "e".into(), next_cohort: 0, next_tick: 0, cohorts, ticks }
}

fn begun(template: &Template) -> Course {
    Course::begin(template, BEGIN).unwrap()
}

/// Feeds the same block every five seconds, until something is decided; what was, and when.
fn until_decided(course: &mut Course, candidate: (u64, u64), stable: (u64, u64)) -> Option<(i64, Move)> {
    let from = course.now().as_second();
    (1..1_000).map(|block| from + 5 * block).find_map(|second| {
        let (new, current) = (visitors(candidate.0, candidate.1), visitors(stable.0, stable.1));
        course.see(after(second), seen(after(second), new, current));
        course.decide(after(second)).unwrap().proposed.map(|wanted| (second, wanted))
    })
}

/// Mode 1: low traffic, one bad request out of ten is a failed window.
#[test]
fn one_bad_visitor_out_of_ten_is_no_failed_window() {
    let mut course = begun(&template());
    for block in 1..=2 {
        course.see(after(5 * block), seen(after(5 * block), visitors(10, 1), visitors(30, 0)));
        let wanted = course.decide(after(5 * block)).unwrap().proposed;
        assert!(matches!(wanted, None | Some(Move::Step { .. })), "{wanted:?}");
    }
    assert!(matches!(course.row().stage, Stage::Rising { .. }));
}

/// Mode 9, the other side of it: beside what is ill every build looks sound.
#[test]
fn beside_a_current_build_that_fails_most_visitors_nothing_advances_however_sound_the_new_one_looks() {
    let mut course = begun(&template());
    assert_eq!(until_decided(&mut course, (10, 5), (30, 30)).unwrap().1, Move::Hold(Held::NothingSound));
    for _ in 0..20 {
        let now = course.now() + SignedDuration::from_secs(5);
        course.see(now, seen(now, visitors(10, 5), visitors(30, 30)));
        assert_eq!(course.decide(now).unwrap().proposed, None);
    }
    let (_, next) = until_decided(&mut course, (10, 0), (30, 0)).unwrap();
    assert_eq!(next, Move::Resume, "the current build is well again");
}

/// Mode 1, the operator's own limit: so few visitors as these do not decide for the others, however good they fared.
#[test]
fn nobody_else_gets_it_before_the_least_number_of_visitors_had_it() {
    let stepped_after = |least: u64| {
        let mut course = begun(&Template { least, ..template() });
        until_decided(&mut course, (10, 0), (30, 0)).map(|(second, _)| second)
    };
    assert!(stepped_after(0).unwrap() < 150);
    assert_eq!(stepped_after(300), Some(150), "ten come every five seconds");
}

/// Mode 1, the other side of it: where few come, most blocks have visitors of one build alone, and these count too.
#[test]
fn where_one_visitor_comes_at_a_time_a_bad_build_is_still_found() {
    let mut course = begun(&template());
    let one = |failed| visitors(1, failed);
    let mut moves = (1..400).filter_map(|block| {
        let (new, current) = if block % 4 == 0 { (one(1), visitors(0, 0)) } else { (visitors(0, 0), one(0)) };
        course.see(after(5 * block), seen(after(5 * block), new, current));
        course.decide(after(5 * block)).unwrap().proposed
    });
    assert!(moves.any(|wanted| wanted == Move::RollBack(Grounds::Harm)));
}

/// Mode 2: failures are counted without bound, so that whatever lasts long enough is rolled back.
#[test]
fn usual_failures_never_add_up_to_a_rollback_however_long_it_takes() {
    let forever = Template { margin: 0.000_1, lasts: std::time::Duration::from_secs(36_000), ..template() };
    for seed in 0..5 {
        let report = synthetic(&forever, &traffic(0.01, Scenario::Steady), seed).unwrap();
        assert!(report.totals.candidate.affected > 50, "{:?}", report.totals);
        assert!(!matches!(report.outcome, Outcome::Back(_)), "{report:?}");
    }
}

/// Mode 3: no data is read as success, or as failure.
#[test]
fn no_data_is_neither_success_nor_failure_until_time_is_up_and_then_the_stated_default() {
    let defaults = [
        (Late::Hold, Move::Hold(Held::Late)),
        (Late::RollBack, Move::RollBack(Grounds::Late)),
        (Late::Advance, Move::Step { rung: 1 }),
    ];
    for (late, wanted) in defaults {
        let mut course = begun(&Template { late, ..template() });
        for minute in 1..120 {
            assert_eq!(course.decide(after(60 * minute)).unwrap().proposed, None);
        }
        assert_eq!(course.decide(after(7_200)).unwrap().proposed, Some(wanted));
    }
}

/// Mode 4: weight and capacity are moved separately.
#[test]
fn no_visitor_is_sent_to_what_does_not_answer_and_both_shares_move_in_one_step() {
    let course = begun(&template());
    let rollout = &course.row().rollout;
    let not_up = Change::Start { production: rollout.from, up: Up::No };
    assert_eq!(check(rollout, not_up), Err(Refusal::NotUp(TRIED)));
    let first = rollout.rungs[0];
    for rung in &rollout.rungs {
        let (control, times) =
            (f64::from(rung.control.get()), f64::from(rung.weight.get()) / f64::from(first.weight.get()));
        assert!((control - times * f64::from(first.control.get())).abs() <= times + 1.0, "{rung:?}");
    }
}

/// Mode 5: the way back is less tried than the way on.
#[test]
fn from_wherever_a_rollout_stands_harm_leads_back() {
    let (release, by) = (TRIED, Principal::Automation);
    let stands: [&[Intent]; 4] = [
        &[],
        &[Intent::StepRollout { release, rung: 1 }],
        &[Intent::HoldRollout { release, why: Held::Late }],
        &[Intent::PauseRollout { release, by, reason: None }],
    ];
    for intents in stands {
        let mut course = begun(&template());
        intents.iter().for_each(|intent| course.intend(BEGIN, intent.clone()));
        let mut moves = std::iter::from_fn(|| until_decided(&mut course, (10, 8), (30, 0)));
        // Suspicion may come first; then the rollback, and nothing after it.
        assert!(
            moves.by_ref().any(|(second, wanted)| wanted == Move::RollBack(Grounds::Harm) && second <= 60),
            "{intents:?}"
        );
        assert_eq!(course.row().stage, Stage::Ended(RolloutEnd::RolledBack));
    }
}

/// Mode 6: what the control plane was told is taken for what happens to requests.
#[test]
fn shares_that_are_set_but_not_found_among_visitors_hold_the_rollout() {
    let mut course = begun(&template());
    let mut moves =
        std::iter::from_fn(|| until_decided(&mut course, (20, 0), (20, 0))).map(|(_, wanted)| wanted);
    // A crash loop is excluded sooner than it is certain that the shares are wrong.
    let after_steps = moves.find(|wanted| !matches!(wanted, Move::Step { .. }));
    assert_eq!(after_steps, Some(Move::Hold(Held::WrongShares)));
    assert_eq!(moves.next(), None);
}

/// Mode 7: metrics come later than the step is over.
#[test]
fn a_step_waits_for_what_its_visitors_show_however_late_that_comes() {
    let slow =
        Template { timing: folkops_model::Timing { period_ms: 900_000, ..template().timing }, ..template() };
    for seed in 0..SEEDS {
        let report = synthetic(&slow, &traffic(0.01, Scenario::Steady), seed).unwrap();
        let (first, _) = report.moves[0];
        assert!(first >= SignedDuration::from_secs(900), "{:?}", report.moves);
    }
}

/// Mode 8: a new revision in mid-ramp.
#[test]
fn a_newer_release_begins_from_nothing_and_the_older_ones_visitors_say_nothing_of_it() {
    let mut course = begun(&template());
    until_decided(&mut course, (10, 0), (30, 0)).unwrap();
    let old = course.row().clone();
    let newer =
        folkops_model::Rollout { release: ReleaseNumber(3), salt: "11".repeat(16), ..old.rollout.clone() };
    let end = RolloutEnd::Superseded;
    course.intend(after(600), Intent::EndRollout { release: TRIED, end, by: Principal::Automation });
    course.intend(after(600), Intent::StartRollout { rollout: newer });
    course.see(after(605), seen(after(605), visitors(10, 10), visitors(30, 0)));
    course.intend(after(605), Intent::StepRollout { release: TRIED, rung: 2 });
    let row = course.fold().rollouts.get(&ReleaseNumber(3)).unwrap();
    assert_eq!((&row.stage, row.totals), (&Stage::Rising { rung: 0 }, folkops_rollouts::Totals::default()));
    assert_eq!(row.judged, folkops_rollouts::Judged::of(&row.rollout));
    assert_eq!(course.row().stage, Stage::Ended(RolloutEnd::Superseded));
    assert_eq!(course.decide(after(610)).unwrap().proposed, None);
}

/// Mode 9: the current build is unwell itself.
#[test]
fn beside_an_unwell_current_build_a_worse_one_is_found_and_one_that_mends_it_comes_to_everybody() {
    let beside = |failing| Traffic { usual: 0.4, ..traffic(failing, Scenario::Steady) };
    for report in all(&beside(0.7)) {
        assert!(matches!(report.outcome, Outcome::Back(_)), "{report:?}");
    }
    for report in all(&beside(0.05)) {
        assert_eq!(report.outcome, Outcome::Everybody, "{report:?}");
    }
}

/// Mode 11: a stale phase after the rollback.
#[test]
fn what_is_over_is_over_whatever_is_said_or_seen_afterwards() {
    let mut course = begun(&template());
    let (release, by) = (TRIED, Principal::Automation);
    course.intend(BEGIN, Intent::EndRollout { release, end: RolloutEnd::RolledBack, by: by.clone() });
    for intent in [
        Intent::PauseRollout { release, by: by.clone(), reason: None },
        Intent::ResumeRollout { release, by: by.clone() },
        Intent::StepRollout { release, rung: 1 },
        Intent::EndRollout { release, end: RolloutEnd::Live, by },
    ] {
        course.intend(after(5), intent);
        assert_eq!(course.row().stage, Stage::Ended(RolloutEnd::RolledBack));
    }
    assert_eq!(until_decided(&mut course, (10, 0), (30, 0)), None);
}

/// Mode 13: who was exposed is drawn anew at a restart.
#[test]
fn no_move_and_no_restart_changes_the_salt_by_which_visitors_are_chosen_or_the_shares_nested_in_each_other() {
    let mut course = begun(&template());
    let decided = course.row().rollout.clone();
    while until_decided(&mut course, (10, 0), (30, 0)).is_some() {
        assert_eq!(course.row().rollout, decided);
        assert_eq!(restored(course.fold()).rollouts.get(&TRIED).unwrap().rollout, decided);
    }
    assert!(decided.rungs.windows(2).all(|pair| pair[0].weight < pair[1].weight));
}

/// Mode 15: survivors report well.
#[test]
fn a_crash_at_start_is_found_in_every_run_and_in_none_by_those_who_asked_again() {
    for report in all(&traffic(0.01, Scenario::Crash(0.2))) {
        assert!(matches!(report.outcome, Outcome::Back(_)), "{report:?}");
    }
    // The control: a judge who reads only what arrives sees the same visitors without the crashed ones.
    for report in all(&traffic(0.01, Scenario::Steady)) {
        assert_eq!(report.outcome, Outcome::Everybody, "{report:?}");
    }
}

/// Mode 16: an incident of the whole fleet is blamed on the release.
#[test]
fn an_incident_that_hits_both_builds_takes_nothing_back() {
    for report in all(&traffic(0.01, Scenario::Incident)) {
        assert!(!matches!(report.outcome, Outcome::Back(_)), "{report:?}");
    }
}

/// Mode 17: a controller that restarts forgets its counters.
#[test]
fn a_bot_that_was_killed_after_any_record_knows_what_it_knew() {
    let mut course = begun(&template());
    while until_decided(&mut course, (10, 0), (30, 0)).is_some() {}
    let mut living = Rollouts::default();
    for record in course.records() {
        // Killed and restored before each record, beside one that never was.
        let mut again = restored(&living);
        living.apply(record);
        again.apply(record);
        assert_eq!(again.rollouts.get(&TRIED), living.rollouts.get(&TRIED));
    }
    assert_eq!(living.rollouts.get(&TRIED), Some(course.row()));
    assert_eq!(course.row().stage, Stage::Ended(RolloutEnd::Live));
}

/// The fold as a projection gives it back after a start.
fn restored(fold: &Rollouts) -> Rollouts {
    let mut again = Rollouts::default();
    for (table, empty) in fold.tables().into_iter().zip(again.tables_mut()) {
        for row in table.export().unwrap() {
            let (_, key) = row.key.split_once('/').unwrap();
            assert!(empty.restore(key, &row.value.unwrap()));
        }
    }
    again
}

/// Mode 18: the judge's outage freezes the rollout for ever, or promotes.
#[test]
fn an_outage_of_what_is_told_holds_and_then_lets_go_on() {
    let held =
        |report: &Report| report.moves.iter().position(|(_, wanted)| *wanted == Move::Hold(Held::Silent));
    let mut silent = 0;
    for report in all(&traffic(0.01, Scenario::Outage)) {
        assert_eq!(report.outcome, Outcome::Everybody, "{report:?}");
        let Some(at) = held(&report) else { continue };
        silent += 1;
        assert_eq!(report.moves[at + 1].1, Move::Resume, "{report:?}");
    }
    assert!(silent > SEEDS / 2, "{silent} rollouts of {SEEDS} met the outage");
}
