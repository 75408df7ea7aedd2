//! Takes a merged change back out of the default branch, as a new change on top of it.
//!
//! It writes objects and references that were not there before: the new change, or the one that closes it. It must never move a reference: whether the new change
//! is merged is for people to say.

use std::collections::BTreeSet;

use folkops_model::{ChangeNumber, Sha};
use folkops_previews::ports::{Revert, Reverted, Withdrawn};
use jiff::Timestamp;

use crate::change::{name_of, number};
use crate::error::GitError;
use crate::merge::{MergeError, Signature, Words, identity};
use crate::repository::Repository;

/// In `git update-ref`: the reference must not be there yet.
const ABSENT: &str = "0000000000000000000000000000000000000000";

/// The most commits of a change that are told apart; GitHub rebases no more than 100.
const LONGEST: usize = 500;

/// What came of writing the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// This commit on top of the default branch.
    At(Sha),
    /// Nothing: no merge of that commit is on the default branch.
    NotMerged,
    /// Nothing: its lines are not there any more.
    Gone,
}

/// A commit, with who wrote it and when.
type Written = (Sha, String);

/// How many commits of the branch are a change's: all of its own where the newest one is one of them, else one.
fn steps(own: &[Written], there: &[Written]) -> Option<usize> {
    let (_, newest) = there.first()?;
    if !own.iter().any(|(_, by)| by == newest) {
        return (!own.is_empty()).then_some(1);
    }
    let rebased = own.iter().zip(there).all(|((_, own), (_, there))| own == there);
    rebased.then_some(own.len())
}

