//! Rollouts through the whole pipeline: what is said, what the numbers want, and what production comes to run.

use std::collections::BTreeMap;
use std::time::Duration;

use folkops_engine::{Body, MemoryStore};
use folkops_model::{Cohort, Counts, Effect, Observation, RolloutEnd, Rung, Strategy, Tick, Visitors};
use folkops_previews::Releases;
use folkops_rollouts::{Move, Rollouts, Row, Stage, Template, plan};
use jiff::Timestamp;

use crate::doubles::sha;
use crate::recovery::{entries, prefix};
use crate::room::{Ground, Room};

pub(crate) fn canary() -> Template {
    Template { strategy: Strategy::Canary, margin: 0.1, soak: Duration::ZERO, ..Template::ordinary() }
}

pub(crate) async fn open(store: MemoryStore) -> Room {
    let room = Room::furnished(Ground { store, rollout: canary(), ..Ground::default() }).await;
    room.allowed("41 first").await;
    room
}

impl Room {
    pub(crate) async fn allowed(&self, commit: &str) {
        self.says("jo", &format!("/ok-to-test {}", sha(commit))).await;
    }

    /// The rollout of a release.
    pub(crate) fn rollout(&self, release: u64) -> Row {
        self.ledger.read(|facts| {
            let rollouts = facts.fold::<Rollouts>().unwrap();
            rollouts.rollouts.get(&folkops_model::ReleaseNumber(release)).unwrap().clone()
        })
    }

    pub fn runs(&self) -> u64 {
        self.ledger.read(|facts| facts.fold::<Releases>().unwrap().current(facts).unwrap().0.release.0)
    }

    /// The router sees visitors: of the new build's, and of the control's, so many who failed and so many who did not.
    pub(crate) async fn sees(&self, release: u64, new: (u64, u64), current: (u64, u64)) {
        let row = self.rollout(release);
        let at: Timestamp = self.ledger.read(|facts| facts.now());
        let on = |rung: u32| row.rollout.rungs[usize::try_from(rung).unwrap()];
        let step = row.stage.rung().map_or(Rung::EVERYBODY, on);
        let visitors = |(failed, well): (u64, u64)| Visitors {
            exposed: failed + well,
            failed: BTreeMap::from([(0, well), (32, failed)]),
            slow: BTreeMap::from([(0, failed + well)]),
        };
        let counts = |(failed, well): (u64, u64)| Counts {
            requests: failed + well,
            failed,
            slow: 0,
            affected: failed,
            visitors: failed + well,
        };
        let (_, cohorts, ticks) = row.next.clone().unwrap_or_default();
        let cohort = Cohort {
            at,
            weight: step.weight,
            control: step.control,
            candidate: visitors(new),
            stable: visitors(current),
            kinds: BTreeMap::new(),
            half: Visitors::default(),
        };
        let tick = Tick { at, weight: step.weight, candidate: counts(new), stable: counts(current) };
        let seen = Observation {
            epoch: "one".into(),
            next_cohort: cohorts + 1,
            next_tick: ticks + 1,
            cohorts: vec![cohort],
            ticks: vec![tick],
        };
        let release = folkops_model::ReleaseNumber(release);
        self.engine.note(Body::RolloutObserved { release, seen }).await.unwrap();
    }

    /// What the numbers want is said by the automation, as the program does it every second.
    pub(crate) async fn looks(&self, release: u64) {
        let row = self.rollout(release);
        let now = self.ledger.read(|facts| facts.now());
        match plan(&row, now).proposed {
            Some(Move::RollBack(_)) => self.says_by_itself("/rollback").await,
            Some(_) => self.says_by_itself("/advance").await,
            None => {}
        }
        self.quiet().await;
    }

