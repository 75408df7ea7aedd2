//! What GitHub says of pull requests that were merged: which, how, and what they were then.
//!
//! GitHub is believed for which commit brought a pull request; what that commit holds, git reads from the mirror.

use folkops_git::Served;
use folkops_github::GitHub;
use folkops_model::{ChangeNumber, ComponentName, Sha};
use folkops_previews::ports::{Landed, Unavailable};

use super::{Forges, away, observed, origin};

/// Pull requests that had been merged when a branch stood at `head`, since the commit `since`.
pub(super) struct Lately {
    head: Sha,
    since: Sha,
    numbers: Vec<ChangeNumber>,
}

impl Forges {
    /// Where the branch stands that a change is to be merged into, or stood before it was.
    pub(super) async fn onto(
        &self,
        github: &GitHub,
        component: &ComponentName,
        (number, served): (ChangeNumber, &Served),
    ) -> Result<Option<Sha>, Unavailable> {
        if served.pulls.contains_key(&number) {
            return Ok(Some(served.beside().remove(&number).unwrap_or_else(|| served.head.clone())));
        }
        match github.landed(component, number).await.map_err(away)? {
            Some((_, landing)) => Ok(self.local.before(component, &landing.commit).await?),
            None => Ok(None),
        }
    }

    /// GitHub is asked again only once the branch has moved, or production has.
    pub(super) async fn merged_there(
        &self,
        github: &GitHub,
        component: &ComponentName,
        since: &Sha,
    ) -> Result<Vec<ChangeNumber>, Unavailable> {
        let Some(Served { head, .. }) = self.served(component).await else { return Ok(Vec::new()) };
        let mut merged = self.merged.lock().await;
        if let Some(known) = merged.get(component).filter(|of| of.head == head && of.since == *since) {
            return Ok(known.numbers.clone());
        }
        let later = self.local.commits_since(component, since).await?;
        let lately = if later.is_empty() {
            Vec::new()
        } else {
            github.merged_lately(component).await.map_err(away)?
        };
        let numbers: Vec<_> = lately
            .into_iter()
            .filter(|(_, commit)| later.contains(commit))
            .map(|(number, _)| number)
            .collect();
        merged.insert(component.clone(), Lately { head, since: since.clone(), numbers: numbers.clone() });
        Ok(numbers)
    }

    /// How a pull request was merged, and what it was then.
    pub(super) async fn landed_there(
        &self,
        github: &GitHub,
        component: &ComponentName,
        number: ChangeNumber,
    ) -> Result<Option<Landed>, Unavailable> {
        let Some((pull, landing)) = github.landed(component, number).await.map_err(away)? else {
            return Ok(None);
        };
        let origin = origin(github, component).await?;
        let change = self.local.as_it_was(component, number, (&origin, &landing)).await?;
        let change = change.map(|change| observed(change, std::slice::from_ref(&pull)));
        Ok(Some(Landed { landing, change }))
    }
}
