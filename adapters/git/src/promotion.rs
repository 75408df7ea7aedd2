//! Merges a change into its default branch, once, however often it is asked.
//!
//! What was tested is what is merged: another tree is refused, not taken. After a crash the merge is recognised by
//! its parents and its tree, whenever and by whomever it was made.

use folkops_model::Sha;
use folkops_previews::ports::{Merged, Unavailable};

use crate::advance::AdvanceError;
use crate::error::GitError;
use crate::merge::MergeCommit;
use crate::repository::Repository;

impl Repository<'_> {
    /// Records the merge and moves the default branch to it, unless that is done or somebody moved the branch first.
    pub(crate) async fn promote(&self, merge: &MergeCommit) -> Result<Merged, Unavailable> {
        let now = self.default_branch().await?.head;
        if let Some(commit) = self.merged_before(merge, &now).await? {
            return Ok(Merged::At(commit));
        }
        if now != merge.onto {
            return Ok(Merged::Moved(now));
        }
        let gives = self.merge_tree(&merge.onto, &merge.theirs).await?;
        if gives != merge.tree {
            let (gives, tested) = (gives.as_str(), merge.tree.as_str());
            return Err(Unavailable(format!(
                "merging gives tree `{gives}`, not `{tested}` as tested; test it again"
            )));
        }
        let commit = self.commit_merge(merge).await?;
        match self.advance_default(&merge.onto, &commit).await {
            Ok(_) => Ok(Merged::At(commit)),
            Err(AdvanceError::Moved { now }) => Ok(Merged::Moved(now)),
            Err(error) => Err(error.into()),
        }
    }

    /// The commit that has already brought exactly this to the default branch: a merge with these parents and this
    /// tree, or the branch itself, if it holds the change and nothing that was not tested with it.
    async fn merged_before(&self, merge: &MergeCommit, now: &Sha) -> Result<Option<Sha>, GitError> {
        self.require_commits([&merge.onto, &merge.theirs]).await?;
        let range = format!("{}..{now}", merge.onto);
        let call = self.objects(["rev-list", "--merges", "--parents", &range]).limit(16 * 1024 * 1024);
        let merges = String::from_utf8_lossy(&self.output(call).await?).into_owned();
        let parents = format!(" {} {}", merge.onto, merge.theirs);
        let candidates = merges.lines().filter_map(|line| line.strip_suffix(&parents)).chain([now.as_str()]);
        for candidate in candidates.filter_map(|id| Sha::parse(id).ok()) {
            let same = self.commit(&candidate).await?.tree == merge.tree;
            if same && self.contains(&candidate, &merge.theirs).await? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}
