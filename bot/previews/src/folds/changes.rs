//! Changes as they were seen, and the commits that somebody looked at and allowed.
//!
//! INVARIANT: an allowance names one commit. A push makes another commit, for which there is none.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{
    Account, ChangeNumber, ChangeRef, DiffSummary, Difference, Intent, Landing, OperationId, PersonId,
    Sealed, Sha, Target, Vetting,
};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Landings;

/// How many pushes to a change stay known.
const PUSHES: usize = 32;

/// An open change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The commit it proposes now.
    pub head: Sha,
    /// Where it left the default branch.
    pub base: Sha,
    /// Its author's stable id on the forge.
    pub author: String,
    /// Its author's name on the forge.
    pub author_name: Sealed,
    /// What it says it does.
    pub title: String,
    /// Its size.
    pub diff: DiffSummary,
    /// When this head was first seen, UTC.
    pub seen: Timestamp,
    /// The head before this one.
    pub previous: Option<Sha>,
    /// As which commit it was merged, once it was and where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Sha>,
    /// Into what it is to be merged, or was.
    #[serde(default, skip_serializing_if = "Target::is_ordinary")]
    pub target: Target,
}

/// Somebody looked at a commit and lets it run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Of which change.
    pub change: ChangeRef,
    /// Who did last.
    pub by: Option<PersonId>,
    /// Everybody who did.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vouched: BTreeSet<PersonId>,
    /// From which commit that was carried over, where no person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// When, UTC.
    pub at: Timestamp,
}

/// A small push that keeps the allowance of an earlier commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The commit that a person allowed.
    pub from: Sha,
    /// How many lines lie between.
    pub lines: u64,
}

/// Who pushed to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The commit where it stood.
    pub before: Sha,
    /// The commit to which it was pushed.
    pub after: Sha,
    /// Who pushed.
    pub by: Account,
}

/// What a forge said of a change, and at which commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vetted {
    /// The commit.
    pub head: Sha,
    /// What it said.
    pub vetting: Vetting,
}

/// The points of the checklist that were ticked at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticked {
    /// Of which change.
    pub change: ChangeRef,
    /// Who answers for each point, by its key, and since when, UTC.
    pub points: BTreeMap<String, BTreeMap<PersonId, Timestamp>>,
}

/// The commit of a change that a person allowed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// Which.
    pub sha: Sha,
    /// Where the change left the default branch then.
    pub base: Sha,
    /// Whose it was then, by their stable id on the forge.
    pub author: String,
    /// Who allowed it.
    pub by: PersonId,
    /// By which operation, whose card tells of it.
    pub operation: OperationId,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Open changes.
    pub open: Table<ChangeRef, ChangeRow>,
    /// Changes that are not open any more, as they were last seen: merged, or closed.
    pub closed: Table<ChangeRef, ChangeRow>,
    /// Allowed commits.
    pub allowed: Table<Sha, Allowed>,
    /// What forges said of changes last.
    pub vetted: Table<ChangeRef, Vetted>,
    /// The commit of each change that a person allowed last.
    pub stood: Table<ChangeRef, Stood>,
    /// What lies between that commit and the one where the change stands.
    pub compared: Table<ChangeRef, Difference>,
    /// Who pushed to each change, the newest last.
    pub pushed: Table<ChangeRef, Vec<Pushed>>,
    /// What was ticked, by commit.
    pub ticked: Table<Sha, Ticked>,
    /// The commit to which a change was pushed, of which was told that nobody allowed it.
    pub voided: Table<ChangeRef, Sha>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            open: Table::new("changes"),
            closed: Table::new("closed-changes"),
            allowed: Table::new("allowed-commits"),
            vetted: Table::new("vetted-changes"),
            stood: Table::new("last-allowed"),
            compared: Table::new("since-allowed"),
            pushed: Table::new("pushed"),
            ticked: Table::new("ticked"),
            voided: Table::new("voided"),
        }
    }
}

