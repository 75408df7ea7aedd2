//! Deployments: one for each change in each preview and promotion, told once.
//!
//! A deployment is found again by its environment, commit and our key in its payload, and a status by the last one there
//! is; so nothing is repeated after a write whose outcome is unknown. Nothing is merged by the way and no check is waited
//! for: both would be GitHub's defaults.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::reported::{Subject, What};
use crate::say::Deployed;

/// GitHub refuses a longer description.
const LONGEST: usize = 140;

#[derive(Deserialize)]
struct Made {
    id: u64,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl GitHub {
    /// Tells how a deployment stands, making it first where there is none; its number.
    ///
    /// # Errors
    /// [`Wrong`]; after [`Wrong::Unknown`] the same call finds what was done.
    pub async fn tell_deployment(
        &self,
        subject: &Subject,
        known: Option<u64>,
        deployed: &Deployed,
    ) -> Result<u64, Wrong> {
        let number = match known {
            Some(number) => number,
            None => match self.find_deployment(subject, deployed.round).await? {
                Some(number) => number,
                None => self.make_deployment(subject, deployed).await?,
            },
        };
        let repository = self.repository(&subject.change.component)?;
        let path = format!("/repos/{repository}/deployments/{number}/statuses");
        let latest: Vec<Status> = self.client().get(repository, &format!("{path}?per_page=1")).await?;
        if latest.first().is_some_and(|status| status.state == deployed.state.as_str()) {
            return Ok(number);
        }
        let body = json!({
            "state": deployed.state.as_str(), "log_url": deployed.log,
            // An empty one is none.
            "environment_url": deployed.url.as_deref().unwrap_or_default(),
            "description": deployed.description.chars().take(LONGEST).collect::<String>(),
            // Others of the same environment are ended by what is recorded of them, not by GitHub's guess.
            "auto_inactive": false,
        });
        let written =
            self.client().write::<Value>(repository, Urgency::Ordinary, (Method::POST, &path), &body);
        written.await.map(|_| number)
    }

    async fn find_deployment(&self, subject: &Subject, round: u32) -> Result<Option<u64>, Wrong> {
        let repository = self.repository(&subject.change.component)?;
        let environment = subject.what.environment().unwrap_or_default().replace('/', "%2F");
        let path = format!(
            "/repos/{repository}/deployments?sha={}&environment={environment}&per_page=100",
            subject.sha
        );
        let made: Vec<Made> = self.client().list(repository, &path).await?;
        let key = key(subject, round);
        // The payload is given back as it was sent, or as text.
        let is_ours = |made: &&Made| match &made.payload {
            Value::String(text) => text.contains(&format!("\"{key}\"")),
            payload => payload["folkops"] == key.as_str(),
        };
        Ok(made.iter().find(is_ours).map(|made| made.id))
    }

    async fn make_deployment(&self, subject: &Subject, deployed: &Deployed) -> Result<u64, Wrong> {
        let repository = self.repository(&subject.change.component)?;
        let production = subject.what == What::Production;
        let body = json!({
            "ref": subject.sha, "environment": subject.what.environment(), "auto_merge": false,
            "required_contexts": [], "transient_environment": !production, "production_environment": production,
            "description": format!("#{} by FolkOps", subject.change.number),
            "payload": { "folkops": key(subject, deployed.round) },
        });
        let path = format!("/repos/{repository}/deployments");
        let made: Made =
            self.client().write(repository, Urgency::Ordinary, (Method::POST, &path), &body).await?;
        Ok(made.id)
    }
}

/// What makes a deployment ours and this one.
fn key(subject: &Subject, round: u32) -> String {
    format!("{subject} {round}")
}
