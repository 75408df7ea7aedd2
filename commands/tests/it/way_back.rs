//! The way back from a release that everybody has: a quarter first, and never more than twice what the earlier one carries.

use folkops_engine::{Entry, MemoryStore};
use folkops_model::{Effect, FailureKind, PersonId, Principal};
use folkops_previews::Releases;
use folkops_previews::reconcile::{proposals, routes};
use serde_json::Value;

use crate::doubles::sha;
use crate::recovery::{entries, prefix};
use crate::room::{Ground, Room};

/// Releases 2 and 3 are live one after the other, then everybody goes back once.
async fn back_once(store: MemoryStore) -> Room {
    let room = Room::furnished(Ground { store, ..Ground::default() }).await;
    for (commit, promote) in [("41 first", "/promote 41"), ("43 first", "/promote 43")] {
        room.says("jo", &format!("/ok-to-test {}", sha(commit))).await;
        room.says("jo", promote).await;
    }
    room.says("jo", "/rollback").await;
    room
}

impl Room {
    /// Who is sent elsewhere than to production, in per cent.
    fn elsewhere(&self) -> Option<String> {
        self.ledger.read(|facts| routes(facts).unwrap().trial.map(|trial| trial.step.weight.to_string()))
    }
}

/// The shares that still get the release that is left, in basis points, as they were written.
fn shares(entries: &[Entry]) -> Vec<u64> {
    let written =
        entries.iter().flat_map(|entry| serde_json::from_slice::<Vec<Value>>(&entry.bytes).unwrap());
    let share = |record: Value| {
        let decided = &record["body"];
        (decided["intent"] == "lead-back").then(|| decided["share"].as_u64()).flatten()
    };
    written.filter_map(share).collect()
}

/// Where in the journal the first of them have gone back, and the others not yet.
fn on_the_way(entries: &[Entry]) -> usize {
    entries.iter().position(|entry| shares(std::slice::from_ref(entry)).contains(&5_000)).unwrap() + 1
}

async fn killed_on_the_way() -> (Room, u64) {
    let store = MemoryStore::new();
    let whole = back_once(store.clone()).await;
    let all = entries(&store);
    let store = prefix(&all[..on_the_way(&all)]).await;
    let ground = Ground { store, keyring: whole.keyring.clone(), dice: 1_000_000, ..Ground::default() };
    (Room::on(ground).await, whole.runs())
}

#[tokio::test]
async fn everybody_goes_back_in_moves_between_which_the_earlier_release_is_seen_to_answer() {
    let store = MemoryStore::new();
    let room = back_once(store.clone()).await;
    assert_eq!(shares(&entries(&store)), [7_500, 5_000, 0]);
    assert_eq!((room.runs(), room.elsewhere()), (2, None));
    let done = room.hands.done.lock().unwrap();
    let last: Vec<&str> = done
        .iter()
        .rev()
        .map_while(|effect| match effect {
            Effect::Route => Some("route"),
            Effect::Settle { .. } => Some("settle"),
            _ => None,
        })
        .collect();
    assert_eq!(last, ["route", "settle", "route", "settle", "route"]);
}

#[tokio::test]
async fn when_the_earlier_release_does_not_hold_everybody_stays_and_nothing_counts_as_taken_back() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("jo", "/promote 41").await;
    *room.hands.failing.lock().unwrap() = Some(FailureKind::NeverHealthy);
    room.says("jo", "/rollback").await;
    assert_eq!((room.runs(), room.elsewhere()), (2, None));
    assert!(room.newest().contains("Now: Everybody has release 2"), "{}", room.newest());
    room.ledger.read(|facts| {
        let releases = facts.fold::<Releases>().unwrap();
        assert!(releases.taken_back.is_empty());
        assert_eq!(releases.current(facts).unwrap().0.before, [folkops_model::ReleaseNumber(1)]);
    });
}

#[tokio::test]
async fn who_asks_again_on_the_way_back_gets_its_end_and_not_the_release_before() {
    let (room, back) = killed_on_the_way().await;
    let held = room.hands.held.write().await;
    assert_eq!((room.runs(), room.elsewhere().as_deref()), (back, Some("50 %")));
    let jo = Principal::Person(PersonId::parse("jo").unwrap());
    room.hears(jo, "again", "/rollback").await.unwrap();
    room.decided().await;
    drop(held);
    room.quiet().await;
    assert_eq!((room.runs(), room.elsewhere()), (back, None));
}

#[tokio::test]
async fn a_way_back_that_was_left_half_gone_is_asked_for_again_by_itself() {
    let (room, back) = killed_on_the_way().await;
    let held = room.hands.held.write().await;
    let wanted = room.ledger.read(|facts| proposals(facts, &[]));
    assert_eq!(wanted[0].line, "/rollback");
    room.hears(Principal::Automation, "again", &wanted[0].line).await.unwrap();
    room.decided().await;
    drop(held);
    room.quiet().await;
    assert_eq!((room.runs(), room.elsewhere()), (back, None));
}