impl Changes {
    /// The changes of a number that can be named, one a component at most.
    pub fn numbered<'a>(
        &'a self,
        facts: &Facts<'a>,
        number: ChangeNumber,
    ) -> Vec<(&'a ChangeRef, &'a ChangeRow)> {
        let mut standing = self.standing(facts);
        standing.retain(|(change, _)| change.number == number);
        standing
    }

    /// The change that stands at a commit: an open one, else one that was merged and that no release has brought yet.
    pub fn at<'a>(&'a self, facts: &Facts<'a>, sha: &Sha) -> Option<(&'a ChangeRef, &'a ChangeRow)> {
        let open = facts.rows(&self.open).find(|(_, row)| row.head == *sha);
        open.or_else(|| self.waiting(facts).into_iter().find(|(_, row)| row.head == *sha))
    }

    /// Changes that were merged, and that no release has brought yet.
    pub fn waiting<'a>(&'a self, facts: &Facts<'a>) -> Vec<(&'a ChangeRef, &'a ChangeRow)> {
        let Some(landings) = facts.fold::<Landings>() else { return Vec::new() };
        let waiting = facts.rows(&landings.waiting);
        waiting.filter_map(|(change, _)| Some((change, facts.row(&self.closed, change)?))).collect()
    }

    /// What can be named: every open change, and those that were merged and that no release has brought yet.
    pub fn standing<'a>(&'a self, facts: &Facts<'a>) -> Vec<(&'a ChangeRef, &'a ChangeRow)> {
        facts.rows(&self.open).chain(self.waiting(facts)).collect()
    }

    /// What the forge said of a change at a commit.
    pub fn vetting(&self, facts: &Facts<'_>, change: &ChangeRef, head: &Sha) -> Option<&Vetting> {
        facts.row(&self.vetted, change).filter(|vetted| vetted.head == *head).map(|vetted| &vetted.vetting)
    }

    /// The commit of a change that a person allowed last, where the change has moved on from it.
    pub fn left(&self, facts: &Facts<'_>, change: &ChangeRef, head: &Sha) -> Option<&Stood> {
        facts.row(&self.stood, change).filter(|stood| stood.sha != *head)
    }

    /// What lies between two commits of a change, where that is known.
    pub fn between(
        &self,
        facts: &Facts<'_>,
        change: &ChangeRef,
        from: &Sha,
        to: &Sha,
    ) -> Option<&Difference> {
        facts.row(&self.compared, change).filter(|between| between.from == *from && between.to == *to)
    }

    /// Who allowed a commit of a change.
    pub fn allowed(&self, facts: &Facts<'_>, change: &ChangeRef, sha: &Sha) -> Option<&Allowed> {
        facts.row(&self.allowed, sha).filter(|allowed| allowed.change == *change)
    }
}

impl Changes {
    fn intended(&mut self, record: &Record, intent: &Intent) {
        let at = record.sequence;
        match intent {
            Intent::AllowCommit { change, sha, by } => {
                let by = by.person().cloned();
                self.stand(record, change, (sha, by.as_ref()));
                let before = self.allowed.get(sha).filter(|before| before.change == *change);
                let mut vouched = before.map(|before| before.vouched.clone()).unwrap_or_default();
                vouched.extend(by.clone());
                let allowed = Allowed { change: change.clone(), by, vouched, carried: None, at: record.time };
                self.allowed.put(at, sha.clone(), allowed);
            }
            Intent::VoidCommit { change, head, .. } => self.voided.put(at, change.clone(), head.clone()),
            // The commit that a person allowed stays what the next push is measured against.
            Intent::CarryCommit { change, sha, from, lines } => {
                let carried = Some(Carried { from: from.clone(), lines: *lines });
                let (by, vouched) = (None, BTreeSet::new());
                let allowed = Allowed { change: change.clone(), by, vouched, carried, at: record.time };
                self.allowed.put(at, sha.clone(), allowed);
            }
            Intent::Tick { change, sha, point, by } => {
                let before = self.ticked.get(sha).filter(|before| before.change == *change);
                let mut points = before.map(|before| before.points.clone()).unwrap_or_default();
                points.entry(point.clone()).or_default().insert(by.clone(), record.time);
                self.ticked.put(at, sha.clone(), Ticked { change: change.clone(), points });
            }
            Intent::Untick { change, sha, point, .. } => self.ticked.change(at, sha, |ticked| {
                if ticked.change == *change {
                    ticked.points.remove(point);
                }
            }),
            _ => {}
        }
    }

