//! Nothing is taken off the list of what is owed before it stands in the world: replies posted, effects done.
//!
//! The store, the hands and the sink are watched: after every append it is written down what the world had seen by
//! then. A crash at that append leaves just that much, journal and world; the next start must come to a world in
//! which everything that the record calls posted or done is so. Two faults are planted to show that this would find
//! them: a sink and hands that answer before they have done anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use folkops_engine::MemoryStore;
use folkops_engine::{Due, Entry, Position, Reply, ReplyKey, RowChange, Rows, Store, StoreError};
use folkops_engine::{Hands, Operations, Outbox, ReplySink, Unavailable, Unposted};
use folkops_model::{MessageId, OperationId, Outcome};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::doubles::{QuickHands, sha};
use crate::recovery::{entries, prefix};
use crate::room::{Between, Ground, Room};

/// What has really happened.
#[derive(Debug, Clone, Default)]
struct World {
    /// The newest state of every reply that stands in the room.
    posted: BTreeMap<ReplyKey, u32>,
    /// The effects that were done.
    done: BTreeSet<(OperationId, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// The sink says "posted", and posts once that is written down.
    DeleteBeforeSend,
    /// The hands say "done", and do once that is written down.
    SettleBeforeDoing,
}

/// Watches what happens, in which order.
#[derive(Clone)]
struct Watch {
    planted: Planted,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    world: World,
    /// What a planted fault has promised and not done yet.
    promised: World,
    /// The world after each append.
    moments: Vec<World>,
}

impl World {
    fn take(&mut self, other: World) {
        self.posted.extend(other.posted);
        self.done.extend(other.done);
    }
}

impl Watch {
    fn new(planted: Planted, world: World) -> Self {
        Self { planted, seen: Arc::new(Mutex::new(Seen { world, ..Seen::default() })) }
    }

    fn happens(&self, promised: Planted, change: impl FnOnce(&mut World)) {
        let seen = &mut *self.seen.lock().unwrap();
        change(if self.planted == promised { &mut seen.promised } else { &mut seen.world });
    }
}

impl Between for Watch {
    fn store(&self, store: MemoryStore) -> Arc<dyn Store> {
        Arc::new(WatchedStore { watch: self.clone(), store })
    }

    fn hands(&self, hands: Arc<QuickHands>) -> Arc<dyn Hands> {
        Arc::new(WatchedHands { watch: self.clone(), hands })
    }

    fn sink(&self) -> Arc<dyn ReplySink> {
        Arc::new(WatchedSink(self.clone()))
    }
}

struct WatchedStore {
    watch: Watch,
    store: MemoryStore,
}

impl Store for WatchedStore {
    fn position(&self) -> Position {
        self.store.position()
    }

    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.replay(after, visit)
    }

    fn projection(&self) -> Result<(u64, Rows), StoreError> {
        self.store.projection()
    }

    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError> {
        self.store.reset_projection(applied, rows)
    }

    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>> {
        let appended = self.store.append(entry, rows);
        let seen = &mut *self.watch.seen.lock().unwrap();
        seen.moments.push(seen.world.clone());
        seen.world.take(std::mem::take(&mut seen.promised));
        appended
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.settle()
    }
}

struct WatchedHands {
    watch: Watch,
    hands: Arc<QuickHands>,
}

impl Hands for WatchedHands {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async move {
            let outcome = self.hands.perform(due).await?;
            let effect = (due.operation().clone(), due.index());
            self.watch.happens(Planted::SettleBeforeDoing, |world| _ = world.done.insert(effect));
            Ok(outcome)
        }
        .boxed()
    }
}

struct WatchedSink(Watch);

impl ReplySink for WatchedSink {
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>> {
        let id = MessageId::parse(&format!("c-{}-{}", reply.key.operation, reply.key.slot)).unwrap();
        self.0.happens(Planted::DeleteBeforeSend, |world| {
            let newest = world.posted.entry(reply.key.clone()).or_default();
            *newest = reply.revision.max(*newest);
        });
        async move { Ok(id) }.boxed()
    }
}

/// Tells a story, and gives how many appends it took, or what a crash at one of them loses.
async fn crashed_everywhere(planted: Planted) -> Result<usize, String> {
    let (store, watch) = (MemoryStore::new(), Watch::new(planted, World::default()));
    let ground = Ground { store: store.clone(), between: Some(Arc::new(watch.clone())), ..Ground::default() };
    let room = Room::furnished(ground).await;
    room.says("mira", "/deploy-preview 41").await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("ana", "/promot 41").await;
    room.says("jo", "/promote 41").await;
    room.says("jo", "/rollback").await;
    let all = entries(&store);
    let moments = watch.seen.lock().unwrap().moments.clone();
    assert_eq!(all.len(), moments.len(), "every append has its moment");
    for (index, world) in moments.into_iter().enumerate() {
        let store = prefix(&all[..=index]).await;
        let again = Watch::new(Planted::Nothing, world);
        let ground = Ground {
            store,
            keyring: room.keyring.clone(),
            dice: 1_000_000,
            between: Some(Arc::new(again.clone())),
            ..Ground::default()
        };
        let started = Room::on(ground).await;
        started.quiet().await;
        let world = again.seen.lock().unwrap().world.clone();
        lost(&started, &world)
            .map_or(Ok(()), |lost| Err(format!("a crash at append {index} loses {lost}")))?;
    }
    Ok(all.len())
}

/// What the record calls posted or done and the world has not seen.
fn lost(room: &Room, world: &World) -> Option<String> {
    room.ledger.read(|facts| {
        let outbox = facts.fold::<Outbox>().unwrap();
        let reply =
            outbox.replies.iter().find(|(key, row)| world.posted.get(key) != Some(&row.reply.revision));
        if let Some((key, _)) = reply {
            return Some(format!("reply {key}"));
        }
        let operations = facts.fold::<Operations>().unwrap();
        let effects = operations.operations.iter().flat_map(|(id, operation)| {
            let settled = operation.effects.iter().filter(|(_, row)| row.outcome.is_some());
            settled.map(move |(index, _)| (id.clone(), *index))
        });
        effects
            .into_iter()
            .find(|effect| !world.done.contains(effect))
            .map(|(id, index)| format!("effect {id}-{index}"))
    })
}

#[tokio::test]
async fn a_crash_after_any_append_loses_no_reply_and_no_effect() {
    let appends = crashed_everywhere(Planted::Nothing).await.unwrap();
    assert!(appends > 50, "the story has {appends} appends");
}

#[tokio::test]
async fn a_reply_marked_as_posted_before_it_is_sent_is_found_out() {
    let lost = crashed_everywhere(Planted::DeleteBeforeSend).await.unwrap_err();
    assert!(lost.contains("loses reply "), "{lost}");
}

#[tokio::test]
async fn an_effect_settled_before_it_is_done_is_found_out() {
    let lost = crashed_everywhere(Planted::SettleBeforeDoing).await.unwrap_err();
    assert!(lost.contains("loses effect "), "{lost}");
}
