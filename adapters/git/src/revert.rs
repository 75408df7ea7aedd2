//! Takes a merged change back out of the default branch, as a new change on top of it.
//!
//! It writes objects and one reference that was not there before. It must never move a reference: whether the new change
//! is merged is for people to say.

use std::collections::BTreeSet;

use folkops_model::{ChangeNumber, Sha};
use folkops_previews::ports::{Revert, Reverted};

use crate::change::{name_of, number};
use crate::error::GitError;
use crate::merge::{MergeError, Signature, Words, identity};
use crate::repository::Repository;

/// In `git update-ref`: the reference must not be there yet.
const ABSENT: &str = "0000000000000000000000000000000000000000";

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

    /// Writes the commit that takes `revert.head` back, to which nothing points yet. The same revert gives the same one.
    pub(crate) async fn undo(&self, revert: &Revert, by: &Signature) -> Result<Undone, MergeError> {
        let Some((merge, before)) = self.merge_of(revert).await? else { return Ok(Undone::NotMerged) };
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