    /// Notes where a change stands that a person allows.
    fn stand(&mut self, record: &Record, change: &ChangeRef, (sha, by): (&Sha, Option<&PersonId>)) {
        let open = self.open.get(change).filter(|row| row.head == *sha);
        let (Some(by), Some(row), Some(operation)) = (by, open, &record.operation) else { return };
        let stood = Stood {
            sha: sha.clone(),
            base: row.base.clone(),
            author: row.author.clone(),
            by: by.clone(),
            operation: operation.clone(),
        };
        self.stood.put(record.sequence, change.clone(), stood);
    }
}

/// A change that is not open any more. What counts of one that was merged is the commit at which it was.
fn ended(row: ChangeRow, landed: Option<&Landing>) -> ChangeRow {
    let Some(Landing { head, commit, target }) = landed else {
        return ChangeRow { landed: None, ..row };
    };
    let row = ChangeRow { target: *target, ..row };
    let landed = Some(commit.clone());
    match row.head == *head {
        true => ChangeRow { landed, ..row },
        false => ChangeRow { landed, head: head.clone(), previous: Some(row.head), ..row },
    }
}

impl Fold for Changes {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::ChangeObserved { component, change, author_name } => {
                let key = ChangeRef { component: component.clone(), number: change.number };
                // One that was merged or closed, and is pushed to, has moved on from where it ended.
                let before = self.open.get(&key).or_else(|| self.closed.get(&key));
                let moved = before.filter(|row| row.head != change.head).map(|row| row.head.clone());
                let row = ChangeRow {
                    head: change.head.clone(),
                    base: change.base.clone(),
                    author: change.author.clone(),
                    author_name: author_name.clone(),
                    title: change.title.clone(),
                    diff: change.diff.clone(),
                    seen: record.time,
                    previous: moved.or_else(|| before.and_then(|row| row.previous.clone())),
                    landed: None,
                    target: change.target,
                };
                self.closed.remove(at, &key);
                self.open.put(at, key, row);
            }
            Body::ChangeGone { component, number, landed } => {
                let key = ChangeRef { component: component.clone(), number: *number };
                if let Some(row) = self.open.remove(at, &key) {
                    self.closed.put(at, key, ended(row, landed.as_ref()));
                }
            }
            Body::Intended(intent) => self.intended(record, intent),
            Body::ChangePushed { change, before, after, by } => {
                let mut pushed = self.pushed.get(change).cloned().unwrap_or_default();
                pushed.push(Pushed { before: before.clone(), after: after.clone(), by: by.clone() });
                let old = pushed.len().saturating_sub(PUSHES);
                pushed.drain(..old);
                self.pushed.put(at, change.clone(), pushed);
            }
            Body::ChangeCompared { change, difference } => {
                self.compared.put(at, change.clone(), difference.clone());
            }
            Body::ChangeVetted { change, head, vetting } => {
                let vetted = Vetted { head: head.clone(), vetting: vetting.clone() };
                self.vetted.put(at, change.clone(), vetted);
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.open,
            &self.closed,
            &self.allowed,
            &self.vetted,
            &self.stood,
            &self.compared,
            &self.pushed,
            &self.ticked,
            &self.voided,
        ]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.open,
            &mut self.closed,
            &mut self.allowed,
            &mut self.vetted,
            &mut self.stood,
            &mut self.compared,
            &mut self.pushed,
            &mut self.ticked,
            &mut self.voided,
        ]
    }
}
