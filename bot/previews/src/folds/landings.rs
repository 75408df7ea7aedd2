//! Changes that were merged, until a release brings them: by us on the way to one, or by a person where they stand.
//!
//! What waits here is on the branch that production follows, so the next release of its component holds it. It must not
//! come along unsaid.

use folkops_model::{ChangeRef, Intent, Landing, Outcome, Sha, Target};
use folkops_record::{AnyTable, Body, Fold, Record, Settled, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a promotion was judged for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoting {
    /// The changes that were named.
    pub changes: Vec<(ChangeRef, Sha)>,
    /// Those that come along because they were merged into the same branches.
    pub along: Vec<(ChangeRef, Sha)>,
}

impl Promoting {
    /// All of them, those that were named first.
    pub fn all(&self) -> impl Iterator<Item = &(ChangeRef, Sha)> {
        self.changes.iter().chain(&self.along)
    }
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Landings {
    /// Changes that were merged and that no release has brought.
    pub waiting: Table<ChangeRef, Waiting>,
    /// The commit of each change that the newest release with it has brought.
    pub released: Table<ChangeRef, Sha>,
    /// The commit of each change that was named in the newest promotion of it.
    pub tried: Table<ChangeRef, Sha>,
}

/// A change that was merged and that no release has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How it was merged.
    pub landing: Landing,
    /// When that was seen, UTC.
    pub at: Timestamp,
}

impl Default for Landings {
    fn default() -> Self {
        let tried = Table::new("tried-changes");
        Self { waiting: Table::new("landed"), released: Table::new("released-changes"), tried }
    }
}

impl Fold for Landings {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            // An open change is not merged where it stands, whatever it was before.
            Body::ChangeObserved { component, change, .. } => {
                let key = ChangeRef { component: component.clone(), number: change.number };
                self.waiting.remove(at, &key);
            }
            // Where production follows another branch, nothing has come to production yet.
            Body::ChangeGone { landed: Some(Landing { target: Target::Development, .. }), .. } => {}
            Body::ChangeGone { component, number, landed: Some(landed) } => {
                let key = ChangeRef { component: component.clone(), number: *number };
                if self.released.get(&key) != Some(&landed.head) {
                    self.waiting.put(at, key, Waiting { landing: landed.clone(), at: record.time });
                }
            }
            Body::Intended(Intent::PinPromotion { changes, .. }) => {
                changes.iter().for_each(|(change, head)| self.tried.put(at, change.clone(), head.clone()));
            }
            Body::Intended(Intent::MakeRelease { release }) => {
                for (change, head) in &release.changes {
                    self.waiting.remove(at, change);
                    self.released.put(at, change.clone(), head.clone());
                }
            }
            // The branch was moved away from it, so it comes along with nothing.
            Body::EffectSettled(Settled { outcome: Outcome::Composed { gone, .. }, .. }) => {
                gone.iter().for_each(|change| drop(self.waiting.remove(at, change)));
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.waiting, &self.released, &self.tried]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.waiting, &mut self.released, &mut self.tried]
    }
}
