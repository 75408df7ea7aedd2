//! What the App may do where it is installed, and which right each operation wants.
//!
//! The table is GitHub's: docs.github.com, "Permissions required for GitHub Apps". Several rights in a row are one choice:
//! one of them is enough. It must name every operation that an installation can ask for; one that it does not know is
//! refused.

use std::collections::BTreeMap;

use super::api::{self, Call, Outcome, Refusal};
use super::state::State;
use super::token::{Who, is_of_the_app};

/// How much of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// To look.
    Read,
    /// To change, and to look.
    Write,
}

use Level::{Read, Write};

/// Rights by the names that a manifest gives them.
pub(super) type Grants = BTreeMap<String, Level>;

type Wants = &'static [(&'static str, Level)];

/// Comments on a pull request are comments on an issue, too.
const HEARS: Wants = &[("issues", Read), ("pull_requests", Read)];
const SAYS: Wants = &[("issues", Write), ("pull_requests", Write)];
const METADATA: Wants = &[("metadata", Read)];
const MEMBERS: Wants = &[("members", Read)];
const ADMINISTRATION: Wants = &[("administration", Read)];
const CONTENTS: Wants = &[("contents", Read)];
const CHANGES_CONTENTS: Wants = &[("contents", Write)];
const PULLS: Wants = &[("pull_requests", Read)];
const CHANGES_PULLS: Wants = &[("pull_requests", Write)];
const CHECKS: Wants = &[("checks", Read)];
const DEPLOYMENTS: Wants = &[("deployments", Read)];
const DEPLOYS: Wants = &[("deployments", Write)];

const TABLE: &[(&str, &[Wants])] = &[
    ("apps/list-repos-accessible-to-installation", &[METADATA]),
    ("checks/create", &[&[("checks", Write)]]),
    ("checks/get", &[CHECKS]),
    ("checks/list-for-ref", &[CHECKS]),
    ("checks/update", &[&[("checks", Write)]]),
    ("git/create-ref", &[CHANGES_CONTENTS]),
    ("git/delete-ref", &[CHANGES_CONTENTS]),
    ("git/get-ref", &[CONTENTS]),
    ("issues/create-comment", &[SAYS]),
    ("issues/delete-comment", &[SAYS]),
    ("issues/get-comment", &[HEARS]),
    ("issues/list-comments", &[HEARS]),
    ("issues/list-comments-for-repo", &[HEARS]),
    ("issues/update-comment", &[SAYS]),
    ("orgs/check-membership-for-user", &[MEMBERS]),
    ("pulls/create", &[CHANGES_PULLS]),
    ("pulls/create-reply-for-review-comment", &[CHANGES_PULLS]),
    ("pulls/get", &[PULLS]),
    ("pulls/get-review-comment", &[PULLS]),
    ("pulls/list", &[PULLS]),
    ("pulls/list-files", &[PULLS]),
    ("pulls/list-review-comments", &[PULLS]),
    ("pulls/list-review-comments-for-repo", &[PULLS]),
    ("pulls/list-reviews", &[PULLS]),
    ("pulls/merge", &[CHANGES_CONTENTS]),
    ("pulls/update", &[CHANGES_PULLS]),
    ("reactions/create-for-issue-comment", &[SAYS]),
    ("reactions/create-for-pull-request-review-comment", &[CHANGES_PULLS]),
    ("reactions/delete-for-issue-comment", &[SAYS]),
    ("reactions/delete-for-pull-request-comment", &[CHANGES_PULLS]),
    ("reactions/list-for-issue-comment", &[HEARS]),
    ("reactions/list-for-pull-request-review-comment", &[PULLS]),
    ("repos/compare-commits-with-basehead", &[CONTENTS]),
    ("repos/create-commit-status", &[&[("statuses", Write)]]),
    ("repos/create-deployment", &[DEPLOYS]),
    ("repos/create-deployment-status", &[DEPLOYS]),
    ("repos/delete-deployment", &[DEPLOYS]),
    ("repos/get", &[METADATA]),
    ("repos/get-branch", &[CONTENTS]),
    ("repos/get-branch-protection", &[ADMINISTRATION]),
    ("repos/get-branch-rules", &[METADATA]),
    ("repos/get-collaborator-permission-level", &[METADATA]),
    ("repos/get-combined-status-for-ref", &[&[("statuses", Read)]]),
    ("repos/get-commit", &[CONTENTS]),
    ("repos/get-content", &[CONTENTS]),
    ("repos/get-deployment", &[DEPLOYMENTS]),
    ("repos/get-pull-request-review-protection", &[ADMINISTRATION]),
    ("repos/get-status-checks-protection", &[ADMINISTRATION]),
    ("repos/list-deployment-statuses", &[DEPLOYMENTS]),
    ("repos/list-deployments", &[DEPLOYMENTS]),
    ("repos/list-teams", &[ADMINISTRATION]),
    ("teams/check-permissions-for-repo-in-org", &[MEMBERS, METADATA]),
    ("teams/get-by-name", &[MEMBERS]),
    ("teams/get-membership-for-user-in-org", &[MEMBERS]),
    ("teams/list", &[MEMBERS]),
    ("teams/list-members-in-org", &[MEMBERS]),
    // Everybody may look at a public account.
    ("users/get-by-id", &[]),
    ("users/get-by-username", &[]),
    // Only a person has an account of their own; what is said to an App stands with the operation.
    ("users/get-authenticated", &[]),
];

/// What git's two programs want over HTTP.
pub(super) const FETCH: &str = "git/fetch";
pub(super) const PUSH: &str = "git/push";
const GIT: &[(&str, &[Wants])] = &[(FETCH, &[CONTENTS]), (PUSH, &[CHANGES_CONTENTS])];

/// The rights that our manifest asks for.
pub(super) fn ours() -> Grants {
    folkops_github::PERMISSIONS.iter().map(|(name, level, _)| ((*name).to_owned(), level_of(level))).collect()
}

/// A level by its word.
pub(super) fn level_of(word: &str) -> Level {
    if word == "write" { Write } else { Read }
}

/// Operations that an installation may ask for and that the table does not name.
pub(super) fn unknown() -> Vec<&'static str> {
    let named = |operation: &&str| TABLE.iter().any(|(known, _)| known == operation);
    api::names().filter(|operation| !named(operation) && !is_of_the_app(operation)).collect()
}

impl State {
    /// Refuses an installation what its App was not given, as GitHub does. That is against what our manifest promises,
    /// so it is held against the program as well.
    pub fn granted(&mut self, operation: &str, call: &Call) -> Outcome<()> {
        if !matches!(call.who, Who::Installation) {
            return Ok(());
        }
        self.may(operation).map_err(|lacking| {
            self.violations.push(lacking);
            Refusal(403, "Resource not accessible by integration".into())
        })
    }

    /// Whether the App may; else what it lacks.
    pub fn may(&self, operation: &str) -> Result<(), String> {
        let known = TABLE.iter().chain(GIT).find(|(known, _)| *known == operation);
        let Some((_, wants)) = known else { return Err(format!("no right is known for `{operation}`")) };
        let held =
            |(name, level): &(&str, Level)| self.app.grants.get(*name).is_some_and(|held| held >= level);
        match wants.iter().find(|one_of| !one_of.iter().any(held)) {
            Some(one_of) => {
                Err(format!("`{operation}` wants one of {one_of:?}, which the App does not have"))
            }
            None => Ok(()),
        }
    }
}
