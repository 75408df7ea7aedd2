//! The open changes of a component: every `refs/pull/N/head` that was neither merged nor closed.
//!
//! A change is closed by the reference `refs/pull/N/closed`, whatever it names, and merged once the default branch
//! contains its head. What cannot be looked at is listed with the reason: its absence must not be taken for an end.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{ChangeNumber, ObservedChange, Sha, Target};
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

/// One look at a component, kept so that the next one costs only what moved.
#[derive(Debug)]
pub(crate) struct Look {
    /// What each head turned out to be, and compared with which commit of the branch it is to be merged into.
    seen: BTreeMap<(ChangeNumber, Sha), (Sha, Seen)>,
    /// References that are not even the head of some change.
    stray: Vec<RefusedReference>,
}

/// What the head of a change turned out to be.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Open(Box<ObservedChange>),
    Merged,
    /// Not used until the head or the default branch moves. This holds what costs too much as well, so that one
    /// change cannot slow down every look.
    Refused(String),
    /// Not used this time; it may be mended without a push.
    Failed(String),
}

impl Look {
    /// What the callers of this crate learn.
    pub(crate) fn observation(&self) -> Observation {
        let mut observation = Observation { changes: Vec::new(), refused: self.stray.clone() };
        for ((number, _), (_, seen)) in &self.seen {
            match seen {
                Seen::Open(change) => observation.changes.push(ObservedChange::clone(change)),
                Seen::Refused(why) | Seen::Failed(why) => {
                    observation.refused.push(refused(&name_of(*number), why));
                }
                Seen::Merged => {}
            }
        }
        observation
    }

    /// What is known of a head that did not move, beside a branch that did not move.
    fn known(&self, onto: &Sha, number: ChangeNumber, head: &Sha) -> Option<Seen> {
        let (_, seen) = self.seen.get(&(number, head.clone())).filter(|(before, _)| before == onto)?;
        Some(seen).filter(|seen| !matches!(seen, Seen::Failed(_))).cloned()
    }
}

impl From<Result<Seen, GitError>> for Seen {
    fn from(outcome: Result<Seen, GitError>) -> Self {
        outcome.unwrap_or_else(|error| match error {
            GitError::TimedOut { .. } | GitError::TooMuch { .. } => Self::Refused(error.to_string()),
            _ => Self::Failed(error.to_string()),
        })
    }
}

impl Repository<'_> {
    /// Looks at every open change, and again only at those that moved since `before`. Those that are not to be merged into
    /// the default branch are compared with the commit that is named for them.
    pub(crate) async fn look(
        &self,
        before: Option<&Look>,
        beside: &BTreeMap<ChangeNumber, Sha>,
    ) -> Result<Look, GitError> {
        let default = self.default_branch().await?.head;
        let Pulls { heads, stray } = Pulls::sort(self.references_under("refs/pull/").await?);
        let commits = self.commits_among(heads.values()).await?;
        let mut seen = BTreeMap::new();
        for (number, head) in heads {
            let onto = beside.get(&number).unwrap_or(&default);
            let outcome = match before.and_then(|look| look.known(onto, number, &head)) {
                Some(known) => known,
                None if commits.contains(&head) => self.observe(number, &head, onto).await.into(),
                None => Seen::Failed(NO_COMMIT.to_owned()),
            };
            seen.insert((number, head), (onto.clone(), outcome));
        }
        Ok(Look { seen, stray })
    }

    /// The commit that an open change proposes now; `None` where there is no such open change.
    pub(crate) async fn head(&self, number: ChangeNumber) -> Result<Option<Sha>, GitError> {
        let references = self.references_under(&format!("refs/pull/{number}/")).await?;
        if references.iter().any(|reference| reference.name.ends_with("/closed")) {
            return Ok(None);
        }
        let Some(head) = self.pick(references, &name_of(number)).await? else { return Ok(None) };
        let default = self.default_branch().await?.head;
        let merged = self.contains(&default, &head).await?;
        Ok(Some(head).filter(|_| !merged))
    }

    pub(crate) async fn observe(
        &self,
        number: ChangeNumber,
        head: &Sha,
        onto: &Sha,
    ) -> Result<Seen, GitError> {
        let Some(base) = self.merge_base(onto, head).await? else {
            return Ok(Seen::Refused("it shares no history with the default branch".to_owned()));
        };
        if base == *head {
            return Ok(Seen::Merged);
        }
        let commit = self.commit(head).await?;
        let title = commit.message.lines().next().unwrap_or_default();
        Ok(Seen::Open(Box::new(ObservedChange {
            number,
            diff: self.summary(&base, head).await?,
            head: head.clone(),
            tree: commit.tree,
            base,
            author: author_id(&commit.author_email),
            author_name: text::line(&commit.author_name, LONGEST_TITLE),
            title: text::line(title, LONGEST_TITLE),
            opened: None,
            target: Target::Production,
        })))
    }
}

/// The references under `refs/pull/`, sorted out.
#[derive(Default)]
pub(crate) struct Pulls {
    pub(crate) heads: BTreeMap<ChangeNumber, Sha>,
    stray: Vec<RefusedReference>,
}

impl Pulls {
    pub(crate) fn sort(references: Vec<Reference>) -> Self {
        let closed: BTreeSet<String> =
            references.iter().filter_map(|r| r.name.strip_suffix("/closed")).map(str::to_owned).collect();
        let mut pulls = Self::default();
        for Reference { name, target } in references {
            let Some(pull) = name.strip_suffix("/head") else { continue };
            match (number(pull), target) {
                _ if closed.contains(pull) => {}
                (Some(number), Ok(head)) => drop(pulls.heads.insert(number, head)),
                (None, _) => pulls.stray.push(refused(&name, MALFORMED)),
                (Some(_), Err(why)) => pulls.stray.push(refused(&name, why)),
            }
        }
        pulls
    }
}

/// Where a change's head stands.
pub(crate) fn name_of(number: ChangeNumber) -> String {
    format!("refs/pull/{number}/head")
}

/// The number in `refs/pull/N`, where it is written in the one way that numbers are.
pub(crate) fn number(pull: &str) -> Option<ChangeNumber> {
    let digits = pull.strip_prefix("refs/pull/")?;
    let number = digits.parse().map(ChangeNumber).ok()?;
    (number.to_string() == digits).then_some(number)
}

fn refused(name: &str, why: &str) -> RefusedReference {
    RefusedReference { name: text::line(name, LONGEST_TITLE), why: why.to_owned() }
}
