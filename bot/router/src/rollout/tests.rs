//! Cohorts and ticks by a clock that the test moves.

mod lab;

use std::num::NonZeroU32;

use folkops_model::ClientKind;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::observed::{Counts, Outcome, Tick};
use crate::outcomes::End;
use crate::split::Weight;
use lab::{BLOCK, Lab, MATURE, PERIOD, SLOW, backend, bins, share};

#[test]
fn each_visitor_is_judged_once_by_their_first_period() {
    let lab = Lab::new();
    let [ana, ben] = [Side::Candidate, Side::Stable].map(|side| lab.people(side, 1).remove(0));
    lab.answered(&ana, 500);
    lab.answered(&ben, 404);
    lab.pass(PERIOD - 1);
    lab.answered(&ana, 200);
    lab.pass(1);
    (0..5).for_each(|_| lab.answered(&ana, 500));
    assert_eq!(lab.cohorts(), []);
    let cohorts = lab.matured();
    let [cohort] = &cohorts[..] else { panic!("{cohorts:?}") };
    let of = |failed, refused| Outcome { exposed: 1, failed, slow: bins([(0, 1)]), refused };
    assert_eq!(cohort.sides.candidate, of(bins([(16, 1)]), bins([(0, 1)])));
    assert_eq!(cohort.sides.stable, of(bins([(0, 1)]), bins([(32, 1)])));
    assert_eq!((cohort.index, cohort.start_ms, cohort.end_ms), (0, 1_000_000, 1_000_100));
    lab.answered(&ana, 500);
    assert_eq!(lab.matured(), cohorts, "nobody is exposed twice");
}

#[test]
fn a_visitor_is_of_the_kind_that_their_first_request_said_and_everybody_is_of_one() {
    let lab = Lab::new();
    let headers = |agent| HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(agent))]);
    let [phone, program] = [headers("Mozilla/5.0 (iPhone) Mobile/15E148"), headers("curl/8.5.0")];
    let ana = lab.people(Side::Candidate, 1).remove(0);
    let stable = lab.people(Side::Stable, 2);
    for (person, headers, status) in [(&ana, &phone, 500), (&stable[0], &phone, 200), (&ana, &program, 500)] {
        lab.begin_with(person, headers).answered(Duration::ZERO, StatusCode::from_u16(status).unwrap());
    }
    lab.answered(&stable[1], 200);
    let cohort = lab.matured().remove(0);
    assert_eq!(cohort.kinds.keys().copied().collect::<Vec<_>>(), [ClientKind::Phone, ClientKind::Other]);
    let phones = &cohort.kinds[&ClientKind::Phone];
    assert_eq!((phones.candidate.exposed, phones.stable.exposed), (1, 1));
    assert_eq!((&phones.candidate, &phones.stable.failed), (&cohort.sides.candidate, &bins([(0, 1)])));
    assert_eq!((cohort.kinds[&ClientKind::Other].stable.exposed, cohort.sides.stable.exposed), (1, 2));
}

#[test]
fn half_of_the_control_is_told_beside_the_whole_and_nobody_with_the_new_build_is_in_it() {
    let lab = Lab::new();
    for side in [Side::Candidate, Side::Stable] {
        lab.people(side, 400).iter().for_each(|person| lab.answered(person, 200));
    }
    let cohort = lab.matured().remove(0);
    assert_eq!(cohort.sides.stable.exposed, 400);
    // Outside of this by chance: one time in a million.
    assert!((150..=250).contains(&cohort.half.exposed), "{}", cohort.half.exposed);
    assert_eq!(cohort.half.failed, bins([(0, cohort.half.exposed)]));
}

