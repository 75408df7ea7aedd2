//! The in-memory twin of a store, for tests of everything above storage.
//!
//! It keeps the same promises as the durable ones but the one to survive its process, and passes the same conformance
//! suite.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::store::{Entry, Position, RowChange, Rows, Store, StoreError};

/// A store that lives as long as its last clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    rows: Rows,
    applied: u64,
    epoch: u64,
}

impl State {
    fn sequence(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.last)
    }

    fn take(&mut self, entry: Entry, rows: Vec<RowChange>) -> Result<(), StoreError> {
        if entry.epoch < self.epoch {
            return Err(StoreError::Fenced { current: self.epoch, ours: entry.epoch });
        }
        if entry.first != self.sequence() + 1 || entry.last < entry.first {
            let text =
                format!("records {} to {} do not follow record {}", entry.first, entry.last, self.sequence());
            return Err(StoreError::Write(text));
        }
        self.epoch = entry.epoch;
        self.applied = entry.last;
        self.entries.push(entry);
        for row in rows {
            match row.value {
                Some(value) => self.rows.insert(row.key, value),
                None => self.rows.remove(&row.key),
            };
        }
        Ok(())
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn position(&self) -> Position {
        let state = self.state();
        Position { sequence: state.sequence(), epoch: state.epoch }
    }

    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let entries: Vec<Entry> =
            self.state().entries.iter().filter(|entry| entry.last > after).cloned().collect();
        entries.into_iter().try_for_each(visit)
    }

    fn projection(&self) -> Result<(u64, Rows), StoreError> {
        let state = self.state();
        Ok((state.applied, state.rows.clone()))
    }

    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError> {
        let mut state = self.state();
        state.applied = applied;
        state.rows = rows;
        Ok(())
    }

    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>> {
        let taken = self.state().take(entry, rows);
        async move { taken }.boxed()
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }
}
