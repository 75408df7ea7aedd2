//! Changes: pull requests at one commit, and what their diff touches.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ChangeNumber, ComponentName, Malformed, Sha, TreeId};

/// A change, named unambiguously within a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangeRef {
    /// The component whose repository holds it.
    pub component: ComponentName,
    /// Its number there.
    pub number: ChangeNumber,
}

impl fmt::Display for ChangeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.component, self.number)
    }
}

impl FromStr for ChangeRef {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wanted = "a change such as `web#41`";
        let (component, number) = text.split_once('#').ok_or_else(|| Malformed::new(text, wanted))?;
        Ok(Self { component: ComponentName::parse(component)?, number: number.parse()? })
    }
}

/// A change as people write it: its number, and its component where the number alone is not enough.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChangeName {
    /// `41` or `#41`.
    Number(ChangeNumber),
    /// `web#41`.
    Whole(ChangeRef),
}

impl ChangeName {
    /// Its number.
    pub fn number(&self) -> ChangeNumber {
        match self {
            Self::Number(number) => *number,
            Self::Whole(change) => change.number,
        }
    }

    /// Whether it can stand for this change.
    pub fn fits(&self, change: &ChangeRef) -> bool {
        match self {
            Self::Number(number) => *number == change.number,
            Self::Whole(whole) => whole == change,
        }
    }
}

impl fmt::Display for ChangeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Whole(change) => change.fmt(f),
        }
    }
}

impl FromStr for ChangeName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let whole = text.find('#').is_some_and(|at| at > 0);
        if whole { text.parse().map(Self::Whole) } else { text.parse().map(Self::Number) }
    }
}

/// A kind of file that a reviewer wants named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touched {
    /// Source code.
    Code,
    /// What runs when a change is tested.
    Ci,
    /// Lists and locks of dependencies.
    Dependencies,
    /// Changes to the shape of stored data.
    Migrations,
    /// What listens, is reached or is let through.
    Network,
    /// Where keys, passwords and tokens are kept.
    Secrets,
    /// Scripts and build recipes.
    Scripts,
    /// Prose.
    Docs,
    /// Anything that a person cannot read in a diff.
    Binary,
}

/// The size of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiffSummary {
    /// Files touched.
    pub files: u32,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Kinds of files touched.
    pub touched: BTreeSet<Touched>,
}

impl DiffSummary {
    /// Lines added and removed.
    pub fn lines(&self) -> u64 {
        u64::from(self.added) + u64::from(self.removed)
    }
}

/// What lies between two commits of a change: the difference of their trees, whichever way the second came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The earlier commit.
    pub from: Sha,
    /// The later one.
    pub to: Sha,
    /// How large, and what kinds of files.
    pub diff: DiffSummary,
    /// Where, under old names and new ones; nothing where there are too many to name, one that cannot be written, or
    /// something other than a file, such as a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<BTreeSet<String>>,
    /// Whether no merge stands between the default branch and the later commit.
    #[serde(default)]
    pub straight: bool,
}

/// Into what a change is to be merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The default branch, which production follows.
    #[default]
    Production,
    /// The default branch, while production follows a release branch.
    Development,
    /// The release branch, which production follows.
    Release,
}

impl Target {
    /// Whether it is the branch that production follows, where a component has no other.
    pub fn is_ordinary(&self) -> bool {
        *self == Self::Production
    }
}

/// How a change was merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// Into what.
    #[serde(default, skip_serializing_if = "Target::is_ordinary")]
    pub target: Target,
    /// The commit at which it stood then.
    pub head: Sha,
    /// The commit of its branch that brought it: a merge, or the last of what was put there without one.
    pub commit: Sha,
}

/// A pull request as its forge shows it now. An observation, not a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedChange {
    /// Its number.
    pub number: ChangeNumber,
    /// The commit it proposes now.
    pub head: Sha,
    /// The tree of that commit.
    pub tree: TreeId,
    /// Where it left the branch that it is to be merged into.
    pub base: Sha,
    /// The author's stable id on the forge (for a local repository: hash of the e-mail in the head commit).
    pub author: String,
    /// The author's name as the forge shows it; personal.
    pub author_name: String,
    /// The first line of what it says it does, without control characters, at most 200 characters.
    pub title: String,
    /// Its size.
    pub diff: DiffSummary,
    /// When it was opened, UTC, where the forge says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Timestamp>,
    /// Into what it is to be merged.
    #[serde(default, skip_serializing_if = "Target::is_ordinary")]
    pub target: Target,
}
