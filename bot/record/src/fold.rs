//! Folds: what the records add up to.
//!
//! A fold belongs to a room, is a pure function of the records in order, and uses no clock and no unordered map: the
//! same journal gives the same rows, byte for byte.

use std::any::Any;
use std::collections::BTreeMap;

use crate::record::Record;
use crate::store::{RowChange, Rows};
use crate::table::AnyTable;

/// A pure function of the records.
pub trait Fold: Any + Send + Sync {
    /// Takes one record in.
    fn apply(&mut self, record: &Record);
    /// Its tables, for projections and versions.
    fn tables(&self) -> Vec<&dyn AnyTable>;
    /// Its tables, to restore them and to take their changes.
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable>;
}

/// All folds of the program, found by their type.
#[derive(Default)]
pub struct Folds {
    folds: Vec<Box<dyn Fold>>,
    /// Which fold holds a table: versions are compared at each append, while everything else waits.
    places: BTreeMap<&'static str, usize>,
}

impl Folds {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fold.
    #[must_use]
    pub fn with(mut self, fold: impl Fold) -> Self {
        self.places.extend(fold.tables().iter().map(|table| (table.table_name(), self.folds.len())));
        self.folds.push(Box::new(fold));
        self
    }

    /// The fold of a type. Every fold that a room reads is registered where the program is put together; a missing
    /// one is `None` at the first test that touches it.
    pub fn get<F: Fold>(&self) -> Option<&F> {
        self.folds.iter().find_map(|fold| (fold.as_ref() as &dyn Any).downcast_ref())
    }

    pub(crate) fn apply(&mut self, record: &Record) {
        for fold in &mut self.folds {
            fold.apply(record);
        }
    }

    pub(crate) fn version_of(&self, table: &str, key: Option<&str>) -> u64 {
        let fold = self.places.get(table).and_then(|place| self.folds.get(*place));
        let tables = fold.map(|fold| fold.tables()).unwrap_or_default();
        tables.iter().find(|any| any.table_name() == table).map_or(0, |any| any.version_of(key))
    }

    pub(crate) fn take_changes(&mut self) -> Result<Vec<RowChange>, serde_json::Error> {
        let mut changes = Vec::new();
        for fold in &mut self.folds {
            for table in fold.tables_mut() {
                changes.extend(table.take_changes()?);
            }
        }
        Ok(changes)
    }

    /// Takes rows back from a projection; `false` when any of them is not ours, and then nothing may be believed.
    pub(crate) fn restore(&mut self, rows: &Rows) -> bool {
        let mut tables: BTreeMap<&str, &mut dyn AnyTable> = self
            .folds
            .iter_mut()
            .flat_map(|fold| fold.tables_mut())
            .map(|table| (table.table_name(), table))
            .collect();
        rows.iter().all(|(key, bytes)| match key.split_once('/') {
            Some((table, key)) => tables.get_mut(table).is_some_and(|table| table.restore(key, bytes)),
            None => false,
        })
    }

    /// Every row of every table, sorted: what two replicas, or a rebuild, compare.
    pub fn export(&self) -> Result<Rows, serde_json::Error> {
        let mut rows = Rows::new();
        for table in self.folds.iter().flat_map(|fold| fold.tables()) {
            rows.extend(
                table.export()?.into_iter().filter_map(|row| row.value.map(|value| (row.key, value))),
            );
        }
        Ok(rows)
    }
}
