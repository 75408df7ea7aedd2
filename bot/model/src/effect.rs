//! What is done in the outside world, and how it ended.
//!
//! Each effect is owed in the journal before it happens and carries the key (operation, index). An adapter looks
//! first whether it has already happened; an effect is therefore safe to try again after any crash.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{ChangeNumber, ComponentName, Digest, Sha, StackName, TreeId};
use crate::stack::{Part, StackSpec, Trust};

/// One change in the outside world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Effect {
    /// Resolve every component's default branch to a full commit and its tree.
    Resolve,
    /// Merge each part's change into its base, as trees only; no reference moves.
    Compose {
        /// The parts.
        parts: Vec<Part>,
    },
    /// Build one component from one tree.
    Build {
        /// Which component's recipe.
        component: ComponentName,
        /// From exactly this tree.
        tree: TreeId,
        /// Whether it is merged; unmerged builds share nothing with merged ones.
        trust: Trust,
    },
    /// Run a stack until every component is healthy.
    Run {
        /// The stack.
        spec: StackSpec,
    },
    /// Make the router serve what the record says as of this operation.
    Route,
    /// Let a stack carry what it now carries for a while, then see that it still answers.
    Settle {
        /// Which.
        stack: StackName,
        /// For so many milliseconds.
        ms: u64,
    },
    /// Stop a stack and remove what it kept, unless it is production's data.
    Stop {
        /// Which.
        stack: StackName,
    },
    /// Put a stack's end at another time.
    Extend {
        /// Which.
        stack: StackName,
        /// The new end, UTC.
        deadline: jiff::Timestamp,
    },
    /// Record a merge and move the default branch to it, if nobody moved it first.
    Merge {
        /// In which repository.
        component: ComponentName,
        /// The default branch must stand here.
        expected: Sha,
        /// What is merged, pinned.
        change: ChangeRef,
        /// At this commit.
        head: Sha,
        /// The tree that was tested and is now promised.
        tree: TreeId,
    },
    /// Take a change's lines back out of a default branch, as a new change; the branch itself stays where it is.
    Revert {
        /// Whose lines.
        change: ChangeRef,
        /// The commit at which it was merged.
        head: Sha,
        /// The default branch stood here.
        onto: Sha,
        /// As which commit of the default branch it was merged, where that is known: without a merge commit nothing else
        /// tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        landed: Option<Sha>,
        /// Why, for those who read the new change where it stands; our own words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
        /// The new change gets no lower number, so that it shares none with another component.
        least: ChangeNumber,
        /// The moment written into the commit, UTC, so that the same revert is the same commit.
        at: jiff::Timestamp,
    },
    /// Close a change that takes another one back, if it is still as it was opened here.
    Withdraw {
        /// Which.
        revert: ChangeRef,
        /// The commit at which it was opened.
        commit: Sha,
    },
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ended")]
pub enum Outcome {
    /// Default branches, resolved.
    Resolved {
        /// Commit and tree of each component.
        heads: BTreeMap<ComponentName, (Sha, TreeId)>,
    },
    /// Trees, merged.
    Composed {
        /// Commit each part stands on and the tree to build.
        trees: BTreeMap<ComponentName, TreeId>,
        /// Changes that had been merged before, and that the base does not hold any more.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        gone: BTreeSet<ChangeRef>,
    },
    /// A build, kept by digest.
    Built {
        /// Which component.
        component: ComponentName,
        /// The bytes.
        digest: Digest,
    },
    /// Every component answers.
    Running,
    /// The router serves it.
    Routed,
    /// It carries what it has and answers.
    Settled,
    /// Gone.
    Stopped,
    /// The deadline moved.
    Extended,
    /// The default branch stands here now.
    Merged {
        /// In which repository.
        component: ComponentName,
        /// The merge.
        commit: Sha,
    },
    /// A new change is open that takes another one back.
    Reverted {
        /// The new one.
        revert: ChangeRef,
        /// Where it stands.
        commit: Sha,
    },
    /// The change that took another one back is closed, whoever closed it.
    Withdrawn,
    /// It is not as it was opened here, and left to people.
    Left,
    /// It did not come about, and trying again would not help.
    Failed(Failure),
}

/// Why an effect did not come about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// One sentence for people, ending without a stop.
    pub sentence: String,
    /// The end of a log, redacted and bounded, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// What a failure means for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum FailureKind {
    /// The change does not merge into its base.
    Conflict {
        /// Paths in conflict.
        files: Vec<String>,
    },
    /// The source does not build.
    BuildFailed,
    /// It builds and starts, but never answers as healthy.
    NeverHealthy,
    /// There is no wall for strangers' code here.
    NoWall,
    /// The default branch moved meanwhile.
    BaseMoved,
    /// It was stopped before it was done.
    Cancelled,
    /// Something of ours or around us is broken: disk, git, port.
    Broken,
}
