//! Previews that should be up.

use std::collections::BTreeMap;

use folkops_model::{
    ComponentName, CompositionId, Digest, Intent, OperationId, Part, PreviewId, Principal, ReleaseNumber,
};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A preview that should be up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What it is made of.
    pub composition: CompositionId,
    /// The release it is frozen on.
    pub base: ReleaseNumber,
    /// Its parts, pinned.
    pub parts: Vec<Part>,
    /// When it ends, UTC.
    pub deadline: Timestamp,
    /// Who asked for it first.
    pub by: Principal,
    /// The operation that raises it.
    pub raised_by: Option<OperationId>,
    /// Whether it answers yet.
    pub state: PreviewState,
}

/// Whether a preview answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewState {
    /// It is being made.
    Raising,
    /// It answers, with these builds.
    Up(BTreeMap<ComponentName, Digest>),
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Previews {
    /// By name.
    pub previews: Table<PreviewId, Preview>,
}

impl Default for Previews {
    fn default() -> Self {
        Self { previews: Table::new("previews") }
    }
}

impl Previews {
    /// How many there are, and how many of these a principal asked for.
    pub fn count(&self, facts: &Facts<'_>, principal: &Principal) -> (usize, usize) {
        let all: Vec<&Preview> = facts.rows(&self.previews).map(|(_, preview)| preview).collect();
        (all.len(), all.iter().filter(|preview| preview.by == *principal).count())
    }

    /// Whatever was still being raised by an operation that is over, by a deadline or otherwise, will not come.
    fn ended(&mut self, at: u64, operation: Option<&OperationId>) {
        let raising = |preview: &Preview| {
            preview.state == PreviewState::Raising
                && operation.is_some()
                && preview.raised_by.as_ref() == operation
        };
        let lost = self.previews.iter().find(|(_, preview)| raising(preview)).map(|(id, _)| id.clone());
        if let Some(id) = lost {
            self.previews.remove(at, &id);
        }
    }
}

impl Fold for Previews {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        let intent = match &record.body {
            Body::Intended(intent) => intent,
            Body::OperationEnded { .. } => return self.ended(at, record.operation.as_ref()),
            _ => return,
        };
        match intent {
            Intent::WantPreview { preview, composition, base, parts, deadline, by } => {
                let row = Preview {
                    composition: composition.clone(),
                    base: *base,
                    parts: parts.clone(),
                    deadline: *deadline,
                    by: by.clone(),
                    raised_by: record.operation.clone(),
                    state: PreviewState::Raising,
                };
                self.previews.put(at, preview.clone(), row);
            }
            Intent::PreviewUp { preview, builds } => {
                self.previews.change(at, preview, |row| row.state = PreviewState::Up(builds.clone()));
            }
            Intent::KeepPreview { preview, deadline } => {
                self.previews.change(at, preview, |row| row.deadline = *deadline);
            }
            Intent::DropPreview { preview, .. } => {
                self.previews.remove(at, preview);
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.previews]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.previews]
    }
}