    /// Healthy visitors come until it is over.
    pub(crate) async fn goes_well(&self, release: u64) {
        for _ in 0..60 {
            if !self.rollout(release).stage.is_live() {
                return;
            }
            self.sees(release, (0, 10), (0, 30)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }

    /// Visitors of the new build meet errors until it is over.
    pub(crate) async fn goes_badly(&self, release: u64) {
        for _ in 0..60 {
            if !self.rollout(release).stage.is_live() {
                return;
            }
            self.sees(release, (4, 6), (0, 30)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }
}

#[tokio::test]
async fn a_good_release_comes_to_everybody_step_by_step() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    room.says("jo", "/promote 41").await;
    let card = room.newest();
    assert!(card.contains("#41 → everyone: ") && card.contains("step 1 of"), "{card}");
    assert_eq!((room.runs(), room.production()), (1, before.clone()), "production is what it was");
    room.goes_well(2).await;
    let row = room.rollout(2);
    let steps: Vec<u32> = row.marks.iter().filter_map(|(_, stage)| stage.rung()).collect();
    assert_eq!(steps, (0..u32::try_from(row.rollout.rungs.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(row.stage, Stage::Ended(RolloutEnd::Live));
    assert_eq!(room.runs(), 2);
    assert_ne!(room.production(), before);
    assert!(room.all().contains("Live: #41 is live for everyone"), "{}", room.all());
}

/// Failure mode 10: what runs of a side is derived from how many it gets, or from both sides together.
#[tokio::test]
async fn both_sides_run_all_their_parts_at_every_step_and_neither_stops_before_it_is_over() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    let parts = room.production().len();
    let done = |room: &Room| room.hands.done.lock().unwrap().clone();
    let begun = done(&room).len();
    while room.rollout(2).stage.is_live() {
        let stopped = done(&room).iter().any(|effect| matches!(effect, Effect::Stop { .. }));
        assert!(!stopped, "on step {:?}", room.rollout(2).stage);
        room.sees(2, (0, 10), (0, 30)).await;
        room.looks(2).await;
    }
    let all = done(&room);
    let runs = all.iter().filter_map(|effect| match effect {
        Effect::Run { spec } => Some((spec.name.to_string(), spec.builds.len())),
        _ => None,
    });
    let wanted = ["release-1", "release-2", "release-1"].map(|stack| (stack.to_owned(), parts));
    assert!(runs.eq(wanted), "each with all its parts, and what is compared with is seen to run as well");
    let steps = all[begun..].iter().filter(|effect| !matches!(effect, Effect::Route));
    assert_eq!(steps.count(), 0, "a step moves visitors and nothing else");
}

#[tokio::test]
async fn a_bad_release_goes_back_by_itself_and_does_not_return_by_the_way() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    assert_eq!((room.runs(), room.production()), (1, before));
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::RolledBack));
    let card = room.newest();
    assert!(card.starts_with("Harmful: #41 rolled back by itself; you can sleep"), "{card}");
    assert!(card.contains("New build 40 % failed, current build 0.0 %. The new build is worse."), "{card}");
    room.allowed("57 first").await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.contains("#41 would come along: it was rolled back"), "{card}");
    let card = room.says("jo", "/pardon 41").await;
    assert!(card.starts_with("Good: #41 may go out again"), "{card}");
    let card = room.says("jo", "/promote 57").await;
    assert!(card.contains("step 1 of"), "{card}");
}

#[tokio::test]
async fn one_word_takes_everybody_back_in_mid_rollout_and_a_freeze_does_not_stand_in_its_way() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    room.says("jo", "/promote 41").await;
    room.says("jo", "/freeze").await;
    for _ in 0..20 {
        room.sees(2, (0, 10), (0, 30)).await;
        room.looks(2).await;
    }
    assert_eq!(room.rollout(2).stage, Stage::Rising { rung: 0 }, "nobody more gets it while it is frozen");
    let card = room.says("jo", "/rollback").await;
    assert!(card.starts_with("Held: #41 was rolled back") && card.contains("jo asked for it"), "{card}");
    assert_eq!((room.runs(), room.production()), (1, before));
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::RolledBack));
}

#[tokio::test]
async fn a_paused_rollout_stands_still_until_somebody_lets_it_go_on_but_harm_still_takes_it_back() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    let card = room.says("jo", "/pause the fair is on").await;
    assert!(card.starts_with("Held: #41 stands still at"), "{card}");
    for _ in 0..20 {
        room.sees(2, (0, 10), (0, 30)).await;
        room.looks(2).await;
    }
    assert!(matches!(room.rollout(2).stage, Stage::Paused { rung: 0, .. }));
    let card = room.says("jo", "/resume").await;
    assert!(card.contains("step 1 of") && card.contains("jo let it go on"), "{card}");
    room.looks(2).await;
    assert_eq!(room.rollout(2).stage, Stage::Rising { rung: 1 });
    room.says("jo", "/pause").await;
    room.goes_badly(2).await;
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::RolledBack));
}

