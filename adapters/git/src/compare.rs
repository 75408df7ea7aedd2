//! What lies between a commit that somebody allowed and the one where the change stands now.
//!
//! The two trees are compared, so that a rewritten history hides nothing; how the later commit came about is said beside
//! it. What a commit says of its date is never read.

use std::collections::BTreeSet;

use folkops_model::{Difference, Sha};

use crate::change::author_id;
use crate::error::GitError;
use crate::repository::Repository;

/// New commits whose authors are read; beyond, nobody is named.
const MOST_COMMITS: usize = 32;

impl Repository<'_> {
    /// The difference from `from` to `to`, of a change that left the default branch at `base`; `None` where one of them is
    /// not here any more.
    pub(crate) async fn compare(
        &self,
        base: &Sha,
        from: &Sha,
        to: &Sha,
    ) -> Result<Option<Difference>, GitError> {
        let here = self.commits_among([base, from, to]).await?;
        if [base, from, to].into_iter().any(|commit| !here.contains(commit)) {
            return Ok(None);
        }
        let listed = self.listed(from, to).await?;
        Ok(Some(Difference {
            from: from.clone(),
            to: to.clone(),
            diff: listed.summary,
            paths: listed.paths,
            straight: self.is_straight(base, to).await?,
            authors: self.authors(from, to).await?,
        }))
    }

    /// Whether no merge stands between a change's head and where it left the default branch.
    async fn is_straight(&self, base: &Sha, head: &Sha) -> Result<bool, GitError> {
        let words = ["rev-list", "--merges", "--max-count=1", head.as_str(), "--not", base.as_str()];
        Ok(self.output(self.objects(words)).await?.is_empty())
    }

    /// Whom the commits name as their authors that `to` has and `from` has not.
    async fn authors(&self, from: &Sha, to: &Sha) -> Result<Option<BTreeSet<String>>, GitError> {
        let most = format!("--max-count={}", MOST_COMMITS + 1);
        let words =
            ["rev-list", &most, "--no-commit-header", "--format=%ae", to.as_str(), "--not", from.as_str()];
        let output = self.output(self.objects(words)).await?;
        let text = String::from_utf8_lossy(&output);
        let mails: Vec<&str> = text.lines().collect();
        Ok((mails.len() <= MOST_COMMITS).then(|| mails.into_iter().map(author_id).collect()))
    }
}
