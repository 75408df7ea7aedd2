//! How changes were used by the people who try them, beside what everybody else did over the same time.
//!
//! INVARIANT: a row holds who tried a change, which the room knows from `/opt-in`, and what was used; never who used what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use folkops_model::{
    ChangeRef, Ended, Endpoint, Intent, Malformed, Part, PersonId, Sha, StackName, Tried, Usage,
};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// So many commits of changes are remembered; those that were used longest ago go first.
const ROWS: usize = 200;
/// So many mixes are remembered, those that began longest ago go first: what their last requests came to is told later.
const STACKS: usize = 256;
/// So many endpoints of a row are told apart.
const ENDPOINTS: usize = 128;

/// A change at one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Which change.
    pub change: ChangeRef,
    /// At which commit.
    pub sha: Sha,
}

/// How one change was used at one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Since when it is tried, UTC.
    pub since: Timestamp,
    /// Up to when it is known, UTC.
    pub until: Timestamp,
    /// Who used it.
    pub people: BTreeSet<PersonId>,
    /// On how many days, UTC.
    pub days: u32,
    /// The last one of them, in days since 1970.
    pub last_day: i64,
    /// What was used, and what everybody else used meanwhile.
    pub endpoints: BTreeMap<Endpoint, Beside>,
    /// Which life of the edge told last.
    pub epoch: String,
    /// How often the edge began anew meanwhile; what it had not told by then is missing.
    pub gaps: u32,
}

/// One endpoint on the change, and beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// How many of the people used it, at least.
    pub people: u64,
    /// On the change.
    pub tried: Ended,
    /// In production over the same time.
    pub production: Ended,
}

/// Which changes a mix has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixStack {
    /// Whose mix it is.
    pub person: PersonId,
    /// Its changes, pinned.
    pub changes: Vec<(ChangeRef, Sha)>,
    /// The record that wanted it.
    pub wanted: u64,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Usages {
    /// By change and commit.
    pub rows: Table<Candidate, UsageRow>,
    /// The mixes that there are, and those that were.
    pub stacks: Table<StackName, MixStack>,
    /// One row, `now`: in which life of the edge the next block is which.
    pub next: Table<String, (String, u64)>,
}

impl Default for Usages {
    fn default() -> Self {
        Self { rows: Table::new("usage"), stacks: Table::new("usage-stacks"), next: Table::new("usage-next") }
    }
}

impl Usages {
    /// How a change was used at a commit.
    pub fn of<'a>(&'a self, facts: &Facts<'_>, change: &ChangeRef, sha: &Sha) -> Option<&'a UsageRow> {
        facts.row(&self.rows, &Candidate { change: change.clone(), sha: sha.clone() })
    }

    /// The commit of a change that was used last.
    pub fn newest<'a>(
        &'a self,
        facts: &Facts<'_>,
        of: impl Fn(&ChangeRef) -> bool,
    ) -> Option<(&'a Candidate, &'a UsageRow)> {
        facts.rows(&self.rows).filter(|(key, _)| of(&key.change)).max_by_key(|(_, row)| row.until)
    }

    fn wanted(&mut self, at: u64, person: &PersonId, stack: &StackName, parts: &[Part]) {
        let changes = parts.iter().filter_map(|part| part.change.clone()).collect();
        let row = MixStack { person: person.clone(), changes, wanted: at };
        self.stacks.put(at, stack.clone(), row);
        if self.stacks.len() > STACKS {
            let oldest = self.stacks.iter().min_by_key(|(_, row)| row.wanted).map(|(stack, _)| stack.clone());
            oldest.into_iter().for_each(|stack| drop(self.stacks.remove(at, &stack)));
        }
    }

    fn observed(&mut self, record: &Record, seen: &Usage) {
        let at = record.sequence;
        self.next.put(at, "now".to_owned(), (seen.epoch.clone(), seen.next));
        for tried in &seen.tried {
            let key = Candidate { change: tried.change.clone(), sha: tried.sha.clone() };
            if self.rows.get(&key).is_none() {
                self.rows.put(at, key.clone(), UsageRow::begun(record.time, &seen.epoch));
            }
            self.rows.change(at, &key, |row| row.see(record.time, seen, tried));
        }
        while self.rows.len() > ROWS {
            let oldest = self.rows.iter().min_by_key(|(_, row)| row.until).map(|(key, _)| key.clone());
            oldest.into_iter().for_each(|key| drop(self.rows.remove(at, &key)));
        }
    }
}

impl UsageRow {
    fn begun(at: Timestamp, epoch: &str) -> Self {
        Self {
            since: at,
            until: at,
            people: BTreeSet::new(),
            days: 0,
            last_day: i64::MIN,
            endpoints: BTreeMap::new(),
            epoch: epoch.to_owned(),
            gaps: 0,
        }
    }

    /// How many requests came to the change.
    pub fn requests(&self) -> u64 {
        self.endpoints.values().map(|beside| beside.tried.requests).sum()
    }

    fn see(&mut self, at: Timestamp, seen: &Usage, tried: &Tried) {
        self.until = at;
        if self.epoch != seen.epoch {
            (self.epoch, self.gaps) = (seen.epoch.clone(), self.gaps + 1);
        }
        let day = at.as_second().div_euclid(86_400);
        if !tried.endpoints.is_empty() && self.last_day != day {
            (self.last_day, self.days) = (day, self.days + 1);
        }
        self.people.extend(tried.newcomers.iter().cloned());
        for (endpoint, used) in &tried.endpoints {
            let beside = self.beside(endpoint);
            beside.people = beside.people.max(used.people);
            beside.tried.add(&used.ended);
        }
        for (endpoint, ended) in &seen.production {
            self.beside(endpoint).production.add(ended);
        }
    }

    fn beside(&mut self, endpoint: &Endpoint) -> &mut Beside {
        let known = self.endpoints.contains_key(endpoint) || self.endpoints.len() < ENDPOINTS;
        self.endpoints.entry(if known { endpoint.clone() } else { Endpoint::other() }).or_default()
    }
}

impl Fold for Usages {
    fn apply(&mut self, record: &Record) {
        match &record.body {
            Body::UsageObserved { seen } => self.observed(record, seen),
            Body::Intended(Intent::WantMix { person, stack, parts, .. }) => {
                self.wanted(record.sequence, person, stack, parts);
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.rows, &self.stacks, &self.next]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.rows, &mut self.stacks, &mut self.next]
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.change, self.sha)
    }
}

impl FromStr for Candidate {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (change, sha) =
            text.split_once('@').ok_or_else(|| Malformed::new(text, "a change at a commit"))?;
        Ok(Self { change: change.parse()?, sha: Sha::parse(sha)? })
    }
}
