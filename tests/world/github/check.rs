//! Checks, statuses, and what a branch requires of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pull::{Pull, Verdict};
use super::state::State;

/// A check run.
pub(super) struct Check {
    pub id: u64,
    /// Ours, or somebody else's.
    pub app: u64,
    pub head: String,
    /// As it was asked for: name, status, conclusion, output, actions.
    pub said: Value,
    pub begun: Timestamp,
    pub ended: Option<Timestamp>,
}

/// A status, which is older than checks and still used.
pub(super) struct Status {
    pub id: u64,
    pub sha: String,
    pub context: String,
    pub state: String,
    pub at: Timestamp,
}

/// A check run of ours as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit that it is about.
    pub head: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// The first line of its output.
    pub title: String,
    /// The rest of it.
    pub summary: String,
    /// Its buttons, by what they are called inside.
    pub actions: Vec<String>,
}

/// What a branch requires before anything is merged into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The names of checks and statuses that must be green.
    pub checks: Vec<String>,
    /// How many must approve.
    pub reviews: u64,
    /// In which of its two ways GitHub is told.
    pub way: Way,
}

/// GitHub has two ways to protect a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The branch's own protection.
    Branch,
    /// A ruleset.
    Ruleset,
}

/// The App of those who check besides us.
pub(super) const OTHER_APP: u64 = 15_368;

impl State {
    /// Keeps a check run and announces it.
    pub fn check(&mut self, at: usize, app: u64, by: u64, (head, said): (&str, Value)) -> u64 {
        let (id, now) = (self.next(), self.clock.now());
        let ended = (said["status"] == "completed" || said["conclusion"].is_string()).then_some(now);
        let check = Check { id, app, head: head.to_owned(), said, begun: now, ended };
        self.repositories[at].checks.insert(id, check);
        self.announce_check(if ended.is_some() { "completed" } else { "created" }, at, id, by, json!({}));
        id
    }

    pub fn announce_check(&mut self, action: &str, at: usize, id: u64, by: u64, mut more: Value) {
        more["check_run"] = self.shown_check(at, &self.repositories[at].checks[&id]);
        self.announce("check_run", action, at, by, more);
    }

    pub fn shown_check(&self, at: usize, check: &Check) -> Value {
        let (full, id, said) = (self.full_name(&self.repositories[at]), check.id, &check.said);
        let status =
            if check.ended.is_some() { "completed" } else { said["status"].as_str().unwrap_or("queued") };
        let text = |name: &str| said["output"].get(name).cloned().unwrap_or(Value::Null);
        let mut app = self.shown_app();
        app["id"] = json!(check.app);
        json!({
            "id": id, "node_id": format!("CR_{id}"), "name": said["name"], "head_sha": check.head,
            "url": format!("{}/repos/{full}/check-runs/{id}", self.home), "status": status,
            "html_url": format!("{}/{full}/runs/{id}", self.home), "conclusion": said["conclusion"],
            "details_url": said["details_url"].as_str().unwrap_or("https://github.example/"),
            "external_id": said["external_id"].as_str().unwrap_or_default(),
            "started_at": check.begun, "completed_at": check.ended, "app": app, "pull_requests": [],
            "output": { "title": text("title"), "summary": text("summary"), "text": text("text") },
            "check_suite": { "id": 5_000_000 + check.app },
        })
    }

    /// What still keeps a pull request from being merged, in GitHub's words.
    pub fn missing(&self, at: usize, pull: &Pull, head: &str) -> Option<String> {
        let wanted = self.repositories[at].protection.get(&pull.base)?;
        let red = wanted.checks.iter().find(|name| !self.is_green(at, head, name));
        if let Some(name) = red {
            return Some(format!("Required status check \"{name}\" is expected."));
        }
        let few = self.approvals(at, pull) < wanted.reviews;
        few.then(|| {
            format!(
                "At least {} approving review is required by reviewers with write access.",
                wanted.reviews
            )
        })
    }

    fn is_green(&self, at: usize, head: &str, name: &str) -> bool {
        let good = |check: &&Check| {
            ["success", "neutral", "skipped"].map(Value::from).contains(&check.said["conclusion"])
        };
        let of = |check: &&Check| check.head == head && check.said["name"] == name;
        let repository = &self.repositories[at];
        // The latest of a name counts.
        let check = repository.checks.values().rfind(of);
        let status = repository.statuses.iter().rfind(|status| status.sha == head && status.context == name);
        check.as_ref().is_some_and(good) || status.is_some_and(|status| status.state == "success")
    }

    fn approvals(&self, at: usize, pull: &Pull) -> u64 {
        let may = |author: u64| self.permission(at, author) >= super::Permission::Write;
        let mut said = std::collections::BTreeMap::new();
        for review in pull.reviews.iter().filter(|review| may(review.author)) {
            if review.verdict != Verdict::Commented {
                said.insert(review.author, review.verdict);
            }
        }
        said.values().filter(|verdict| **verdict == Verdict::Approved).count() as u64
    }
}
