//! What GitHub knows of a pull request at one commit beside its content: required checks, reviews, code owners.
//!
//! Every list is read to its end, or nothing is believed. What a branch requires is asked in both of GitHub's ways:
//! rules, and the older protection of a branch.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{
    Account, ChangeNumber, Check, CheckState, ComponentName, Review, ReviewState, Sha, Vetting,
};
use serde::Deserialize;

use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::settings::{BranchName, RepositoryName, surface};

/// The most check runs and statuses of one commit that are read: ten pages of each.
const PAGES: usize = 10;

/// A check that a branch requires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Required {
    context: String,
    /// The App that has to report it; any may where none is named. The older way writes -1 for any.
    #[serde(alias = "app_id")]
    integration_id: Option<i64>,
}

#[derive(Deserialize)]
struct Protection {
    #[serde(default)]
    checks: Vec<Required>,
    #[serde(default)]
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct RuleAnswer {
    r#type: String,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    required_status_checks: Vec<Required>,
}

#[derive(Deserialize)]
struct Runs {
    total_count: usize,
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    status: String,
    conclusion: Option<String>,
    app: Option<AppAnswer>,
}

#[derive(Deserialize)]
struct AppAnswer {
    id: i64,
}

#[derive(Deserialize)]
struct Statuses {
    total_count: usize,
    statuses: Vec<StatusAnswer>,
}

#[derive(Deserialize)]
struct StatusAnswer {
    context: String,
    state: String,
}

#[derive(Deserialize)]
struct ReviewAnswer {
    user: Option<Reviewer>,
    state: String,
    commit_id: Option<String>,
}

#[derive(Deserialize)]
struct Reviewer {
    id: u64,
    r#type: String,
}

/// Something that was reported of a commit.
#[derive(Debug, Clone)]
struct Reported {
    name: String,
    app: Option<i64>,
    state: CheckState,
}

impl GitHub {
    /// What is known of a pull request at a commit.
    ///
    /// # Errors
    /// [`Wrong`], also where only a part is to be had.
    pub async fn vetting(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
        head: &Sha,
    ) -> Result<Vetting, Wrong> {
        let repository = self.repository(component)?;
        // What is required is required by the branch that it goes into.
        let branch = self.pull(component, number).await?.base.r#ref.parse::<BranchName>();
        let branch =
            branch.map_err(|_| Wrong::Unknown("a branch has a name that cannot be used here".into()))?;
        let required = self.required(&branch, repository).await?;
        let reported = if required.is_empty() { Vec::new() } else { self.reported(repository, head).await? };
        let checks = required.iter().map(|check| Check {
            name: check.context.chars().filter(|c| !c.is_control()).take(100).collect(),
            state: stands(check, &reported),
        });
        let path = format!("/repos/{repository}/pulls/{number}/reviews?per_page=100");
        let reviews: Vec<ReviewAnswer> = self.client().list(repository, &path).await?;
        Ok(Vetting { checks: checks.collect(), reviews: standing(reviews), owners: BTreeSet::new() })
    }

