//! Questions about commits: are they there, what do they say, which contains which.
//!
//! Ancestry is read from the commits themselves; dates, grafts, replacements and commit graphs do not count.

use std::collections::BTreeSet;

use folkops_model::{Sha, TreeId};

use crate::error::GitError;
use crate::repository::Repository;

/// What a commit says about itself. The texts are as the author wrote them.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) tree: TreeId,
    pub(crate) author_name: String,
    pub(crate) author_email: String,
    pub(crate) message: String,
}

impl Repository<'_> {
    /// Those of the ids that are commits here; tags, trees, blobs and absent ones are left out.
    pub(crate) async fn commits_among<'s>(
        &self,
        ids: impl IntoIterator<Item = &'s Sha>,
    ) -> Result<BTreeSet<Sha>, GitError> {
        let input: String = ids.into_iter().map(|id| format!("{id}\n")).collect();
        let limit = 1024 + input.len() * 3;
        let call = self.objects(["cat-file", "--batch-check=%(objectname) %(objecttype)"]);
        let output = self.output(call.input(input.into_bytes()).limit(limit)).await?;
        let lines = String::from_utf8_lossy(&output);
        let commits = lines.lines().filter_map(|line| line.strip_suffix(" commit"));
        Ok(commits.filter_map(|id| Sha::parse(id).ok()).collect())
    }

    /// Refuses ids that are not commits here.
    pub(crate) async fn require_commits<const N: usize>(&self, ids: [&Sha; N]) -> Result<(), GitError> {
        let found = self.commits_among(ids).await?;
        match ids.into_iter().find(|id| !found.contains(*id)) {
            Some(absent) => Err(self.no_commit(absent)),
            None => Ok(()),
        }
    }

    /// Reads one commit; a message is read for its first mebibyte.
    pub(crate) async fn commit(&self, id: &Sha) -> Result<Commit, GitError> {
        let format = "--format=%T%n%an%n%ae%n%B";
        // A commit may claim any encoding; converting from it would be one more parser for strangers to attack.
        let options = ["rev-list", "--max-count=1", "--no-commit-header", "--encoding=none", format];
        let call = self.objects(options.into_iter().chain([id.as_str()]));
        let answer = self.ask(call).await?;
        if answer.code != Some(0) && !answer.cut {
            return Err(self.failed(&answer));
        }
        let text = String::from_utf8_lossy(&answer.output);
        let mut fields = text.splitn(4, '\n').map(str::to_owned);
        let mut field = || fields.next().unwrap_or_default();
        let tree = TreeId::parse(&field()).map_err(|error| self.unusable(&error.to_string()))?;
        Ok(Commit { tree, author_name: field(), author_email: field(), message: field() })
    }

    /// Whether `commit` is `head` or one of its ancestors.
    pub(crate) async fn contains(&self, head: &Sha, commit: &Sha) -> Result<bool, GitError> {
        self.require_commits([head, commit]).await?;
        let call = self.objects(["merge-base", "--is-ancestor", commit.as_str(), head.as_str()]);
        let answer = self.ask(call).await?;
        match answer.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.failed(&answer)),
        }
    }

    /// The best common ancestor, git's first one where there are several; `None` for unrelated histories.
    pub(crate) async fn merge_base(&self, one: &Sha, other: &Sha) -> Result<Option<Sha>, GitError> {
        let answer = self.ask(self.objects(["merge-base", one.as_str(), other.as_str()])).await?;
        match answer.code {
            Some(0) => self.one_id(&answer.output).map(Some),
            Some(1) if answer.complaints.is_empty() => Ok(None),
            _ => Err(self.failed(&answer)),
        }
    }

    /// An answer that is one commit id.
    pub(crate) fn one_id(&self, output: &[u8]) -> Result<Sha, GitError> {
        let text = String::from_utf8_lossy(output);
        Sha::parse(text.trim_end()).map_err(|error| self.unusable(&error.to_string()))
    }
}
