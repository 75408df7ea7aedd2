//! Rights that a source takes back between a command and its effects: nothing of what follows is done.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use folkops_engine::MemoryStore;
use folkops_engine::{
    Due, Entry, Hands, Operations, Outbox, Position, ReplySink, RowChange, Rows, Store, StoreError,
    Unavailable,
};
use folkops_model::{ComponentName, Effect, Outcome};
use folkops_previews::Releases;
use futures::future::BoxFuture;

use crate::doubles::{QuickHands, Sink, Still, component};
use crate::rights::{Forge, MAINTAINER, NO, NOBODY, room};
use crate::room::{Between, Ground, Room};

/// Takes a right back just after an effect of some place was put on record, before it begins.
#[derive(Clone)]
struct Taking {
    forge: Arc<Forge>,
    clock: Arc<Still>,
    /// What happens to the forge then.
    then: fn(&Forge),
    /// At the record that owes this effect of kim's operation.
    at: Arc<AtomicU32>,
    took: Arc<AtomicBool>,
    /// The effects of kim's operation that began.
    began: Arc<Mutex<Vec<u32>>>,
    armed: Arc<AtomicBool>,
}

impl Taking {
    fn see(&self, entry: &Entry) {
        let owed = format!(r#""kind":"effect-owed","body":{{"index":{},"#, self.at.load(Ordering::SeqCst));
        let here = String::from_utf8_lossy(&entry.bytes).contains(&owed);
        if here && self.armed.load(Ordering::SeqCst) && !self.took.swap(true, Ordering::SeqCst) {
            (self.then)(&self.forge);
            self.clock.pass(61);
        }
    }
}

impl Between for Taking {
    fn store(&self, store: MemoryStore) -> Arc<dyn Store> {
        Arc::new(TakingStore(self.clone(), store))
    }
    fn hands(&self, hands: Arc<QuickHands>) -> Arc<dyn Hands> {
        Arc::new(TakingHands(self.clone(), hands))
    }
    fn sink(&self) -> Arc<dyn ReplySink> {
        Arc::new(Sink)
    }
}

struct TakingStore(Taking, MemoryStore);

impl Store for TakingStore {
    fn position(&self) -> Position {
        self.1.position()
    }
    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.1.replay(after, visit)
    }
    fn projection(&self) -> Result<(u64, Rows), StoreError> {
        self.1.projection()
    }
    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError> {
        self.1.reset_projection(applied, rows)
    }
    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.0.see(&entry);
        self.1.append(entry, rows)
    }
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.1.settle()
    }
}

struct TakingHands(Taking, Arc<QuickHands>);

impl Hands for TakingHands {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        if self.0.armed.load(Ordering::SeqCst) {
            self.0.began.lock().unwrap().push(due.index());
        }
        self.1.perform(due)
    }
}

/// Kim promotes a change, and maintains nothing any more once the effect of this index is on record. Gives the indices
/// that began and the last card, or nothing when there is no such effect.
async fn taken_at(index: u32) -> Option<(Vec<u32>, String, Room)> {
    happens_at(index, "/promote 41", |forge| forge.says("7", NOBODY, NOBODY)).await
}

/// The same of another line, with which something else happens to the forge.
async fn happens_at(index: u32, line: &str, then: fn(&Forge)) -> Option<(Vec<u32>, String, Room)> {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    let clock = Arc::new(Still::default());
    let taking = Taking {
        forge: forge.clone(),
        clock: clock.clone(),
        then,
        at: Arc::new(index.into()),
        took: Arc::default(),
        began: Arc::default(),
        armed: Arc::default(),
    };
    let ground = Ground { clock, between: Some(Arc::new(taking.clone())), ..Ground::default() };
    let room = room(&forge, ground).await;
    if line == "/rollback" {
        room.says("jo", "/promote 41").await;
        room.says("kim", "/whoami").await;
    }
    taking.armed.store(true, Ordering::SeqCst);
    let card = room.says("kim", line).await;
    let began = taking.began.lock().unwrap().clone();
    taking.took.load(Ordering::SeqCst).then_some((began, card, room))
}

#[tokio::test]
async fn a_right_taken_back_before_any_effect_stops_that_effect_and_ends_the_operation() {
    let mut index = 0;
    while let Some((began, card, room)) = taken_at(index).await {
        assert!(began.iter().all(|begun| *begun < index), "{index}: {began:?} began\n{card}");
        assert!(card.starts_with(NO), "{index}: {card}");
        room.ledger.read(|facts| {
            let operations = facts.fold::<Operations>().unwrap();
            assert_eq!(operations.live.len(), 0, "{index}: nothing is under way");
            assert!(facts.fold::<Outbox>().unwrap().owed.is_empty());
            let (now, _) = facts.fold::<Releases>().unwrap().current(facts).unwrap();
            assert!((1..=2).contains(&now.release.0), "{index}: production runs a release that is known");
        });
        index += 1;
    }
    assert!(index >= 4, "a promotion has more effects than {index}");
}

#[tokio::test]
async fn a_right_taken_back_while_an_operation_waits_for_its_turn_stops_it_before_it_starts() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    let room = room(&forge, Ground::default()).await;
    let held = room.hands.held.write().await;
    room.begins("jo", "/promote 43").await;
    room.begins("kim", "/promote 41").await;
    forge.says("7", NOBODY, NOBODY);
    room.clock.pass(61);
    drop(held);
    room.quiet().await;
    let cards = room.cards();
    assert_eq!(cards.iter().filter(|card| card.starts_with(NO)).count(), 1, "{}", room.all());
    let built: Vec<ComponentName> =
        room.hands
            .done
            .lock()
            .unwrap()
            .iter()
            .filter_map(|effect| {
                if let Effect::Merge { component, .. } = effect { Some(component.clone()) } else { None }
            })
            .collect();
    assert_eq!(built, [component("api")]);
}

#[tokio::test]
async fn each_effect_that_begins_by_rights_of_a_while_ago_is_on_record_as_such_before_it_ends() {
    let mut index = 0;
    while let Some((began, card, room)) = happens_at(index, "/rollback", |forge| forge.falls(true)).await {
        let words = "Rights: As GitHub said them at ";
        assert!(card.starts_with("Good: ") && card.contains(words), "{index}: {card}");
        let trusted: Vec<u32> = room.ledger.read(|facts| {
            let operations = facts.fold::<Operations>().unwrap();
            let newest = operations.operations.iter().map(|(_, o)| o).max_by_key(|o| o.decided).unwrap();
            assert_eq!(newest.action.rights_as_of, None, "{index}: the decision itself was by fresh rights");
            newest.effects.iter().filter(|(_, row)| row.trusted.is_some()).map(|(at, _)| *at).collect()
        });
        let after: Vec<u32> = began.into_iter().filter(|begun| *begun >= index).collect();
        assert_eq!(trusted, after, "{index}");
        let why = room.says("kim", "/why").await;
        assert!(why.contains("/rollback` by kim was allowed") && why.contains(words), "{index}: {why}");
        index += 1;
    }
    assert!(index >= 2, "a rollback has more effects than {index}");
}
