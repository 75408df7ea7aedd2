//! Mixes: what single people chose for their own workload, and the one-time links to it.

use std::collections::BTreeMap;

use folkops_model::{
    ComponentName, CompositionId, Digest, Intent, OperationId, Owner, Part, PersonId, ReleaseNumber, Sealed,
    StackName,
};
use folkops_record::{AnyTable, Body, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One person's mix. An earlier one serves them until the new one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix {
    /// Their account in the service.
    pub owner: Owner,
    /// What is being made.
    pub raising: Option<Raised>,
    /// What serves them.
    pub serving: Option<Raised>,
}

/// A mix as it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// What it is made of.
    pub composition: CompositionId,
    /// The release it is frozen on.
    pub base: ReleaseNumber,
    /// Its parts, pinned.
    pub parts: Vec<Part>,
    /// The stack that serves it.
    pub stack: StackName,
    /// When it ends, UTC.
    pub deadline: Timestamp,
    /// What runs in it, once it does.
    pub builds: BTreeMap<ComponentName, Digest>,
    /// The operation that raises it.
    pub raised_by: Option<OperationId>,
}

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Whose.
    pub person: PersonId,
    /// Until when, UTC.
    pub expires: Timestamp,
    /// By which operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// The whole link, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Sealed>,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Mixes {
    /// By person.
    pub mixes: Table<PersonId, Mix>,
    /// By SHA-256 of the token, hex.
    pub links: Table<String, LinkRow>,
}

impl Default for Mixes {
    fn default() -> Self {
        Self { mixes: Table::new("mixes"), links: Table::new("links") }
    }
}

impl Mixes {
    fn want(&mut self, at: u64, person: &PersonId, owner: &Owner, raised: Raised) {
        let serving = self.mixes.get(person).and_then(|mix| mix.serving.clone());
        self.mixes.put(at, person.clone(), Mix { owner: owner.clone(), raising: Some(raised), serving });
    }

    fn up(
        &mut self,
        at: u64,
        person: &PersonId,
        stack: &StackName,
        builds: &BTreeMap<ComponentName, Digest>,
    ) {
        self.mixes.change(at, person, |mix| {
            if let Some(mut raised) = mix.raising.take_if(|raised| raised.stack == *stack) {
                raised.builds = builds.clone();
                mix.serving = Some(raised);
            }
        });
    }

    fn failed(&mut self, at: u64, person: &PersonId) {
        self.mixes.change(at, person, |mix| mix.raising = None);
        if self.mixes.get(person).is_some_and(|mix| mix.serving.is_none()) {
            self.mixes.remove(at, person);
        }
    }

    /// Whatever was still being raised by an operation that is over, by a deadline or otherwise, will not come.
    fn ended(&mut self, at: u64, operation: Option<&OperationId>) {
        let raising = |mix: &Mix| {
            mix.raising
                .as_ref()
                .is_some_and(|raised| operation.is_some() && raised.raised_by.as_ref() == operation)
        };
        let lost = self.mixes.iter().find(|(_, mix)| raising(mix)).map(|(person, _)| person.clone());
        if let Some(person) = lost {
            self.failed(at, &person);
        }
    }

    fn drop_links(&mut self, record: &Record, of: Option<&PersonId>) {
        let gone = |row: &LinkRow| row.expires <= record.time || Some(&row.person) == of;
        let old: Vec<String> =
            self.links.iter().filter(|(_, row)| gone(row)).map(|(hash, _)| hash.clone()).collect();
        for hash in old {
            self.links.remove(record.sequence, &hash);
        }
    }
}

impl Fold for Mixes {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        let intent = match &record.body {
            Body::Intended(intent) => intent,
            Body::OperationEnded { .. } => return self.ended(at, record.operation.as_ref()),
            _ => return,
        };
        match intent {
            Intent::WantMix { person, owner, composition, base, parts, stack, deadline } => {
                let raised = Raised {
                    composition: composition.clone(),
                    base: *base,
                    parts: parts.clone(),
                    stack: stack.clone(),
                    deadline: *deadline,
                    builds: BTreeMap::new(),
                    raised_by: record.operation.clone(),
                };
                self.want(at, person, owner, raised);
            }
            Intent::MixUp { person, stack, builds } => self.up(at, person, stack, builds),
            Intent::MixFailed { person } => self.failed(at, person),
            Intent::DropMix { person } => {
                self.mixes.remove(at, person);
                self.drop_links(record, Some(person));
            }
            Intent::IssueLink { person, hash, expires, link } => {
                self.drop_links(record, None);
                let row = LinkRow {
                    person: person.clone(),
                    expires: *expires,
                    operation: record.operation.clone(),
                    link: link.clone(),
                };
                self.links.put(at, hash.clone(), row);
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.mixes, &self.links]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.mixes, &mut self.links]
    }
}