impl Repository<'_> {
    /// Opens the change that takes `revert.head` back, or finds it where it was opened before.
    pub(crate) async fn revert(&self, revert: &Revert, by: &Signature) -> Result<Reverted, MergeError> {
        let commit = match self.undo(revert, by).await? {
            Undone::At(commit) => commit,
            Undone::NotMerged => return Ok(Reverted::NotMerged),
            Undone::Gone => return Ok(Reverted::Gone),
        };
        let words = Words { message: &revert.message, by, at: revert.at };
        let number = self.open(&commit, revert.least, words).await?;
        Ok(Reverted::Open(number, commit))
    }

    /// Closes the change that was opened at this commit, unless it was pushed to since.
    pub(crate) async fn withdraw(
        &self,
        number: ChangeNumber,
        commit: &Sha,
        by: &Signature,
    ) -> Result<Withdrawn, GitError> {
        match self.head(number).await? {
            None => return Ok(Withdrawn::Closed),
            Some(head) if head != *commit => return Ok(Withdrawn::NotOurs),
            Some(_) => {}
        }
        let name = format!("refs/pull/{number}/closed");
        let mut call = self.references(["update-ref", "--no-deref", &name, commit.as_str(), ABSENT]);
        call.environment = identity(by, Timestamp::UNIX_EPOCH);
        self.output(call).await?;
        self.sync_folder_of(&name).await?;
        Ok(Withdrawn::Closed)
    }

    /// Writes the commit that takes `revert.head` back, to which nothing points yet. The same revert gives the same one.
    pub(crate) async fn undo(&self, revert: &Revert, by: &Signature) -> Result<Undone, MergeError> {
        let found = match self.merge_of(revert).await? {
            None => self.landed(revert).await?,
            found => found,
        };
        let Some((merge, before)) = found else { return Ok(Undone::NotMerged) };
        let words = Words { message: &revert.message, by, at: revert.at };
        // What was there before the merge, as a commit after it: merged into the default branch, it brings exactly the
        // way back from the merge, because the merge itself is where the two part.
        let undone = self.write_commit(&self.commit(&before).await?.tree, &[&merge], words).await?;
        let tree = self.merge_tree(&revert.onto, &undone).await?;
        if tree == self.commit(&revert.onto).await?.tree {
            return Ok(Undone::Gone);
        }
        Ok(Undone::At(self.write_commit(&tree, &[&revert.onto], words).await?))
    }

    /// The merge that brought the change to the default branch, and where the branch stood before it. Its second parent
    /// says what was merged; a message could say anything.
    async fn merge_of(&self, revert: &Revert) -> Result<Option<(Sha, Sha)>, GitError> {
        self.require_commits([&revert.onto, &revert.head]).await?;
        let range = format!("{}..{}", revert.head, revert.onto);
        let options = ["rev-list", "--merges", "--first-parent", "--parents", &range];
        let output = self.output(self.objects(options).limit(16 * 1024 * 1024)).await?;
        let merges = String::from_utf8_lossy(&output);
        let second = format!(" {}", revert.head);
        let found = merges.lines().find_map(|line| line.strip_suffix(&second)?.split_once(' '));
        Ok(found.and_then(|(merge, before)| Some((Sha::parse(merge).ok()?, Sha::parse(before).ok()?))))
    }

    /// The last commit of a change that was merged without a merge commit, and where the branch stood before its first.
    /// A rebase keeps who wrote each commit and when, and a squash makes one new commit. Nothing, unless the change put
    /// onto what was before gives what was merged.
    async fn landed(&self, revert: &Revert) -> Result<Option<(Sha, Sha)>, MergeError> {
        let Some(landed) = &revert.landed else { return Ok(None) };
        if !self.contains(&revert.onto, landed).await? {
            return Ok(None);
        }
        let Some(fork) = self.merge_base(landed, &revert.head).await? else { return Ok(None) };
        let own = self.written("--no-merges", &format!("{fork}..{}", revert.head), LONGEST).await?;
        let there = self.written("--first-parent", landed.as_str(), own.len() + 1).await?;
        let Some((before, _)) = steps(&own, &there).and_then(|steps| there.get(steps)) else {
            return Ok(None);
        };
        let same = match self.merge_tree(before, &revert.head).await {
            Ok(tree) => tree == self.commit(landed).await?.tree,
            Err(MergeError::Conflict { .. } | MergeError::Unrelated) => false,
            Err(error) => return Err(error),
        };
        Ok(same.then(|| (landed.clone(), before.clone())))
    }

    /// So many commits of a range at most, the newest first, each with who wrote it and when.
    async fn written(&self, which: &str, range: &str, most: usize) -> Result<Vec<Written>, GitError> {
        let most = format!("--max-count={most}");
        let options = ["rev-list", which, "--no-commit-header", "--format=%H %at %ae", &most, range];
        let output = self.output(self.objects(options).limit(16 * 1024 * 1024)).await?;
        let text = String::from_utf8_lossy(&output);
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.filter_map(|(sha, by)| Some((Sha::parse(sha).ok()?, by.to_owned()))).collect())
    }

    /// The number of the change that stands at this commit; one is opened if there is none.
    async fn open(
        &self,
        commit: &Sha,
        least: ChangeNumber,
        words: Words<'_>,
    ) -> Result<ChangeNumber, GitError> {
        let pulls = self.references_under("refs/pull/").await?;
        let numbered = pulls.iter().filter_map(|pull| Some((number(pull.name.rsplit_once('/')?.0)?, pull)));
        let numbered: Vec<_> = numbered.collect();
        let stands = numbered.iter().find(|(number, pull)| {
            pull.name == name_of(*number) && pull.target.as_ref().is_ok_and(|target| target == commit)
        });
        if let Some((number, _)) = stands {
            return Ok(*number);
        }
        // The first one that is free: the highest is whatever a stranger pushed.
        let taken: BTreeSet<u32> = numbered.iter().map(|(number, _)| number.0).collect();
        let free = (least.0..=u32::MAX).find(|number| !taken.contains(number)).map(ChangeNumber);
        let next = free.ok_or_else(|| self.unusable("every number of a change is taken"))?;
        let name = name_of(next);
        // INVARIANT: a number that somebody took meanwhile stays theirs; the next try finds another one.
        let mut call = self.references(["update-ref", "--no-deref", &name, commit.as_str(), ABSENT]);
        call.environment = identity(words.by, words.at);
        self.output(call).await?;
        self.sync_folder_of(&name).await?;
        Ok(next)
    }
}