#[test]
fn a_cohort_is_who_came_within_its_block_and_is_told_when_it_is_mature() {
    let lab = Lab::new();
    let people = lab.people(Side::Candidate, 3);
    lab.answered(&people[0], 200);
    lab.pass(BLOCK - 1);
    lab.answered(&people[1], 200);
    lab.pass(1);
    lab.answered(&people[2], 200);
    lab.pass(MATURE - 1);
    assert_eq!(lab.cohorts(), []);
    lab.pass(1);
    assert_eq!(lab.cohorts().iter().map(|cohort| cohort.sides.candidate.exposed).collect::<Vec<_>>(), [2]);
    lab.pass(BLOCK);
    let cohorts = lab.cohorts();
    assert_eq!(cohorts.iter().map(|cohort| cohort.sides.candidate.exposed).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(cohorts.iter().map(|cohort| cohort.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(cohorts[0].end_ms, cohorts[1].start_ms);
}

#[test]
fn what_is_not_answered_when_the_cohort_is_mature_has_failed() {
    let lab = Lab::new();
    let people = lab.people(Side::Stable, 4);
    let _never = lab.begin(&people[0]);
    let _one_of_two = lab.begin(&people[1]);
    lab.answered(&people[1], 200);
    let mut long = lab.begin(&people[2]);
    long.answered(Duration::ZERO, StatusCode::OK);
    lab.begin(&people[3]).end(End::Left);
    let cohorts = lab.matured();
    assert_eq!(cohorts[0].sides.stable.failed, bins([(0, 1), (16, 1), (32, 2)]));
    assert_eq!(cohorts[0].sides.stable.slow, bins([(0, 1), (16, 1), (32, 2)]));
}

#[test]
fn failures_are_5xx_resets_timeouts_and_answers_that_break_off() {
    let lab = Lab::new();
    let people = lab.people(Side::Candidate, 5);
    lab.answered(&people[0], 503);
    lab.begin(&people[1]).end(End::Reset);
    lab.begin(&people[2]).end(End::Timeout);
    let mut broken = lab.begin(&people[3]);
    broken.answered(Duration::ZERO, StatusCode::OK);
    broken.end(End::Reset);
    let mut twice = lab.begin(&people[4]);
    twice.answered(Duration::ZERO, StatusCode::BAD_GATEWAY);
    twice.end(End::Reset);
    lab.pass(BLOCK);
    let Tick { sides, .. } = lab.read().ticks.remove(0);
    let all = Counts { requests: 5, failed: 5, affected: 5, visitors: 5, ..Counts::default() };
    assert_eq!((sides.candidate, sides.stable), (all, Counts::default()));
    assert_eq!(lab.matured()[0].sides.candidate.failed, bins([(32, 5)]));
}

#[test]
fn who_leaves_early_says_nothing_and_who_leaves_late_was_served_slowly() {
    let lab = Lab::new();
    let people = lab.people(Side::Candidate, 2);
    people.iter().for_each(|person| lab.answered(person, 200));
    lab.begin(&people[0]).end(End::Left);
    let mut patient = lab.begin(&people[1]);
    lab.pass(SLOW);
    patient.end(End::Left);
    let cohort = lab.matured().remove(0);
    assert_eq!(cohort.sides.candidate.slow, bins([(0, 1), (16, 1)]));
    assert_eq!(cohort.sides.candidate.failed, bins([(0, 2)]));
}

#[test]
fn a_slow_answer_is_one_that_takes_as_long_as_the_table_says() {
    let lab = Lab::new();
    let people = lab.people(Side::Stable, 2);
    for (person, millis) in people.iter().zip([SLOW - 1, SLOW]) {
        lab.begin(person).answered(Duration::from_millis(millis), StatusCode::OK);
    }
    assert_eq!(lab.matured()[0].sides.stable.slow, bins([(0, 1), (32, 1)]));
}

#[test]
fn other_terms_cut_the_cohort_and_the_tick_at_once() {
    let mut lab = Lab::new();
    let people = lab.people(Side::Candidate, 2);
    lab.answered(&people[0], 200);
    lab.pass(10);
    let before = lab.begin(&people[1]);
    lab.change(|split| split.control = share(4_000));
    lab.pass(20);
    lab.answered(&people[1], 200);
    drop(before);
    lab.change(|_| ());
    let cohorts = lab.matured();
    let told: Vec<_> =
        cohorts.iter().map(|cohort| (cohort.control, cohort.end_ms - cohort.start_ms)).collect();
    assert_eq!(told, [(share(5_000), 10)], "the second visitor came under the first terms already");
    assert_eq!(cohorts[0].sides.candidate.exposed, 2);
    let ticks = lab.read().ticks;
    assert_eq!(ticks.iter().map(|tick| tick.end_ms - tick.start_ms).collect::<Vec<_>>(), [10, 100]);
}

#[test]
fn a_request_that_found_its_way_under_earlier_terms_exposes_nobody() {
    let mut lab = Lab::new();
    let person = lab.people(Side::Candidate, 1).remove(0);
    let mut late =
        lab.rollout.way(Some(Known::Person(&person)), &HeaderMap::new(), &lab.stable).witness.unwrap();
    lab.change(|split| split.weight = share(4_999));
    late.begin(lab.rollout.trial.now());
    late.answered(Duration::ZERO, StatusCode::OK);
    assert_eq!(lab.matured(), []);
    lab.answered(&person, 200);
    assert_eq!(lab.matured().len(), 1);
}

#[test]
fn who_changes_sides_is_judged_by_the_first_one_alone() {
    let mut lab = Lab::new();
    let people = lab.people(Side::Stable, 20);
    people.iter().for_each(|person| lab.answered(person, 200));
    lab.change(|split| (split.weight, split.control) = (Weight::ALL, Weight::NONE));
    people.iter().for_each(|person| lab.answered(person, 500));
    let cohorts = lab.matured();
    let [cohort] = &cohorts[..] else { panic!("{cohorts:?}") };
    assert_eq!((cohort.sides.stable.exposed, cohort.sides.candidate.exposed), (20, 0));
    assert_eq!(cohort.sides.stable.failed, bins([(0, 20)]));
    let ticks = lab.read().ticks;
    let moved = Counts { requests: 20, failed: 20, affected: 20, visitors: 20, ..Counts::default() };
    assert_eq!(ticks[1].sides.candidate, moved);
}

#[test]
fn who_is_neither_candidate_nor_control_is_in_the_ticks_alone() {
    let mut lab = Lab::new();
    lab.change(|split| split.control = Weight::NONE);
    let people = lab.people(Side::Stable, 10);
    people.iter().for_each(|person| lab.answered(person, 503));
    let mut stranger = lab.rollout.way(None, &HeaderMap::new(), &lab.stable).witness.unwrap();
    stranger.begin(lab.rollout.trial.now());
    stranger.answered(Duration::ZERO, StatusCode::NOT_FOUND);
    assert_eq!(lab.matured(), []);
    let stable = Counts { requests: 11, failed: 10, refused: 1, affected: 10, visitors: 10, slow: 0 };
    assert_eq!(lab.read().ticks[0].sides.stable, stable);
    lab.change(|split| split.control = share(5_000));
    people.iter().for_each(|person| lab.answered(person, 200));
    assert_eq!(lab.matured()[0].sides.stable.exposed, 10, "they were not counted yet");
}

#[test]
fn a_visitor_is_affected_and_new_once_on_each_side() {
    let lab = Lab::new();
    let person = lab.people(Side::Candidate, 1).remove(0);
    (0..3).for_each(|_| lab.answered(&person, 500));
    lab.pass(BLOCK);
    (0..3).for_each(|_| lab.answered(&person, 500));
    lab.pass(BLOCK);
    let told: Vec<_> = lab
        .read()
        .ticks
        .iter()
        .map(|tick| tick.sides.candidate)
        .map(|of| (of.failed, of.affected, of.visitors))
        .collect();
    assert_eq!(told, [(3, 1, 1), (3, 0, 0)]);
}

#[test]
fn blocks_keep_their_times_however_late_the_clock_is_looked_at() {
    let lab = Lab::new();
    let people = lab.people(Side::Candidate, 2);
    lab.answered(&people[0], 200);
    lab.pass(10 * BLOCK + 30);
    lab.answered(&people[1], 200);
    lab.pass(BLOCK);
    let ticks = lab.read().ticks;
    let times: Vec<_> =
        ticks.iter().map(|tick| (tick.index, tick.start_ms - 1_000_000, tick.end_ms - 1_000_000)).collect();
    assert_eq!(times, [(0, 0, 100), (1, 1_000, 1_100)]);
    assert_eq!(lab.read().told_until_ms, 1_001_100);
}

#[test]
fn a_new_process_counts_nobody_whose_cohort_was_told() {
    let mut lab = Lab::new();
    let people = lab.people(Side::Candidate, 4);
    people[..2].iter().for_each(|person| lab.answered(person, 500));
    let before = lab.read().epoch;
    assert_eq!(lab.matured()[0].sides.candidate.exposed, 2);
    lab.answered(&people[2], 500);
    lab.restart();
    people.iter().for_each(|person| lab.answered(person, 200));
    let cohorts = lab.matured();
    assert_eq!(cohorts.len(), 1);
    assert_eq!(cohorts[0].sides.candidate.exposed, 2, "the third was never told, the fourth is new");
    assert_eq!(cohorts[0].sides.candidate.failed, bins([(0, 2)]));
    assert_eq!((cohorts[0].index, before.len()), (0, 16));
}

#[test]
fn a_cohort_that_the_disk_refuses_is_not_told_and_comes_later() {
    let lab = Lab::new();
    let person = lab.people(Side::Candidate, 1).remove(0);
    let path = lab.folder.path().join(format!("exposed-{}", "5".repeat(32)));
    std::fs::create_dir(&path).unwrap();
    lab.answered(&person, 200);
    assert_eq!(lab.matured(), []);
    assert_eq!(lab.read().owed, 1);
    std::fs::remove_dir(&path).unwrap();
    let reading = lab.read();
    assert_eq!((reading.cohorts.len(), reading.owed), (1, 0));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 8);
}

#[test]
fn other_arms_under_the_same_salt_begin_anew_and_count_nobody_again() {
    let mut lab = Lab::new();
    let person = lab.people(Side::Candidate, 1).remove(0);
    lab.answered(&person, 200);
    assert_eq!(lab.matured().len(), 1);
    lab.service.default = backend("older");
    lab.change(|_| ());
    lab.answered(&person, 200);
    assert_eq!(lab.matured(), []);
    assert_eq!(lab.read().arms.stable.as_str(), "older");
}

#[test]
fn beyond_its_bound_a_rollout_counts_no_new_visitor_and_says_so() {
    let members = members::Members::new(100);
    let exposure = members::Exposure { cohort: NonZeroU32::MIN, until: Duration::MAX };
    let guest = |mark: u64| Guest { mark: mark << 30, side: Side::Candidate, kind: ClientKind::Other };
    let arrive = |mark: u64| members.arrive(guest(mark), Duration::ZERO, || Some(exposure));
    assert!((0..100).all(|mark| arrive(mark).seat.is_some()));
    assert!(members.is_full());
    let late = arrive(100);
    assert!(late.seat.is_none() && !late.is_new);
    assert!(arrive(7).seat.is_some(), "who is known already still counts");
    assert_eq!(members.judge(NonZeroU32::MIN).sides.candidate.exposed, 100);
}

#[test]
fn ten_thousand_entries_are_kept_and_their_indices_have_no_gap() {
    let mut kept = book::Kept::default();
    (0..10_005u64).for_each(|entry| kept.push(|index| (index, entry)));
    let told = kept.since(3);
    assert_eq!((told.len(), *told[0], *told[9_999]), (10_000, (5, 5), (10_004, 10_004)));
    assert_eq!(kept.since(10_004).len(), 1);
    assert!(kept.since(u64::MAX).is_empty());
}
