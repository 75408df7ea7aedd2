//! What surrounds pull requests: teams, checks, protected branches, deployments, and who sits at the browser.

use serde_json::{Value, json};

use super::check::{Check, CheckRun, OTHER_APP, Protection, Status};
use super::deployment::{Deployed, Deployment};
use super::grant::Level;
use super::state::{APP, Kind, Team};
use super::story::place;
use super::{GitHub, Permission};

impl GitHub {
    /// The App has this right from now on, or has it no longer.
    pub fn grants(&self, right: &str, level: Option<Level>) {
        let mut state = self.inner.state();
        let before = state.app.grants.remove(right);
        state.app.grants.extend(level.map(|level| (right.to_owned(), level)));
        assert_ne!(before, level, "it is so already");
    }

    /// Makes a team of the organisation, maybe as a part of another one.
    pub fn team(&self, slug: &str, within: Option<&str>, members: &[&str]) {
        let mut state = self.inner.state();
        let members = members.iter().map(|login| state.account(login, Kind::User)).collect();
        let team =
            Team { id: state.next(), slug: slug.to_owned(), within: within.map(str::to_owned), members };
        state.teams.push(team);
    }

    /// Lets a team do something in a repository.
    pub fn team_may(&self, repository: &str, slug: &str, permission: Permission) {
        let mut state = self.inner.state();
        let at = place(&state, repository);
        state.repositories[at].teams.insert(slug.to_owned(), permission);
    }

    /// Somebody puts a file on the main branch.
    pub fn writes(&self, repository: &str, by: &str, path: &str, text: &str) {
        self.changes(repository, by, |state, at, by| state.write(at, by, (path, text)));
    }

    /// Takes somebody out of a team.
    pub fn leaves(&self, slug: &str, login: &str) {
        let mut state = self.inner.state();
        let id = state.by_login(login).unwrap_or_else(|| panic!("there is no `{login}`")).id;
        let team = state.teams.iter_mut().find(|team| team.slug == slug);
        assert!(team.expect("a team").members.remove(&id), "`{login}` was in it");
    }

    /// Somebody else's check of a commit begins (`None`) or ends (`Some("success")`); its number.
    pub fn checks(&self, repository: &str, commit: &str, name: &str, conclusion: Option<&str>) -> u64 {
        self.bot("checks[bot]");
        self.changes(repository, "checks[bot]", |state, at, by| {
            let status = if conclusion.is_some() { "completed" } else { "in_progress" };
            let said = json!({ "name": name, "status": status, "conclusion": conclusion });
            state.check(at, OTHER_APP, by, (commit, said))
        })
    }

    /// Somebody else's status of a commit: `pending`, `success`, `failure` or `error`.
    pub fn status(&self, repository: &str, commit: &str, context: &str, word: &str) {
        let mut state = self.inner.state();
        let (id, at) = (state.next(), state.clock.now());
        let (sha, context, word) = (commit.to_owned(), context.to_owned(), word.to_owned());
        let home = place(&state, repository);
        state.repositories[home].statuses.push(Status { id, sha, context, state: word, at });
    }

    /// Our check runs, oldest first.
    pub fn check_runs(&self, repository: &str) -> Vec<CheckRun> {
        let state = self.inner.state();
        let checks = state.repositories[place(&state, repository)].checks.values();
        checks.filter(|check| check.app == APP).map(seen).collect()
    }

    /// Presses a button of a check run.
    pub fn presses(&self, repository: &str, check: u64, by: &str, action: &str) {
        self.changes(repository, by, |state, at, by| {
            let more = json!({ "requested_action": { "identifier": action } });
            state.announce_check("requested_action", at, check, by, more);
        });
    }

    /// Protects a branch.
    pub fn protects(&self, repository: &str, branch: &str, protection: Protection) {
        let mut state = self.inner.state();
        let at = place(&state, repository);
        state.repositories[at].protection.insert(branch.to_owned(), protection);
    }

    /// The deployments, oldest first.
    pub fn deployments(&self, repository: &str) -> Vec<Deployed> {
        let state = self.inner.state();
        state.repositories[place(&state, repository)].deployments.values().map(Deployment::seen).collect()
    }

    /// Somebody sits at the browser that is sent to sign in.
    pub fn sits_down(&self, login: &str) {
        let mut state = self.inner.state();
        let account = state.account(login, Kind::User);
        state.app.browser = Some(account);
    }
}

fn seen(check: &Check) -> CheckRun {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let conclusion = check.said["conclusion"].as_str().map(str::to_owned);
    let actions = check.said["actions"].as_array().into_iter().flatten();
    CheckRun {
        id: check.id,
        name: text(&check.said["name"]),
        head: check.head.clone(),
        status: if check.ended.is_some() { "completed".into() } else { text(&check.said["status"]) },
        conclusion,
        title: text(&check.said["output"]["title"]),
        summary: text(&check.said["output"]["summary"]),
        actions: actions.map(|action| text(&action["identifier"])).collect(),
    }
}
