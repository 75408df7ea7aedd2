//! The open changes of a component: every `refs/pull/N/head` that was neither merged nor closed.
//!
//! A change is closed by the reference `refs/pull/N/closed`, whatever it names, and merged once the default branch
//! contains its head. What cannot be looked at is listed with the reason: its absence must not be taken for an end.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{ChangeNumber, ObservedChange, Sha};
use sha2::{Digest as _, Sha256};

use crate::error::GitError;
use crate::reference::{MALFORMED, NO_COMMIT, Reference};
use crate::repository::Repository;
use crate::text;

/// Characters of a title or name that are shown.
const LONGEST_TITLE: usize = 200;

/// What a look at a component found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The open changes, by number.
    pub changes: Vec<ObservedChange>,
    /// What stands under `refs/pull/` and is not used.
    pub refused: Vec<RefusedReference>,
}

/// A reference that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedReference {
    /// Its name, freed of control characters.
    pub name: String,
    /// One sentence.
    pub why: String,
}

/// The stable id of an author in a local repository, which has no accounts: the SHA-256 of the e-mail in lower case,
/// in hex. Anybody can write any e-mail into a commit, so it says who is *named*, not who pushed.
pub fn author_id(email: &str) -> String {
    Sha256::digest(email.trim().to_lowercase()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Repository<'_> {
    /// Looks at every open change.
    pub(crate) async fn changes(&self) -> Result<Observation, GitError> {
        let default = self.default_branch().await?.head;
        let mut pulls = Pulls::sort(self.references_under("refs/pull/").await?);
        let commits = self.commits_among(pulls.heads.values()).await?;
        let mut changes = Vec::new();
        for (number, head) in std::mem::take(&mut pulls.heads) {
            if !commits.contains(&head) {
                pulls.refuse(number, NO_COMMIT);
                continue;
            }
            match self.observe(number, &head, &default).await {
                Ok(Seen::Open(change)) => changes.push(change),
                Ok(Seen::Merged) => {}
                Ok(Seen::Unrelated) => pulls.refuse(number, "it shares no history with the default branch"),
                Err(error) => pulls.refuse(number, &error.to_string()),
            }
        }
        Ok(Observation { changes, refused: pulls.refused })
    }

    async fn observe(&self, number: ChangeNumber, head: &Sha, default: &Sha) -> Result<Seen, GitError> {
        let Some(base) = self.merge_base(default, head).await? else { return Ok(Seen::Unrelated) };
        if base == *head {
            return Ok(Seen::Merged);
        }
        let commit = self.commit(head).await?;
        let title = commit.message.lines().next().unwrap_or_default();
        Ok(Seen::Open(ObservedChange {
            number,
            diff: self.summary(&base, head).await?,
            head: head.clone(),
            tree: commit.tree,
            base,
            author: author_id(&commit.author_email),
            author_name: text::line(&commit.author_name, LONGEST_TITLE),
            title: text::line(title, LONGEST_TITLE),
        }))
    }
}

enum Seen {
    Open(ObservedChange),
    Merged,
    Unrelated,
}

/// The references under `refs/pull/`, sorted out.
#[derive(Default)]
struct Pulls {
    heads: BTreeMap<ChangeNumber, Sha>,
    refused: Vec<RefusedReference>,
}

impl Pulls {
    fn sort(references: Vec<Reference>) -> Self {
        let closed: BTreeSet<String> =
            references.iter().filter_map(|r| r.name.strip_suffix("/closed")).map(str::to_owned).collect();
        let mut pulls = Self::default();
        for Reference { name, target } in references {
            let Some(pull) = name.strip_suffix("/head") else { continue };
            match (number(pull), target) {
                _ if closed.contains(pull) => {}
                (Some(number), Ok(head)) => drop(pulls.heads.insert(number, head)),
                (None, _) => pulls.refused.push(refused(&name, MALFORMED)),
                (Some(_), Err(why)) => pulls.refused.push(refused(&name, why)),
            }
        }
        pulls
    }

    fn refuse(&mut self, number: ChangeNumber, why: &str) {
        self.refused.push(refused(&format!("refs/pull/{number}/head"), why));
    }
}

/// The number in `refs/pull/N`, where it is written in the one way that numbers are.
fn number(pull: &str) -> Option<ChangeNumber> {
    let digits = pull.strip_prefix("refs/pull/")?;
    let number = digits.parse().map(ChangeNumber).ok()?;
    (number.to_string() == digits).then_some(number)
}

fn refused(name: &str, why: &str) -> RefusedReference {
    RefusedReference { name: text::line(name, LONGEST_TITLE), why: why.to_owned() }
}
