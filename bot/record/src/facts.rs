//! Facts: what a decision reads, with the versions it read.
//!
//! Every look at a row or a table is noted. The ledger refuses an append when one of the noted versions has moved,
//! and the decision is then taken again; so nothing is ever checked first and acted on later.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fold::{Fold, Folds};
use crate::table::{AnyTable, Key, Table};

/// One look: at a row, or at a whole table, and the version seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Which table.
    pub table: &'static str,
    /// Which row; without one, the whole table.
    pub key: Option<String>,
    /// The version seen.
    pub version: u64,
}

/// A consistent view of all folds, which notes what is read.
pub struct Facts<'a> {
    folds: &'a Folds,
    now: Timestamp,
    sequence: u64,
    /// Many questions look at the same row; it is compared once.
    reads: RefCell<BTreeMap<(&'static str, Option<String>), u64>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(folds: &'a Folds, now: Timestamp, sequence: u64) -> Self {
        Self { folds, now, sequence, reads: RefCell::default() }
    }

    /// The same view for what only colours a reply: what is looked at there may move before the append.
    pub fn aside(&self) -> Facts<'a> {
        Self::new(self.folds, self.now, self.sequence)
    }

    /// The place of the last record that these facts know of.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The moment of the decision, UTC.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The fold of a type.
    pub fn fold<F: Fold>(&self) -> Option<&'a F> {
        self.folds.get()
    }

    /// Looks at one row.
    pub fn row<'t, K: Key, V: Serialize + DeserializeOwned>(
        &self,
        table: &'t Table<K, V>,
        key: &K,
    ) -> Option<&'t V> {
        let text = key.to_string();
        let version = table.version_of(Some(&text));
        self.reads.borrow_mut().insert((table.name(), Some(text)), version);
        table.get(key)
    }

    /// Looks at a whole table.
    pub fn rows<'t, K: Key, V: Serialize + DeserializeOwned>(
        &self,
        table: &'t Table<K, V>,
    ) -> impl DoubleEndedIterator<Item = (&'t K, &'t V)> + use<'t, K, V> {
        self.reads.borrow_mut().insert((table.name(), None), table.version_of(None));
        table.iter()
    }

    /// What was looked at.
    pub fn into_reads(self) -> Vec<Read> {
        let reads = self.reads.into_inner().into_iter();
        reads.map(|((table, key), version)| Read { table, key, version }).collect()
    }
}
