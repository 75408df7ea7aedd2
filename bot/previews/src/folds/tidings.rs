//! What is to be told by itself where changes stand: to whom a welcome is owed, and what was told last of each.
//!
//! INVARIANT: an author is welcomed once in the service, and only where their first change was opened after its
//! component began to be read: who was there before us is not new.

use folkops_model::{ChangeRef, ComponentName, Intent, ObservedChange, OperationId, Topic};
use folkops_record::{AnyTable, Body, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was told last of how many people try a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldUse {
    /// The operation whose card tells it.
    pub operation: OperationId,
    /// So many.
    pub people: u64,
    /// When, UTC.
    pub at: Timestamp,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Tidings {
    /// Since when what is said of a component's changes is read, UTC.
    pub since: Table<ComponentName, Timestamp>,
    /// The first change of every author that was seen here.
    pub authors: Table<String, ChangeRef>,
    /// First changes whose authors were not welcomed yet, since when they are known, UTC.
    pub welcomes: Table<ChangeRef, Timestamp>,
    /// What was told last of how an open change is used.
    pub uses: Table<ChangeRef, ToldUse>,
}

impl Default for Tidings {
    fn default() -> Self {
        Self {
            since: Table::new("read-since"),
            authors: Table::new("authors"),
            welcomes: Table::new("welcomes-owed"),
            uses: Table::new("uses-told"),
        }
    }
}

impl Tidings {
    fn saw(&mut self, record: &Record, component: &ComponentName, change: &ObservedChange) {
        let at = record.sequence;
        if self.authors.get(&change.author).is_some() {
            return;
        }
        let key = ChangeRef { component: component.clone(), number: change.number };
        self.authors.put(at, change.author.clone(), key.clone());
        let since = self.since.get(component);
        if change.opened.zip(since).is_some_and(|(opened, since)| opened > *since) {
            self.welcomes.put(at, key, record.time);
        }
    }

    fn told(&mut self, record: &Record, change: &ChangeRef, topic: &Topic) {
        let at = record.sequence;
        match topic {
            Topic::Welcome => drop(self.welcomes.remove(at, change)),
            Topic::Course => {}
            Topic::Use { people, card } => {
                let told = ToldUse { operation: card.clone(), people: *people, at: record.time };
                self.uses.put(at, change.clone(), told);
            }
        }
    }
}

impl Fold for Tidings {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::SurfaceScanned { component, until, .. } if self.since.get(component).is_none() => {
                self.since.put(at, component.clone(), *until);
            }
            Body::ChangeObserved { component, change, .. } => self.saw(record, component, change),
            Body::ChangeGone { component, number, .. } => {
                let change = ChangeRef { component: component.clone(), number: *number };
                self.welcomes.remove(at, &change);
                self.uses.remove(at, &change);
            }
            Body::Intended(Intent::Tell { change, topic }) => self.told(record, change, topic),
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.since, &self.authors, &self.welcomes, &self.uses]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.since, &mut self.authors, &mut self.welcomes, &mut self.uses]
    }
}
