//! What a forge knows of a change at one commit beside its content: checks, reviews, who owns what it touches.
//!
//! These are facts for policy and decide nothing themselves. Accounts are stable ids; no name and no text of a review
//! is kept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Sha;
use crate::person::Account;

/// What a forge knows of a change at one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Vetting {
    /// The checks that are required of it; none where the forge requires none.
    pub checks: Vec<Check>,
    /// The review of each account that stands now, in order of the accounts.
    pub reviews: Vec<Review>,
    /// For each path that it touches and that somebody owns, the accounts that do, teams resolved; equal sets once. The
    /// set is empty where it cannot be told who they are. A path that nobody owns is left out.
    pub owners: BTreeSet<BTreeSet<Account>>,
}

/// A required check of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// As the forge calls it.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It passed, or was skipped where the forge lets that count.
    Green,
    /// It failed, was cancelled, or wants somebody to act.
    Red,
    /// It has not ended.
    Pending,
    /// It was not reported.
    Missing,
}

/// What one account thinks of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Whose it is.
    pub account: Account,
    /// What it says.
    pub state: ReviewState,
    /// The commit that was looked at; a later one was not.
    pub commit: Sha,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Take it in.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
    /// It counts no longer.
    Dismissed,
}

impl Vetting {
    /// Whether every required check is green.
    pub fn is_green(&self) -> bool {
        self.checks.iter().all(|check| check.state == CheckState::Green)
    }

    /// The accounts whose approving review stands on exactly this commit.
    pub fn approvers<'a>(&'a self, head: &'a Sha) -> impl Iterator<Item = &'a Account> {
        let approves = |review: &&Review| review.state == ReviewState::Approved && review.commit == *head;
        self.reviews.iter().filter(approves).map(|review| &review.account)
    }

    /// Of the owners, those alone who may have a say: they reviewed it, or this holds of them. Large teams stay short so.
    #[must_use]
    pub fn with_owners_who(self, may: impl Fn(&Account) -> bool) -> Self {
        let said: BTreeSet<&Account> = self.reviews.iter().map(|review| &review.account).collect();
        let kept = |owners: &BTreeSet<Account>| {
            owners.iter().filter(|account| said.contains(account) || may(account)).cloned().collect()
        };
        let owners = self.owners.iter().map(kept).collect();
        Self { owners, ..self }
    }

    /// Whether an owner of every owned path that is touched is among these. Where nobody owns any, nobody is.
    pub fn is_owned_by(&self, accounts: &BTreeSet<&Account>) -> bool {
        let covered = |owners: &BTreeSet<Account>| owners.iter().any(|owner| accounts.contains(owner));
        !self.owners.is_empty() && self.owners.iter().all(covered)
    }
}
