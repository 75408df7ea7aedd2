//! Tables: the typed rows of a fold, each with the place of the record that last changed it.
//!
//! The version of a row is what a decision notes when it reads it, and what the ledger compares when it appends. The
//! changed rows are what the store's projection is told. Tables are sorted, so that folds are the same everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::RowChange;

/// What can be a row's key: ordered, and the same text both ways.
pub trait Key: Ord + Clone + Display + FromStr + Send + Sync + 'static {}
impl<T: Ord + Clone + Display + FromStr + Send + Sync + 'static> Key for T {}

/// Rows of one kind.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    name: &'static str,
    rows: BTreeMap<K, (u64, V)>,
    version: u64,
    changed: BTreeSet<K>,
}

impl<K: Key, V> Table<K, V> {
    /// An empty table; its name is unique among all folds.
    pub fn new(name: &'static str) -> Self {
        Self { name, rows: BTreeMap::new(), version: 0, changed: BTreeSet::new() }
    }

    /// One row.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|(_, value)| value)
    }

    /// All rows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, (_, value))| (key, value))
    }

    /// Rows from a key on, in order.
    pub fn range(&self, range: impl std::ops::RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(range).map(|(key, (_, value))| (key, value))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts a row, by the record at `sequence`.
    pub fn put(&mut self, sequence: u64, key: K, value: V) {
        self.version = sequence;
        self.changed.insert(key.clone());
        self.rows.insert(key, (sequence, value));
    }

    /// Changes a row, if it is there, by the record at `sequence`.
    pub fn change(&mut self, sequence: u64, key: &K, change: impl FnOnce(&mut V)) {
        if let Some((version, value)) = self.rows.get_mut(key) {
            *version = sequence;
            change(value);
            self.version = sequence;
            self.changed.insert(key.clone());
        }
    }

    /// Removes a row, by the record at `sequence`.
    pub fn remove(&mut self, sequence: u64, key: &K) -> Option<V> {
        let (_, value) = self.rows.remove(key)?;
        self.version = sequence;
        self.changed.insert(key.clone());
        Some(value)
    }

    /// Removes the first row, by the record at `sequence`.
    pub fn pop_first(&mut self, sequence: u64) -> Option<(K, V)> {
        let first = self.rows.keys().next()?.clone();
        let value = self.remove(sequence, &first)?;
        Some((first, value))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// A table whose types nobody needs to know: for projections and for comparing versions.
pub trait AnyTable {
    /// Its name.
    fn table_name(&self) -> &'static str;
    /// The version of one row (0 when it is absent) or, without a key, of the table.
    fn version_of(&self, key: Option<&str>) -> u64;
    /// The rows that changed since the last call.
    fn take_changes(&mut self) -> Result<Vec<RowChange>, serde_json::Error>;
    /// Takes a row back from a projection; `false` when it is not one of ours.
    fn restore(&mut self, key: &str, bytes: &[u8]) -> bool;
    /// Every row, encoded.
    fn export(&self) -> Result<Vec<RowChange>, serde_json::Error>;
}

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    fn encode(&self, key: &K) -> Result<RowChange, serde_json::Error> {
        let value = self.rows.get(key).map(serde_json::to_vec).transpose()?;
        Ok(RowChange { key: format!("{}/{key}", self.name), value })
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> AnyTable for Table<K, V> {
    fn table_name(&self) -> &'static str {
        self.name
    }

    fn version_of(&self, key: Option<&str>) -> u64 {
        match key {
            None => self.version,
            Some(text) => {
                text.parse().ok().and_then(|key: K| self.rows.get(&key)).map_or(0, |(version, _)| *version)
            }
        }
    }

    fn take_changes(&mut self) -> Result<Vec<RowChange>, serde_json::Error> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().map(|key| self.encode(key)).collect()
    }

    fn restore(&mut self, key: &str, bytes: &[u8]) -> bool {
        let (Ok(key), Ok((version, value))) = (key.parse::<K>(), serde_json::from_slice::<(u64, V)>(bytes))
        else {
            return false;
        };
        self.version = self.version.max(version);
        self.rows.insert(key, (version, value));
        true
    }

    fn export(&self) -> Result<Vec<RowChange>, serde_json::Error> {
        self.rows.keys().map(|key| self.encode(key)).collect()
    }
}