    async fn required(
        &self,
        branch: &BranchName,
        repository: &RepositoryName,
    ) -> Result<BTreeSet<Required>, Wrong> {
        let path = format!("/repos/{repository}/rules/branches/{branch}?per_page=100");
        let rules: Vec<RuleAnswer> = self.client().list(repository, &path).await?;
        let rules = rules.into_iter().filter(|rule| rule.r#type == "required_status_checks");
        let mut all: BTreeSet<Required> =
            rules.filter_map(|rule| rule.parameters).flat_map(|of| of.required_status_checks).collect();
        let path = format!("/repos/{repository}/branches/{branch}/protection/required_status_checks");
        match self.client().get::<Protection>(repository, &path).await {
            Ok(of) => {
                let named =
                    of.contexts.into_iter().filter(|name| of.checks.iter().all(|c| c.context != *name));
                all.extend(named.map(|context| Required { context, integration_id: None }));
                all.extend(of.checks);
            }
            // A branch that is not protected in this way.
            Err(Wrong::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(all)
    }

    async fn reported(&self, repository: &RepositoryName, head: &Sha) -> Result<Vec<Reported>, Wrong> {
        let mut reported = Vec::new();
        let mut seen = 0;
        for page in 1..=PAGES {
            let path = format!("/repos/{repository}/commits/{head}/check-runs?per_page=100&page={page}");
            let runs: Runs = self.client().get(repository, &path).await?;
            seen += runs.check_runs.len();
            let is_last = seen >= runs.total_count || runs.check_runs.is_empty();
            reported.extend(runs.check_runs.into_iter().map(Reported::from));
            if is_last {
                return self.with_statuses(repository, head, reported).await;
            }
        }
        Err(Wrong::Unknown("a commit has more check runs than are read".into()))
    }

    async fn with_statuses(
        &self,
        repository: &RepositoryName,
        head: &Sha,
        mut reported: Vec<Reported>,
    ) -> Result<Vec<Reported>, Wrong> {
        let mut seen = 0;
        for page in 1..=PAGES {
            let path = format!("/repos/{repository}/commits/{head}/status?per_page=100&page={page}");
            let of: Statuses = self.client().get(repository, &path).await?;
            seen += of.statuses.len();
            let is_last = seen >= of.total_count || of.statuses.is_empty();
            reported.extend(of.statuses.into_iter().map(Reported::from));
            if is_last {
                return Ok(reported);
            }
        }
        Err(Wrong::Unknown("a commit has more statuses than are read".into()))
    }
}

impl From<Run> for Reported {
    fn from(run: Run) -> Self {
        // GitHub lets these conclusions satisfy a required check.
        let state = match (run.status.as_str(), run.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Green,
            ("completed", _) => CheckState::Red,
            _ => CheckState::Pending,
        };
        Self { name: run.name, app: run.app.map(|app| app.id), state }
    }
}

impl From<StatusAnswer> for Reported {
    fn from(status: StatusAnswer) -> Self {
        let state = match status.state.as_str() {
            "success" => CheckState::Green,
            "pending" => CheckState::Pending,
            _ => CheckState::Red,
        };
        Self { name: status.context, app: None, state }
    }
}

/// How a required check stands: as the worst of what was reported under its name, missing while nothing was.
fn stands(required: &Required, reported: &[Reported]) -> CheckState {
    let app = required.integration_id.filter(|id| *id >= 0);
    let named = reported.iter().filter(|report| report.name == required.context);
    let states: Vec<CheckState> =
        named.filter(|report| app.is_none() || report.app == app).map(|report| report.state).collect();
    let has = |state| states.contains(&state);
    match (has(CheckState::Red), has(CheckState::Pending), has(CheckState::Green)) {
        (true, ..) => CheckState::Red,
        (false, true, _) => CheckState::Pending,
        (false, false, true) => CheckState::Green,
        (false, false, false) => CheckState::Missing,
    }
}

/// The review of each person that stands now. A comment takes no earlier review away; programs' reviews are left out.
fn standing(reviews: Vec<ReviewAnswer>) -> Vec<Review> {
    let mut newest: BTreeMap<u64, Review> = BTreeMap::new();
    for review in reviews {
        let (Some(user), Some(commit)) = (review.user, review.commit_id) else { continue };
        let Ok(commit) = Sha::parse(&commit) else { continue };
        let state = match review.state.as_str() {
            "APPROVED" => ReviewState::Approved,
            "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
            "DISMISSED" => ReviewState::Dismissed,
            "COMMENTED" if !newest.contains_key(&user.id) => ReviewState::Commented,
            _ => continue,
        };
        if user.r#type == "User" {
            let account = Account { surface: surface(), id: user.id.to_string() };
            newest.insert(user.id, Review { account, state, commit });
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(name: &str, app: Option<i64>, state: CheckState) -> Reported {
        Reported { name: name.into(), app, state }
    }

    #[test]
    fn a_required_check_stands_as_the_worst_that_was_reported_by_whom_it_is_required_of() {
        use CheckState::{Green, Missing, Pending, Red};
        let all = [
            reported("test", Some(7), Green),
            reported("test", Some(8), Red),
            reported("lint", None, Green),
            reported("twice", Some(7), Green),
            reported("twice", Some(7), Pending),
        ];
        let of = |name: &str, app| stands(&Required { context: name.into(), integration_id: app }, &all);
        assert_eq!(of("test", None), Red);
        assert_eq!(of("test", Some(7)), Green);
        assert_eq!(of("test", Some(9)), Missing, "nobody else's report is taken for it");
        assert_eq!((of("lint", None), of("lint", Some(-1)), of("lint", Some(7))), (Green, Green, Missing));
        assert_eq!((of("twice", None), of("never", None)), (Pending, Missing));
    }

    #[test]
    fn a_run_is_green_only_by_a_conclusion_that_github_accepts() {
        let state = |status: &str, conclusion: Option<&str>| {
            let (status, conclusion) = (status.into(), conclusion.map(Into::into));
            Reported::from(Run { name: "test".into(), status, conclusion, app: None }).state
        };
        for green in ["success", "neutral", "skipped"] {
            assert_eq!(state("completed", Some(green)), CheckState::Green);
        }
        for red in ["failure", "cancelled", "timed_out", "action_required", "stale", "startup_failure"] {
            assert_eq!(state("completed", Some(red)), CheckState::Red);
        }
        for early in ["queued", "in_progress", "waiting", "requested", "pending"] {
            assert_eq!(state(early, None), CheckState::Pending);
        }
    }

    #[test]
    fn the_review_that_stands_is_the_last_that_says_yes_or_no() {
        let review = |id: u64, kind: &str, state: &str, commit: &str| ReviewAnswer {
            user: Some(Reviewer { id, r#type: kind.into() }),
            state: state.into(),
            commit_id: Some(commit.repeat(40)),
        };
        let all = standing(vec![
            review(1, "User", "APPROVED", "a"),
            review(1, "User", "COMMENTED", "b"),
            review(2, "User", "APPROVED", "a"),
            review(2, "User", "CHANGES_REQUESTED", "b"),
            review(3, "User", "COMMENTED", "a"),
            review(4, "Bot", "APPROVED", "a"),
            review(5, "User", "PENDING", "a"),
            review(6, "User", "DISMISSED", "a"),
        ]);
        let shown: Vec<_> =
            all.iter().map(|r| (r.account.id.as_str(), r.state, &r.commit.as_str()[..1])).collect();
        assert_eq!(
            shown,
            [
                ("1", ReviewState::Approved, "a"),
                ("2", ReviewState::ChangesRequested, "b"),
                ("3", ReviewState::Commented, "a"),
                ("6", ReviewState::Dismissed, "a"),
            ]
        );
    }
}