#[tokio::test]
async fn a_new_promotion_in_mid_rollout_takes_the_place_of_the_old_one_and_brings_its_change_along() {
    let room = open(MemoryStore::new()).await;
    room.allowed("43 first").await;
    room.says("jo", "/promote 41").await;
    room.sees(2, (0, 10), (0, 30)).await;
    room.says("jo", "/promote 43").await;
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::Superseded));
    let row = room.rollout(3);
    assert_eq!((row.stage.clone(), row.rollout.from.0), (Stage::Rising { rung: 0 }, 1));
    let brings: Vec<u32> = row.rollout.changes.iter().map(|change| change.number.0).collect();
    assert_eq!(brings, [43, 41]);
    assert_eq!(row.judged.tallies().0.visitors, 0, "the old one's visitors say nothing about the new one");
    room.goes_well(3).await;
    assert_eq!(room.runs(), 3);
}

#[tokio::test]
async fn after_two_bad_releases_in_a_row_somebody_has_to_look() {
    let room = open(MemoryStore::new()).await;
    room.allowed("43 first").await;
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    room.says("jo", "/promote 43").await;
    room.goes_badly(3).await;
    let card = room.says("jo", "/promote 43").await;
    assert!(card.starts_with("Held: 2 releases in a row were rolled back by themselves"), "{card}");
    room.says("jo", "/pardon 43").await;
    let card = room.says("jo", "/promote 43").await;
    assert!(card.contains("step 1 of"), "{card}");
}

#[tokio::test]
async fn visitors_who_stay_away_are_no_verdict() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    for _ in 0..30 {
        room.sees(2, (0, 0), (0, 0)).await;
        room.looks(2).await;
    }
    assert_eq!(room.rollout(2).stage, Stage::Rising { rung: 0 });
    let card = room.says("ana", "/health").await;
    assert!(card.contains("Too few visitors were watched to the end so far."), "{card}");
}

#[tokio::test]
async fn whoever_overrides_the_numbers_may_say_why_and_the_card_repeats_it() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    let card = room.says("jo", "/pause the fair's on").await;
    assert!(card.contains("Why: jo paused it: the fair's on"), "{card}");
    let card = room.says("jo", "/resume it is over").await;
    assert!(card.contains("Why: jo let it go on: it is over"), "{card}");
    let card = room.says("jo", "/rollback the ovens are cold").await;
    assert!(card.contains("Why: jo asked for it: the ovens are cold"), "{card}");
    let card = room.says("jo", "/pardon 41 it was the ovens").await;
    assert!(card.contains("Why: jo pardoned it: it was the ovens"), "{card}");
    let card = room.says("jo", "/rollback l8").await;
    assert!(card.contains("`l8`"), "{card}");
}

#[tokio::test]
async fn an_unknown_strategy_is_named_with_those_that_there_are() {
    let room = open(MemoryStore::new()).await;
    let card = room.says("jo", "/promote 41 --strategy=yolo").await;
    assert!(card.starts_with("Refused: There is no such strategy") && card.contains("blue-green"), "{card}");
    let card = room.says("jo", "/promote 41 --strategy=at-once").await;
    assert!(card.starts_with("Live: #41 is live for everyone"), "{card}");
    assert_eq!(room.runs(), 2);
}

#[tokio::test]
async fn killed_after_any_append_of_a_rollout_forth_and_back_production_is_one_of_the_two_releases_whole() {
    let store = MemoryStore::new();
    let whole = open(store.clone()).await;
    let first = whole.production();
    whole.says("jo", "/promote 41").await;
    whole.goes_well(2).await;
    let second = whole.production();
    whole.says("jo", "/rollback").await;
    whole.allowed("43 first").await;
    whole.says("jo", "/pardon 41").await;
    whole.says("jo", "/promote 43").await;
    whole.goes_badly(3).await;
    let all = entries(&store);
    let begun = all.len() / 3;
    for length in begun..=all.len() {
        let ground = Ground {
            store: prefix(&all[..length]).await,
            keyring: whole.keyring.clone(),
            dice: 1_000_000,
            rollout: canary(),
            ..Ground::default()
        };
        let room = Room::on(ground).await;
        room.quiet().await;
        let production = room.production();
        let recorded = match room.runs() {
            1 => &first,
            2 => &second,
            other => panic!("after {length}: release {other}"),
        };
        assert_eq!(production, *recorded, "after {length}");
        let live = room
            .ledger
            .read(|facts| facts.fold::<Rollouts>().unwrap().live(facts).map(|row| row.rollout.release.0));
        let trial = room
            .ledger
            .read(|facts| facts.fold::<Releases>().unwrap().trial(facts).map(|t| t.rollout.release.0));
        assert_eq!(live, trial, "after {length}: who is served is who is watched");
    }
}
