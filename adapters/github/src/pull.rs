//! Pull requests as GitHub shows them: those that are open, how they were merged, and merging one.
//!
//! INVARIANT: what goes into another branch is never taken for what goes to production, and a merge names the head that was
//! judged.

use folkops_model::{ChangeNumber, ComponentName, Landing, Sha, Target};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::branch::Branches;
use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::{GitHub, UserAnswer};

/// An open pull request as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: ChangeNumber,
    /// Where it stands now.
    pub head: Sha,
    /// Its author's number.
    pub author: u64,
    /// How its author is called at the moment.
    pub login: String,
    /// What it says it does; a stranger's text.
    pub title: String,
    /// When it was opened, UTC.
    pub opened: Option<Timestamp>,
    /// Into what it is to be merged.
    pub target: Target,
}

/// How a merge by GitHub ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergedPull {
    /// As this commit of its branch.
    At(Sha),
    /// Not: the change stands elsewhere, or GitHub will not merge it; its sentence.
    Not(String),
}

#[derive(Deserialize)]
pub(crate) struct PullAnswer {
    number: u32,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) merged: bool,
    merged_at: Option<Timestamp>,
    pub(crate) merge_commit_sha: Option<String>,
    created_at: Option<Timestamp>,
    title: String,
    pub(crate) user: Option<UserAnswer>,
    pub(crate) head: HeadAnswer,
    pub(crate) base: BaseAnswer,
}

#[derive(Deserialize)]
pub(crate) struct BaseAnswer {
    pub(crate) r#ref: String,
}

impl PullAnswer {
    /// As the rest of the program knows it; nothing where it is against a branch that does not count.
    fn known(self, branches: &Branches) -> Option<Pull> {
        let target = branches.target(&self.base.r#ref)?;
        // An account that was deleted leaves nobody; its changes are read, and nobody is their author.
        let (author, login) = self.user.map_or((0, "ghost".to_owned()), |user| (user.id, user.login));
        let (number, opened) = (ChangeNumber(self.number), self.created_at);
        Some(Pull { number, head: self.head.sha, author, login, title: self.title, opened, target })
    }
}

#[derive(Deserialize)]
pub(crate) struct HeadAnswer {
    pub(crate) sha: Sha,
}

#[derive(Deserialize)]
struct MergeAnswer {
    sha: Sha,
}

impl GitHub {
    /// Every open pull request of a component against a branch that counts, drafts too.
    ///
    /// # Errors
    /// [`Wrong`]; never a part of the list.
    pub async fn pulls(&self, component: &ComponentName) -> Result<Vec<Pull>, Wrong> {
        let repository = self.repository(component)?;
        let branches = self.branches(component).await?;
        let path = format!("/repos/{repository}/pulls?state=open&per_page=100");
        let pulls: Vec<PullAnswer> = self.client().list(repository, &path).await?;
        Ok(pulls.into_iter().filter_map(|pull| pull.known(&branches)).collect())
    }

    /// The hundred pull requests against the branch that production follows that were closed, or spoken on since, last: those of them that were merged, each with
    /// the commit that brought it.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn merged_lately(&self, component: &ComponentName) -> Result<Vec<(ChangeNumber, Sha)>, Wrong> {
        let repository = self.repository(component)?;
        let branches = self.branches(component).await?;
        let branch = branches.followed();
        let path = format!(
            "/repos/{repository}/pulls?state=closed&base={branch}&sort=updated&direction=desc&per_page=100"
        );
        let closed: Vec<PullAnswer> = self.client().get(repository, &path).await?;
        let merged =
            closed.into_iter().filter(|pull| pull.merged_at.is_some() && pull.base.r#ref == branch.as_str());
        let brought = |pull: PullAnswer| {
            let commit = Sha::parse(pull.merge_commit_sha.as_deref()?).ok()?;
            Some((ChangeNumber(pull.number), commit))
        };
        Ok(merged.filter_map(brought).collect())
    }

    /// A pull request against a branch that counts that was merged, and how; `None` for every other one.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn landed(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
    ) -> Result<Option<(Pull, Landing)>, Wrong> {
        let branches = self.branches(component).await?;
        let pull = match self.pull(component, number).await {
            Err(Wrong::Missing(_)) => return Ok(None),
            pull => pull?,
        };
        let commit = pull.merge_commit_sha.as_deref().and_then(|sha| Sha::parse(sha).ok());
        let Some((commit, pull)) = commit.filter(|_| pull.merged).zip(pull.known(&branches)) else {
            return Ok(None);
        };
        let landing = Landing { target: pull.target, head: pull.head.clone(), commit };
        Ok(Some((pull, landing)))
    }

    /// Where an open pull request stands at this moment.
    ///
    /// # Errors
    /// [`Wrong`]; one that is closed, merged, against another branch or not there is `None`.
    pub async fn head(&self, component: &ComponentName, number: ChangeNumber) -> Result<Option<Sha>, Wrong> {
        match self.pull(component, number).await {
            Ok(pull) => {
                let open = pull.state == "open";
                let known = pull.known(&self.branches(component).await?);
                Ok(known.filter(|_| open).map(|pull| pull.head))
            }
            Err(Wrong::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn pull(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
    ) -> Result<PullAnswer, Wrong> {
        let repository = self.repository(component)?;
        self.client().get(repository, &format!("/repos/{repository}/pulls/{number}")).await
    }

    /// How a pull request was merged before, perhaps by the same call before a crash; `None` while it is not.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn merged(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
        head: &Sha,
    ) -> Result<Option<MergedPull>, Wrong> {
        let pull = self.pull(component, number).await?;
        let branches = self.branches(component).await?;
        let branch = branches.followed();
        // INVARIANT: what goes into another branch is never merged as though it went into this one.
        if pull.base.r#ref != branch.as_str() {
            return Ok(Some(MergedPull::Not(format!("it is not against `{branch}`"))));
        }
        if !pull.merged {
            return Ok(None);
        }
        let commit = pull.merge_commit_sha.and_then(|sha| Sha::parse(&sha).ok());
        let here = commit.filter(|_| pull.head.sha == *head);
        let elsewhere = || MergedPull::Not("it was merged at another commit".into());
        Ok(Some(here.map_or_else(elsewhere, MergedPull::At)))
    }

    /// Merges a pull request if it still stands at `head`.
    ///
    /// # Errors
    /// [`Wrong`]; after [`Wrong::Unknown`] it may be merged, so ask [`Self::merged`] before the next try.
    pub async fn merge(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
        head: &Sha,
    ) -> Result<MergedPull, Wrong> {
        let repository = self.repository(component)?;
        let path = format!("/repos/{repository}/pulls/{number}/merge");
        let body = json!({ "sha": head, "merge_method": self.settings().method.as_str() });
        let asked =
            self.client().write::<MergeAnswer>(repository, Urgency::Safety, (Method::PUT, &path), &body);
        match asked.await {
            Ok(MergeAnswer { sha }) => Ok(MergedPull::At(sha)),
            // Not mergeable, required checks, another head, no right to: GitHub's sentence says which.
            Err(Wrong::Refused { status: 403 | 405 | 409 | 422, said }) => Ok(MergedPull::Not(said)),
            Err(error) => Err(error),
        }
    }
}
