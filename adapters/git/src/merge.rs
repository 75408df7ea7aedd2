//! Merges two commits without a work tree, and records a merge as a commit that nothing points to yet.
//!
//! The merge is computed from the objects alone, with git's built-in strategy and no configuration, so that every
//! machine gets the same tree. No reference moves here.

use std::ffi::OsString;

use folkops_model::{Sha, TreeId};
use jiff::Timestamp;

use crate::error::GitError;
use crate::process::Answer;
use crate::repository::Repository;
use crate::text;

/// Why there is no merged tree.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Both sides changed the same places. For the author.
    #[error("both sides changed {}; the author must merge the default branch into the change", listed(files))]
    Conflict {
        /// The paths, freed of control characters.
        files: Vec<String>,
    },
    /// The two have no common ancestor. For the author.
    #[error(
        "the change shares no history with what it should be merged into; it must start from the default branch"
    )]
    Unrelated,
    /// The repository failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Who a commit names, as author or committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// A name; git drops `<`, `>` and control characters.
    pub name: String,
    /// An e-mail address, of which git drops the same.
    pub email: String,
}

/// A merge to be recorded. The same values give the same commit id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeCommit {
    /// First parent.
    pub onto: Sha,
    /// Second parent.
    pub theirs: Sha,
    /// The tree that [`crate::LocalForge::merge_tree`] gave.
    pub tree: TreeId,
    /// The message.
    pub message: String,
    /// Author and committer.
    pub by: Signature,
    /// The time of both, in whole seconds; the zone is UTC.
    pub at: Timestamp,
}

/// What a commit says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) message: &'a str,
    pub(crate) by: &'a Signature,
    pub(crate) at: Timestamp,
}

impl Repository<'_> {
    /// The tree of `theirs` merged into `onto`; the tree of `onto` where it contains `theirs` already.
    pub(crate) async fn merge_tree(&self, onto: &Sha, theirs: &Sha) -> Result<TreeId, MergeError> {
        self.require_commits([onto, theirs]).await?;
        let options = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
        let call = self.objects(options.into_iter().chain([onto.as_str(), theirs.as_str()]));
        let answer = self.ask(call).await?;
        match answer.code {
            Some(0) => Ok(self.tree_id(&answer.output)?),
            Some(1) if !answer.output.is_empty() => Err(MergeError::Conflict { files: conflicts(&answer) }),
            _ if answer.complaints.contains("unrelated histories") => Err(MergeError::Unrelated),
            _ => Err(self.failed(&answer).into()),
        }
    }

    /// Writes the commit. Nothing points to it until a branch is advanced.
    pub(crate) async fn commit_merge(&self, merge: &MergeCommit) -> Result<Sha, GitError> {
        self.require_commits([&merge.onto, &merge.theirs]).await?;
        let words = Words { message: &merge.message, by: &merge.by, at: merge.at };
        self.write_commit(&merge.tree, &[&merge.onto, &merge.theirs], words).await
    }

    /// Writes a commit of this tree on these parents, which are commits here. Nothing points to it yet.
    pub(crate) async fn write_commit(
        &self,
        tree: &TreeId,
        parents: &[&Sha],
        words: Words<'_>,
    ) -> Result<Sha, GitError> {
        let parents = parents.iter().flat_map(|parent| ["-p", parent.as_str()]);
        let mut call = self.objects(["commit-tree", tree.as_str()].into_iter().chain(parents));
        call.environment = identity(words.by, words.at);
        let output = self.output(call.input(words.message.as_bytes().to_vec())).await?;
        self.one_id(&output)
    }

    fn tree_id(&self, output: &[u8]) -> Result<TreeId, GitError> {
        let text = String::from_utf8_lossy(output);
        TreeId::parse(text.trim_end_matches(['\0', '\n'])).map_err(|error| self.unusable(&error.to_string()))
    }
}

/// What makes git's commits independent of machine, user and clock.
pub(crate) fn identity(by: &Signature, at: Timestamp) -> Vec<(&'static str, OsString)> {
    let date = format!("@{} +0000", at.as_second());
    let pair = |name: &'static str, value: &str| (name, OsString::from(value));
    vec![
        pair("GIT_AUTHOR_NAME", &by.name),
        pair("GIT_AUTHOR_EMAIL", &by.email),
        pair("GIT_AUTHOR_DATE", &date),
        pair("GIT_COMMITTER_NAME", &by.name),
        pair("GIT_COMMITTER_EMAIL", &by.email),
        pair("GIT_COMMITTER_DATE", &date),
    ]
}

/// The paths after the tree id.
fn conflicts(answer: &Answer) -> Vec<String> {
    answer.output.split(|byte| *byte == 0).skip(1).filter(|path| !path.is_empty()).map(text::path).collect()
}

/// Up to three paths in backticks, and how many more there are.
fn listed(files: &[String]) -> String {
    let named: Vec<String> = files.iter().take(3).map(|file| format!("`{file}`")).collect();
    match files.len().saturating_sub(3) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
