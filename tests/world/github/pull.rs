//! Pull requests and what is said on them.

use jiff::Timestamp;

/// A pull request.
pub(super) struct Pull {
    pub number: u64,
    pub id: u64,
    pub author: u64,
    pub title: String,
    pub body: String,
    /// The repository of its head as `owner/name`; nothing once a fork is deleted.
    pub from: Option<String>,
    pub branch: String,
    pub base: String,
    pub draft: bool,
    /// Whether its conversation is over: only those who can push may go on with it, programs not.
    pub locked: bool,
    pub stage: Stage,
    pub reviews: Vec<Review>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// Where a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    Closed { at: Timestamp },
    Merged { at: Timestamp, by: u64, commit: String, base: String },
}

/// How it is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A merge commit.
    Merge,
    /// One new commit.
    Squash,
    /// Its commits, on top.
    Rebase,
}

/// A comment on a pull request.
pub(super) struct Comment {
    pub id: u64,
    pub pull: u64,
    pub author: u64,
    pub body: String,
    /// What it said before each edit, oldest first.
    pub before: Vec<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A comment on a line of a pull request.
pub(super) struct LineComment {
    pub id: u64,
    pub pull: u64,
    pub author: u64,
    pub body: String,
    pub path: String,
    pub line: u64,
    pub commit: String,
    pub at: Timestamp,
}

/// A reaction to a comment, on a line or not.
pub(super) struct Reaction {
    pub id: u64,
    pub by: u64,
    pub content: String,
    pub at: Timestamp,
}

/// A review.
pub(super) struct Review {
    pub id: u64,
    pub author: u64,
    pub verdict: Verdict,
    pub body: String,
    pub commit: String,
    pub at: Timestamp,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
    /// It was taken back.
    Dismissed,
}

impl Verdict {
    /// As the API says it; webhooks say it in small letters.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

impl Method {
    pub fn of(word: &str) -> Self {
        match word {
            "squash" => Self::Squash,
            "rebase" => Self::Rebase,
            _ => Self::Merge,
        }
    }
}

impl Pull {
    /// Where its head is served in the repository that it was opened against.
    pub fn reference(&self) -> String {
        format!("refs/pull/{}/head", self.number)
    }

    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }
}
