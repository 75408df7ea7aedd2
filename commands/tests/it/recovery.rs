//! After a crash at any record of a whole story, the next start takes up what was acknowledged and comes to one end.
//!
//! A crash leaves some prefix of the journal's appends. For each prefix a new engine is started on it; every request in
//! it must come to exactly one outcome and one card, and what production should run must be one of the releases that
//! the story knows.

use std::collections::BTreeMap;

use folkops_engine::MemoryStore;
use folkops_engine::{Entry, Store};
use folkops_engine::{Operations, Outbox, RequestState, Rooms, TimelineItem};
use folkops_previews::Releases;

use crate::doubles::sha;
use crate::room::{Ground, Room};

async fn story(store: MemoryStore) -> Room {
    let room = Room::furnished(Ground { store, ..Ground::default() }).await;
    room.says("mira", "/deploy-preview 41").await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.quiet().await;
    room.says("ana", "/opt-in 41").await;
    let word = room.consent_word();
    room.says("ana", &format!("/opt-in 41 --yes={word}")).await;
    room.says("ana", "thank you").await;
    room.says("ana", "/promot 41").await;
    room.says("jo", "/promote 41").await;
    room.quiet().await;
    room.says("jo", "/rollback").await;
    room.quiet().await;
    room
}

pub(crate) fn entries(store: &MemoryStore) -> Vec<Entry> {
    let mut entries = Vec::new();
    store
        .replay(0, &mut |entry| {
            entries.push(entry);
            Ok(())
        })
        .unwrap();
    entries
}

pub(crate) async fn prefix(entries: &[Entry]) -> MemoryStore {
    let store = MemoryStore::new();
    for entry in entries {
        store.append(entry.clone(), Vec::new()).await.unwrap();
    }
    // The projection of a prefix is not known; it is read from the journal again.
    store.reset_projection(0, BTreeMap::new()).unwrap();
    store
}

#[tokio::test]
async fn a_crash_after_any_append_loses_nothing_and_doubles_nothing() {
    let store = MemoryStore::new();
    let whole = story(store.clone()).await;
    let all = entries(&store);
    assert!(all.len() > 60, "the story has {} appends", all.len());
    for length in 1..=all.len() {
        let ground = Ground {
            store: prefix(&all[..length]).await,
            keyring: whole.keyring.clone(),
            dice: 1_000_000,
            ..Ground::default()
        };
        let room = Room::on(ground).await;
        room.quiet().await;
        check(&room, length);
    }
}

fn check(room: &Room, length: usize) {
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        let mut outcomes = BTreeMap::new();
        for (_, operation) in operations.operations.iter() {
            *outcomes.entry(&operation.request).or_insert(0) += 1;
        }
        for (id, row) in operations.requests.iter() {
            assert!(
                !matches!(row.state, RequestState::Received(_)),
                "after {length}: {row:?} has no outcome"
            );
            assert!(
                outcomes.get(id).copied().unwrap_or(0) <= 1,
                "after {length}: {row:?} became two operations"
            );
        }
        let outbox = facts.fold::<Outbox>().unwrap();
        assert!(outbox.owed.is_empty(), "after {length}: a reply is owed");
        let rooms = facts.fold::<Rooms>().unwrap();
        let cards: Vec<_> = rooms
            .timeline
            .iter()
            .filter_map(|(_, item)| match item {
                TimelineItem::Card { key, .. } => Some(key),
                TimelineItem::Said { .. } => None,
            })
            .collect();
        let shown: std::collections::BTreeSet<_> = cards.iter().collect();
        assert_eq!(cards.len(), shown.len(), "after {length}: a card is shown twice");
        assert_eq!(cards.len(), outbox.replies.len(), "after {length}: a card is not shown");
        let current =
            facts.fold::<Releases>().unwrap().current(facts).map(|(production, _)| production.release.0);
        assert!(matches!(current, None | Some(1 | 2)), "after {length}: production is {current:?}");
        let left = facts.fold::<Releases>().unwrap().leaving(facts);
        assert_eq!(left, None, "after {length}: somebody is left behind on the way back");
    });
}
