//! What lies between a commit that somebody allowed and the one where the change stands now.
//!
//! The two trees are compared, so that a rewritten history hides nothing. What a commit says of its author and its date is
//! not read.

use folkops_model::{Difference, Sha};

use crate::error::GitError;
use crate::repository::Repository;

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
        }))
    }

    /// Whether no merge stands between a change's head and where it left the default branch.
    async fn is_straight(&self, base: &Sha, head: &Sha) -> Result<bool, GitError> {
        let words = ["rev-list", "--merges", "--max-count=1", head.as_str(), "--not", base.as_str()];
        Ok(self.output(self.objects(words)).await?.is_empty())
    }
}
