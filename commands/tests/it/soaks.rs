//! Soaks through the whole pipeline: what happens to a release after everybody has it.

use folkops_engine::MemoryStore;
use folkops_model::{FailureKind, RolloutEnd, Strategy};
use folkops_previews::Releases;
use folkops_previews::reconcile::routes;
use folkops_rollouts::{Rollouts, Stage, Template};

use crate::recovery::{entries, prefix};
use crate::room::{Ground, Room};

fn watched() -> Template {
    Template { strategy: Strategy::Canary, margin: 0.1, ..Template::ordinary() }
}

async fn open(store: MemoryStore) -> Room {
    let room = Room::furnished(Ground { store, rollout: watched(), ..Ground::default() }).await;
    room.allowed("41 first").await;
    room
}

impl Room {
    /// Healthy visitors come until everybody has it.
    async fn comes_to_everybody(&self, release: u64) {
        for _ in 0..60 {
            if let Stage::Soaking { .. } = self.rollout(release).stage {
                return;
            }
            self.sees(release, (0, 10), (0, 30)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }

    /// The build gets worse from block to block, until it is over.
    async fn leaks(&self, release: u64) {
        for failing in 0..60 {
            if !self.rollout(release).stage.is_live() {
                return;
            }
            let failing = u64::min(failing / 3, 20);
            self.sees(release, (failing, 40 - failing), (0, 0)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }

    fn bad(&self) -> u32 {
        self.ledger.read(|facts| facts.fold::<Releases>().unwrap().bad(facts))
    }
}

#[tokio::test]
async fn a_good_release_is_watched_on_and_then_left_alone_without_a_word() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    assert_eq!(room.runs(), 2, "production is the new release");
    let card = room.newest();
    assert!(card.starts_with("Live: #41 is live for everyone"), "{card}");
    assert!(card.contains("Watched: Until 2026-05-28T20:56:40Z; if it gets worse than before"), "{card}");
    room.sees(2, (0, 40), (0, 0)).await;
    room.looks(2).await;
    assert!(matches!(room.rollout(2).stage, Stage::Soaking { .. }));
    let cards = room.cards().len();
    room.clock.pass(1_801);
    room.looks(2).await;
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::Live));
    assert_eq!(room.cards().len(), cards, "its card is edited in place");
    let card = room.newest();
    assert!(card.contains("Since everybody has it 0.0 % of 40 people failed; before, 0.0 % did."), "{card}");
    assert!(card.contains("it did not get worse"), "{card}");
}

#[tokio::test]
async fn a_slow_leak_is_found_in_the_soak_and_everybody_goes_back_by_itself_whatever_is_frozen() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    room.says("jo", "/freeze").await;
    room.leaks(2).await;
    assert_eq!((room.runs(), room.production(), room.bad()), (1, before, 1));
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::RolledBack));
    let card = room.newest();
    assert!(card.starts_with("Harmful: #41 rolled back by itself; you can sleep"), "{card}");
    assert!(card.contains("It got worse after everybody had it"), "{card}");
    assert!(card.contains("63 of 840 people met an error") && card.contains("release 1 again"), "{card}");
    room.says("jo", "/unfreeze").await;
    room.allowed("57 first").await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.contains("#41 would come along: it was rolled back"), "{card}");
}

#[tokio::test]
async fn nobody_coming_is_no_reason_for_anything() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    for _ in 0..17 {
        room.clock.pass(100);
        room.looks(2).await;
        assert!(matches!(room.rollout(2).stage, Stage::Soaking { .. }));
    }
    room.clock.pass(101);
    room.looks(2).await;
    assert_eq!((room.rollout(2).stage, room.runs()), (Stage::Ended(RolloutEnd::Live), 2));
}

#[tokio::test]
async fn there_is_nothing_to_pause_or_to_resume_in_a_soak_and_health_shows_what_it_has_shown() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    room.sees(2, (2, 38), (0, 0)).await;
    for line in ["/pause", "/resume"] {
        let card = room.says("jo", line).await;
        assert!(card.starts_with("Refused: #41 is with everyone already: no steps are left"), "{card}");
        assert!(card.contains("Watched: Until ") && card.contains("[Roll back]"), "{card}");
    }
    let card = room.says("ana", "/health").await;
    assert!(card.contains("release 2 is live for everyone, and watched"), "{card}");
    assert!(card.contains("Everybody: 40 people, 40 requests, 2 failed; 2 people met an error"), "{card}");
    assert!(card.contains("of what takes it back"), "{card}");
}

