//! The ledger: orders appends, checks what they read, applies the folds, and waits for the store.
//!
//! One lock is the sequencer: within it an append is compared, numbered, applied and handed to the store in order.
//! Durability is awaited outside of it, so that concurrent appends share a sync. Decisions may therefore build on
//! appends that are not durable yet; nobody is told of them and nothing is done before they are.

use std::sync::{Arc, PoisonError, RwLock};

use folkops_model::{Effect, OperationId, ServiceId, ports::Clock};
use tokio::sync::watch;

use crate::draft::Draft;
use crate::facts::Facts;
use crate::fold::Folds;
use crate::kinds::Body;
use crate::record::{DecodeError, Due, Record, Recorded};
use crate::store::{Entry, Rows, Store, StoreError};

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A fact that was read has changed since; read and decide again.
    #[error("a fact this was decided on has changed meanwhile")]
    Moved,
    /// Storage cannot be trusted any further; the process must end.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record could not be written as JSON.
    #[error("a record could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Why a ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Storage cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A record could not be written as JSON.
    #[error("a record could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// A draft that has its place but may not be durable yet.
#[must_use = "what was submitted must be awaited"]
pub struct Pending {
    records: Vec<Record>,
    durable: Durable,
}

/// The journal with everything that it adds up to.
pub struct Ledger {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    service: ServiceId,
    inner: RwLock<Inner>,
    durable: watch::Sender<u64>,
    failed: watch::Sender<Option<StoreError>>,
}

struct Inner {
    folds: Folds,
    sequence: u64,
    epoch: u64,
}

impl Ledger {
    /// Brings the folds up to the journal and begins a new epoch, durably. `folds` gives empty ones; it may be called
    /// twice, when the projection turns out to be unusable and everything is read from the journal instead.
    pub async fn open(
        store: Arc<dyn Store>,
        folds: impl Fn() -> Folds,
        clock: Arc<dyn Clock>,
        service: ServiceId,
    ) -> Result<Self, OpenError> {
        let position = store.position();
        let folds = recover(store.as_ref(), &folds)?;
        let inner = Inner { folds, sequence: position.sequence, epoch: position.epoch + 1 };
        let (durable, _) = watch::channel(position.sequence);
        let (failed, _) = watch::channel(None);
        let ledger = Self { store, clock, service, inner: RwLock::new(inner), durable, failed };
        let begun = Draft { reads: Vec::new(), cause: None, bodies: vec![(None, Body::EpochBegan {})] };
        match ledger.append(begun).await {
            Ok(_) => Ok(ledger),
            Err(AppendError::Store(error)) => Err(error.into()),
            Err(AppendError::Encode(error)) => Err(error.into()),
            Err(AppendError::Moved) => Err(StoreError::Read("the first append read nothing".into()).into()),
        }
    }

