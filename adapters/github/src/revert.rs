//! The pull requests that FolkOps opens itself, and closes again: those that take a change back.
//!
//! It must never close what a person opened or pushed to.

use folkops_model::{ChangeNumber, ComponentName, Sha};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::pull::PullAnswer;

#[derive(Deserialize)]
struct NumberAnswer {
    number: u32,
}

impl GitHub {
    /// The number of the open pull request from a branch of the repository itself; one into the branch that production
    /// follows is opened if there is none.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn open(
        &self,
        component: &ComponentName,
        branch: &str,
        (title, body): (&str, &str),
    ) -> Result<ChangeNumber, Wrong> {
        let repository = self.repository(component)?;
        let path = format!("/repos/{repository}/pulls?state=open&head={}:{branch}", repository.owner());
        let open: Vec<NumberAnswer> = self.client().get(repository, &path).await?;
        if let Some(found) = open.first() {
            return Ok(ChangeNumber(found.number));
        }
        let branches = self.branches(component).await?;
        let base = branches.followed().as_str();
        let asked = json!({ "title": title, "head": branch, "base": base, "body": body });
        let path = format!("/repos/{repository}/pulls");
        let opened: NumberAnswer =
            self.client().write(repository, Urgency::Ordinary, (Method::POST, &path), &asked).await?;
        Ok(ChangeNumber(opened.number))
    }

    /// Closes a pull request that a program opened at this commit; whether it is closed now. One that stands elsewhere, or
    /// that a person opened, is left alone.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn close(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
        commit: &Sha,
    ) -> Result<bool, Wrong> {
        let repository = self.repository(component)?;
        let pull = self.pull(component, number).await?;
        if pull.state != "open" {
            return Ok(true);
        }
        let program = pull.user.is_some_and(|user| user.r#type.as_deref() == Some("Bot"));
        if !program || pull.head.sha != *commit {
            return Ok(false);
        }
        let (path, asked) = (format!("/repos/{repository}/pulls/{number}"), json!({ "state": "closed" }));
        let closed = self.client().write(repository, Urgency::Ordinary, (Method::PATCH, &path), &asked);
        closed.await.map(|pull: PullAnswer| pull.state != "open")
    }
}
