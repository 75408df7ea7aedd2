//! How a change came to the default branch that is not open any more, and whether a commit is still there.
//!
//! It looks and moves nothing. Which commit brought a change is told by where its head stands in history, or said by a
//! forge that merged it without a merge commit; a message could say anything.

use std::collections::BTreeSet;

use folkops_model::{ChangeNumber, ComponentName, Landing, ObservedChange, Sha, Target, TreeId};
use folkops_previews::ports::Landed;

use crate::change::{Pulls, Seen, name_of};
use crate::error::GitError;
use crate::forge::LocalForge;
use crate::mirror::Origin;
use crate::repository::Repository;

impl LocalForge {
    /// A change that the default branch holds, with the commit of the branch that brought it; `None` where it does not.
    ///
    /// # Errors
    /// [`GitError`] where the repository cannot be read.
    pub async fn landed(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
    ) -> Result<Option<Landed>, GitError> {
        let repository = self.repository(component)?;
        let references = repository.references_under(&format!("refs/pull/{number}/")).await?;
        if references.iter().any(|reference| reference.name.ends_with("/closed")) {
            return Ok(None);
        }
        let Some(head) = repository.pick(references, &name_of(number)).await? else { return Ok(None) };
        let default = repository.default_branch().await?.head;
        let Some(commit) = repository.brought(&default, &head).await? else { return Ok(None) };
        let change = repository.as_it_was(number, &head, &commit).await?;
        Ok(Some(Landed { landing: Landing { target: Target::Production, head, commit }, change }))
    }

    /// Changes whose heads came to the default branch after a commit of it.
    ///
    /// # Errors
    /// [`GitError`] where the repository cannot be read.
    pub async fn merged_since(
        &self,
        component: &ComponentName,
        since: &Sha,
    ) -> Result<Vec<ChangeNumber>, GitError> {
        let repository = self.repository(component)?;
        let later = self.commits_since(component, since).await?;
        if later.is_empty() {
            return Ok(Vec::new());
        }
        let pulls = Pulls::sort(repository.references_under("refs/pull/").await?);
        Ok(pulls
            .heads
            .into_iter()
            .filter(|(_, head)| later.contains(head))
            .map(|(number, _)| number)
            .collect())
    }

    /// The commits that the default branch holds beside a commit and all before that; none where it is not there.
    ///
    /// # Errors
    /// [`GitError`] where the repository cannot be read.
    pub async fn commits_since(
        &self,
        component: &ComponentName,
        since: &Sha,
    ) -> Result<BTreeSet<Sha>, GitError> {
        let repository = self.repository(component)?;
        let head = repository.default_branch().await?.head;
        if head == *since || repository.commits_among([since]).await?.is_empty() {
            return Ok(BTreeSet::new());
        }
        let call = repository.objects(["rev-list", &format!("{since}..{head}")]).limit(16 * 1024 * 1024);
        let output = repository.output(call).await?;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(|line| Sha::parse(line).ok()).collect())
    }

    /// A change as it was when a commit of the default branch brought it, both fetched from its origin if need be;
    /// `None` where it cannot be told from history.
    ///
    /// # Errors
    /// [`GitError`] where one of the two is not to be had.
    pub async fn as_it_was(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
        (origin, landing): (&Origin, &Landing),
    ) -> Result<Option<ObservedChange>, GitError> {
        let repository = self.repository(component)?;
        repository.fetch(origin, &[&landing.head, &landing.commit]).await?;
        repository.as_it_was(number, &landing.head, &landing.commit).await
    }

    /// Where a branch stood before a commit of it; `None` where that begins history.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where it is not there.
    pub async fn before(&self, component: &ComponentName, commit: &Sha) -> Result<Option<Sha>, GitError> {
        self.repository(component)?.before(commit).await
    }

    /// The tree of `onto`, if that is the commit `landed` or comes after it. A commit that is not here is not held.
    ///
    /// # Errors
    /// [`GitError`] where the repository cannot be read.
    pub async fn holding(
        &self,
        component: &ComponentName,
        onto: &Sha,
        landed: &Sha,
    ) -> Result<Option<TreeId>, GitError> {
        let repository = self.repository(component)?;
        let known = !repository.commits_among([landed]).await?.is_empty();
        match known && repository.contains(onto, landed).await? {
            true => Ok(Some(repository.commit(onto).await?.tree)),
            false => Ok(None),
        }
    }
}

impl Repository<'_> {
    /// The first commit of the branch that holds `head`: a merge of it, or the head itself where the branch was moved
    /// there.
    async fn brought(&self, branch: &Sha, head: &Sha) -> Result<Option<Sha>, GitError> {
        if !self.contains(branch, head).await? {
            return Ok(None);
        }
        let range = format!("{head}..{branch}");
        let options = ["rev-list", "--first-parent", "--ancestry-path", "--parents", &range];
        let output = self.output(self.objects(options).limit(16 * 1024 * 1024)).await?;
        let lines = String::from_utf8_lossy(&output);
        let mut oldest = lines.lines().last().unwrap_or_default().split(' ');
        let (merge, before) = (oldest.next().unwrap_or_default(), oldest.next());
        let merge = Sha::parse(merge).ok().filter(|_| before != Some(head.as_str()));
        Ok(Some(merge.unwrap_or_else(|| head.clone())))
    }

    /// Where the branch stood before a commit of it; nothing where that begins history.
    async fn before(&self, commit: &Sha) -> Result<Option<Sha>, GitError> {
        self.require_commits([commit]).await?;
        let options = ["rev-list", "--max-count=1", "--parents", commit.as_str()];
        let output = self.output(self.objects(options)).await?;
        let line = String::from_utf8_lossy(&output);
        Ok(line.split_whitespace().nth(1).and_then(|sha| Sha::parse(sha).ok()))
    }

    /// A change as it was, compared with where the branch stood before the commit that brought it.
    async fn as_it_was(
        &self,
        number: ChangeNumber,
        head: &Sha,
        commit: &Sha,
    ) -> Result<Option<ObservedChange>, GitError> {
        self.require_commits([head]).await?;
        let Some(before) = self.before(commit).await? else { return Ok(None) };
        match self.observe(number, head, &before).await? {
            Seen::Open(change) => Ok(Some(*change)),
            Seen::Merged | Seen::Refused(_) | Seen::Failed(_) => Ok(None),
        }
    }
}
