//! Deployments, and what is said of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::State;

/// A deployment.
pub(super) struct Deployment {
    pub id: u64,
    pub sha: String,
    pub by: u64,
    /// As it was asked for.
    pub said: Value,
    pub statuses: Vec<DeploymentStatus>,
    pub at: Timestamp,
}

/// One thing said of it.
pub(super) struct DeploymentStatus {
    pub id: u64,
    pub said: Value,
    pub at: Timestamp,
}

/// A deployment as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The environment's name.
    pub environment: String,
    /// Whether it is said to be production.
    pub production: bool,
    /// Whether it is said to go again.
    pub transient: bool,
    /// What was said of it, oldest first.
    pub states: Vec<String>,
    /// Where it is to be seen, as it was said last.
    pub url: Option<String>,
    /// Where its log is, as it was said last.
    pub log: Option<String>,
}

impl Deployment {
    pub fn environment(&self) -> &str {
        self.said["environment"].as_str().unwrap_or("production")
    }

    fn flag(&self, name: &str, other: bool) -> bool {
        self.said[name].as_bool().unwrap_or(other)
    }

    /// GitHub takes an environment that is called so for production, unless it is told.
    pub fn is_production(&self) -> bool {
        self.flag("production_environment", self.environment() == "production")
    }

    pub fn is_transient(&self) -> bool {
        self.flag("transient_environment", false)
    }

    pub fn state(&self) -> &str {
        self.statuses.last().and_then(|status| status.said["state"].as_str()).unwrap_or_default()
    }

    pub fn seen(&self) -> Deployed {
        let last = |name: &str| {
            let said = self.statuses.iter().rev().filter_map(|status| status.said[name].as_str());
            said.map(str::to_owned).find(|text| !text.is_empty())
        };
        let states = self.statuses.iter().filter_map(|status| status.said["state"].as_str());
        Deployed {
            id: self.id,
            sha: self.sha.clone(),
            environment: self.environment().to_owned(),
            production: self.is_production(),
            transient: self.is_transient(),
            states: states.map(str::to_owned).collect(),
            url: last("environment_url"),
            log: last("log_url"),
        }
    }
}

impl State {
    pub fn shown_deployment(&self, at: usize, deployment: &Deployment) -> Value {
        let (full, id) = (self.full_name(&self.repositories[at]), deployment.id);
        let url = format!("{}/repos/{full}/deployments/{id}", self.home);
        json!({
            "id": id, "node_id": format!("DE_{id}"), "sha": deployment.sha, "ref": deployment.said["ref"],
            "task": deployment.said["task"].as_str().unwrap_or("deploy"), "environment": deployment.environment(),
            "payload": deployment.said.get("payload").cloned().unwrap_or_else(|| json!({})),
            "description": deployment.said["description"], "creator": self.shown_account(deployment.by),
            "url": url, "statuses_url": format!("{url}/statuses"), "created_at": deployment.at,
            "updated_at": deployment.at, "repository_url": format!("{}/repos/{full}", self.home),
            "transient_environment": deployment.is_transient(),
            "production_environment": deployment.is_production(),
        })
    }

    pub fn shown_deployment_status(&self, deployment: &Deployment, status: &DeploymentStatus) -> Value {
        let text = |name: &str| status.said[name].as_str().unwrap_or_default();
        let link = |name: &str| Some(text(name)).filter(|link| !link.is_empty());
        let mut shown = json!({
            "id": status.id, "node_id": format!("DES_{}", status.id), "state": text("state"),
            "creator": self.shown_account(deployment.by), "description": text("description"),
            "environment": deployment.environment(), "created_at": status.at, "updated_at": status.at,
        });
        for name in ["environment_url", "log_url"] {
            if let Some(link) = link(name) {
                shown[name] = json!(link);
            }
        }
        shown
    }
}