#[tokio::test]
async fn a_promotion_in_a_soak_ends_it_as_live_and_begins_from_the_release_that_everybody_has() {
    let room = open(MemoryStore::new()).await;
    room.allowed("43 first").await;
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    room.says("jo", "/promote 43").await;
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::Live));
    let row = room.rollout(3);
    assert_eq!((row.stage, row.rollout.from.0), (Stage::Rising { rung: 0 }, 2));
    let brings: Vec<u32> = row.rollout.changes.iter().map(|change| change.number.0).collect();
    assert_eq!((brings, room.runs(), room.bad()), (vec![43], 2, 0));
}

#[tokio::test]
async fn one_word_takes_everybody_back_in_a_soak_as_it_does_after_it() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    let card = room.says("jo", "/rollback").await;
    assert!(card.starts_with("Good: Potluck is back on release 1"), "{card}");
    assert!(card.contains("jo asked for it"), "{card}");
    assert_eq!((room.runs(), room.production(), room.bad()), (1, before, 0));
    assert_eq!(room.rollout(2).stage, Stage::Ended(RolloutEnd::RolledBack));
    assert!(room.all().contains("Held: #41 was rolled back"), "{}", room.all());
}

#[tokio::test]
async fn a_blue_green_release_is_watched_beside_what_is_usual_and_one_at_once_is_not_watched() {
    let room = open(MemoryStore::new()).await;
    let before = room.production();
    let card = room.says("jo", "/promote 41 --strategy=blue-green").await;
    assert!(card.starts_with("Live: #41 is live for everyone") && card.contains("Watched: Until "), "{card}");
    assert!(matches!(room.rollout(2).stage, Stage::Soaking { .. }));
    room.leaks(2).await;
    assert_eq!((room.runs(), room.production()), (1, before));
    assert!(room.newest().contains("before, 1.0 % did. It got worse."), "{}", room.newest());
    room.says("jo", "/pardon 41").await;
    let card = room.says("jo", "/promote 41 --strategy=at-once").await;
    assert!(card.starts_with("Live: #41 is live for everyone") && !card.contains("Watched"), "{card}");
    let live = room.ledger.read(|facts| facts.fold::<Rollouts>().unwrap().live(facts).is_some());
    assert_eq!((live, room.runs()), (false, 3));
}

#[tokio::test]
async fn when_the_earlier_release_does_not_hold_a_leaking_one_stays_and_nobody_is_sent_there_again() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.comes_to_everybody(2).await;
    *room.hands.failing.lock().unwrap() = Some(FailureKind::NeverHealthy);
    room.leaks(2).await;
    assert_eq!((room.runs(), room.bad()), (2, 1));
    assert!(room.newest().contains("Now: Everybody has release 2"), "{}", room.newest());
    let cards = room.cards().len();
    room.looks(2).await;
    assert_eq!(room.cards().len(), cards);
}

#[tokio::test]
async fn a_verdict_about_what_is_over_takes_nobody_back() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41 --strategy=at-once").await;
    room.says_by_itself("/rollback").await;
    room.quiet().await;
    assert_eq!(room.runs(), 2);
}

#[tokio::test]
async fn killed_after_any_append_of_a_soak_and_its_way_back_who_is_watched_is_what_everybody_has() {
    let store = MemoryStore::new();
    let whole = open(store.clone()).await;
    let first = whole.production();
    whole.says("jo", "/promote 41").await;
    whole.comes_to_everybody(2).await;
    let second = whole.production();
    let begun = entries(&store).len() - 8;
    whole.leaks(2).await;
    let all = entries(&store);
    let mut ends = 0;
    for length in begun..=all.len() {
        let ground = Ground {
            store: prefix(&all[..length]).await,
            keyring: whole.keyring.clone(),
            dice: 1_000_000,
            rollout: watched(),
            ..Ground::default()
        };
        let room = Room::on(ground).await;
        room.quiet().await;
        // What the numbers want is asked for again by the next life.
        room.looks(2).await;
        let recorded = if room.runs() == 1 { &first } else { &second };
        assert_eq!(room.production(), *recorded, "after {length}");
        let counted = room.ledger.read(|facts| routes(facts).unwrap().trial.map(|trial| trial.candidate));
        let live = room
            .ledger
            .read(|facts| facts.fold::<Rollouts>().unwrap().live(facts).map(|row| row.stage.clone()));
        match &live {
            Some(Stage::Soaking { .. }) => {
                assert_eq!((room.runs(), counted.is_some()), (2, true), "after {length}")
            }
            Some(_) => assert_eq!((room.runs(), counted.is_some()), (1, true), "after {length}"),
            None => {
                assert_eq!((room.runs(), counted), (1, None), "after {length}");
                assert_eq!(room.bad(), 1, "it is counted once");
                ends += 1;
            }
        }
    }
    assert!(ends >= 5, "{ends} of these lives came to the end");
}
