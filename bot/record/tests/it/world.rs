//! What the tests share: a clock that stands still, two small folds, and a store that fails when told to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkops_model::ports::Clock;
use folkops_model::{Group, PersonId, ServiceId};
use folkops_record::memory::MemoryStore;
use folkops_record::{
    AnyTable, Body, Draft, Entry, Fold, Folds, Ledger, Note, OpenError, Position, Record, RowChange, Rows,
    Store, StoreError, Table,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::oneshot;

/// It is always the same moment.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Who stands in which groups.
pub struct Grants {
    pub groups: Table<PersonId, BTreeSet<Group>>,
}

impl Default for Grants {
    fn default() -> Self {
        Self { groups: Table::new("groups") }
    }
}

impl Fold for Grants {
    fn apply(&mut self, record: &Record) {
        match &record.body {
            Body::PersonGranted { person, group } => {
                let mut groups = self.groups.get(person).cloned().unwrap_or_default();
                groups.insert(*group);
                self.groups.put(record.sequence, person.clone(), groups);
            }
            Body::PersonRevoked { person, .. } => {
                self.groups.remove(record.sequence, person);
            }
            _ => {}
        }
    }
    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.groups]
    }
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.groups]
    }
}

/// Every record's kind, to see what a ledger has folded.
pub struct Diary {
    pub kinds: Table<u64, String>,
}

impl Default for Diary {
    fn default() -> Self {
        Self { kinds: Table::new("kinds") }
    }
}

impl Fold for Diary {
    fn apply(&mut self, record: &Record) {
        let body = serde_json::to_value(&record.body).unwrap();
        self.kinds.put(record.sequence, record.sequence, body["kind"].as_str().unwrap().to_owned());
    }
    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.kinds]
    }
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.kinds]
    }
}

pub fn folds() -> Folds {
    Folds::new().with(Grants::default()).with(Diary::default())
}

pub async fn try_open(store: impl Store + 'static) -> Result<Ledger, OpenError> {
    Ledger::open(Arc::new(store), folds, Arc::new(Noon), ServiceId::parse("potluck").unwrap()).await
}

pub async fn open(store: impl Store + 'static) -> Ledger {
    try_open(store).await.unwrap()
}

pub fn person(name: &str) -> PersonId {
    PersonId::parse(name).unwrap()
}

pub fn grant(name: &str, group: Group) -> Draft {
    Draft::note(Note::of(Body::PersonGranted { person: person(name), group }).unwrap())
}

pub fn revoke(name: &str, group: Group) -> Draft {
    Draft::note(Note::of(Body::PersonRevoked { person: person(name), group }).unwrap())
}

type Held = oneshot::Sender<Result<(), StoreError>>;

/// A store whose syncs end when the test says so, and how it says so.
#[derive(Clone, Default)]
pub struct HeldStore {
    pub memory: MemoryStore,
    held: Arc<Mutex<Option<Vec<Held>>>>,
}

impl HeldStore {
    /// From now on nothing becomes durable.
    pub fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }
    /// Everything held ends like this.
    pub fn release(&self, result: Result<(), StoreError>) {
        for done in self.held.lock().unwrap().take().unwrap_or_default() {
            let _gone = done.send(result.clone());
        }
    }
}

impl Store for HeldStore {
    fn position(&self) -> Position {
        self.memory.position()
    }
    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.memory.replay(after, visit)
    }
    fn projection(&self) -> Result<(u64, Rows), StoreError> {
        self.memory.projection()
    }
    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError> {
        self.memory.reset_projection(applied, rows)
    }
    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>> {
        let taken = self.memory.append(entry, rows);
        match &mut *self.held.lock().unwrap() {
            None => taken,
            Some(held) => {
                let (done, ended) = oneshot::channel();
                held.push(done);
                Box::pin(async move { ended.await.unwrap() })
            }
        }
    }
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.memory.settle()
    }
}
