//! Compositions made concrete: which builds run together, for whom, with whose data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{ComponentName, Digest, Owner, PersonId, PreviewId, ReleaseNumber, Sha, StackName, TreeId};

/// Whether code has been merged. Unmerged code is a stranger's, whoever wrote it, and runs only behind the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// From the default branch.
    Merged,
    /// From a change that nobody has merged.
    Unmerged,
}

/// One component of a composition: a frozen commit and the changes on top of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Which component.
    pub component: ComponentName,
    /// The commit it stands on.
    pub onto: Sha,
    /// The change merged into it, pinned to a commit; without one, the base itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<(ChangeRef, Sha)>,
    /// As which commit the change was merged before: the base is then taken as it is, and must hold that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Sha>,
}

/// What a stack is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackKind {
    /// Everybody's.
    Production(ReleaseNumber),
    /// A preview, with data of its own.
    Preview(PreviewId),
    /// One person's mix, with that person's own data and nobody else's.
    Mix {
        /// Whose.
        person: PersonId,
        /// Their account in the service, whose data it may touch.
        owner: Owner,
    },
}

impl StackKind {
    /// The stack's name, the same for the same purpose.
    pub fn stack(&self, tag: &str) -> Result<StackName, crate::ids::Malformed> {
        match self {
            Self::Production(number) => StackName::parse(&format!("release-{number}")),
            Self::Preview(preview) => StackName::parse(preview.as_str()),
            Self::Mix { person, .. } => StackName::parse(&format!("mix-{person}-{tag}")),
        }
    }
}

/// A whole stack: every component by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackSpec {
    /// Its name.
    pub name: StackName,
    /// What it is for.
    pub kind: StackKind,
    /// Every component's build.
    pub builds: BTreeMap<ComponentName, Digest>,
    /// Whether any of it is unmerged.
    pub trust: Trust,
    /// What the service may show of itself, such as `Release 218`.
    pub label: String,
    /// When it must be gone, UTC; production has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// One component as a release runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedComponent {
    /// The commit on the default branch.
    pub commit: Sha,
    /// Its tree.
    pub tree: TreeId,
    /// What runs.
    pub digest: Digest,
}

/// What production runs, or ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Counted from 1.
    pub number: ReleaseNumber,
    /// Every component.
    pub components: BTreeMap<ComponentName, ReleasedComponent>,
    /// The changes that it brought, pinned.
    pub changes: Vec<(ChangeRef, Sha)>,
}