    /// Looks at a consistent state of everything. Keep it short: appends wait meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&Facts<'_>) -> R) -> R {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        look(&Facts::new(&inner.folds, self.clock.now(), inner.sequence))
    }

    /// Looks, and also gives back what was looked at, for `Draft::provided`.
    pub fn decide<R>(&self, look: impl FnOnce(&Facts<'_>) -> R) -> (R, Vec<crate::facts::Read>) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let facts = Facts::new(&inner.folds, self.clock.now(), inner.sequence);
        let result = look(&facts);
        (result, facts.into_reads())
    }

    /// Appends a draft if everything it read still holds; ends when it is durable.
    pub async fn append(&self, draft: Draft) -> Result<Recorded, AppendError> {
        let pending = self.submit(draft)?;
        self.durable(pending).await
    }

    /// Gives a draft its place, at once and in the order of calls, if everything it read still holds. It is not
    /// durable before `durable` has ended.
    pub fn submit(&self, draft: Draft) -> Result<Pending, AppendError> {
        let (records, durable) = self.sequence(draft)?;
        Ok(Pending { records, durable })
    }

    /// Ends when a submitted draft is durable.
    pub async fn durable(&self, pending: Pending) -> Result<Recorded, AppendError> {
        if let Err(error) = pending.durable.await {
            self.failed.send_replace(Some(error.clone()));
            return Err(error.into());
        }
        let recorded = Recorded::durable(pending.records);
        self.durable.send_if_modified(|last| {
            let later = recorded.sequence() > *last;
            *last = (*last).max(recorded.sequence());
            later
        });
        Ok(recorded)
    }

    fn sequence(&self, draft: Draft) -> Result<(Vec<Record>, Durable), AppendError> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if draft
            .reads
            .iter()
            .any(|read| inner.folds.version_of(read.table, read.key.as_deref()) != read.version)
        {
            return Err(AppendError::Moved);
        }
        let records = self.number(&inner, draft);
        let bytes = Record::encode(&records)?;
        let first = inner.sequence + 1;
        for record in &records {
            inner.folds.apply(record);
            inner.sequence = record.sequence;
        }
        let rows = inner.folds.take_changes()?;
        let entry = Entry { first, last: inner.sequence, epoch: inner.epoch, bytes };
        Ok((records, self.store.append(entry, rows)))
    }

    fn number(&self, inner: &Inner, draft: Draft) -> Vec<Record> {
        let time = self.clock.now();
        let numbered = draft.bodies.into_iter().zip(inner.sequence + 1..);
        let record = |((operation, body), sequence)| Record {
            sequence,
            epoch: inner.epoch,
            time,
            service: self.service.clone(),
            operation,
            cause: draft.cause.clone(),
            body,
        };
        numbered.map(record).collect()
    }

    /// The effects that were owed when the program last stopped. What this reads was durable before it started.
    pub fn overdue(&self, owed: impl FnOnce(&Facts<'_>) -> Vec<(OperationId, u32, Effect, u64)>) -> Vec<Due> {
        let owed = self.read(owed);
        owed.into_iter()
            .map(|(id, index, effect, sequence)| Due::recovered(id, index, effect, sequence))
            .collect()
    }

    /// Tells the place of the last durable record, each time it grows.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    /// Tells when storage has failed; the process must end then.
    pub fn failures(&self) -> watch::Receiver<Option<StoreError>> {
        self.failed.subscribe()
    }

    /// The service all of this is about.
    pub fn service(&self) -> &ServiceId {
        &self.service
    }

    /// Every row of every fold, sorted.
    pub fn export(&self) -> Result<Rows, serde_json::Error> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).folds.export()
    }

    /// Reads the journal from its beginning, as far as it is durable; folds may have forgotten what it says.
    pub fn records(&self, visit: &mut dyn FnMut(&Record)) -> Result<(), OpenError> {
        replay(self.store.as_ref(), 0, visit)
    }

    /// Ends when everything is durable and the projection has caught up.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.store.settle().await
    }
}

type Durable = futures::future::BoxFuture<'static, Result<(), StoreError>>;

/// The folds as of the end of the journal: from the projection and what came after it, or all from the journal.
fn recover(store: &dyn Store, empty: &dyn Fn() -> Folds) -> Result<Folds, OpenError> {
    let (applied, rows) = store.projection()?;
    let mut folds = empty();
    let usable = applied > 0 && applied <= store.position().sequence && folds.restore(&rows);
    if usable {
        replay(store, applied, &mut |record| folds.apply(record))?;
        return Ok(folds);
    }
    let mut folds = empty();
    replay(store, 0, &mut |record| folds.apply(record))?;
    folds.take_changes()?;
    store.reset_projection(store.position().sequence, folds.export()?)?;
    Ok(folds)
}

fn replay(store: &dyn Store, after: u64, visit: &mut dyn FnMut(&Record)) -> Result<(), OpenError> {
    let mut undecodable = None;
    let replayed = store.replay(after, &mut |entry| {
        let records = Record::decode(&entry.bytes).map_err(|error| {
            let text = error.to_string();
            undecodable = Some(error);
            StoreError::Read(text)
        })?;
        records.iter().filter(|record| record.sequence > after).for_each(&mut *visit);
        Ok(())
    });
    match undecodable {
        Some(error) => Err(error.into()),
        None => Ok(replayed?),
    }
}
