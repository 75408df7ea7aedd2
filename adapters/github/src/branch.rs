//! The branches of a repository that count: the default one, and the one that production follows where that is another.
//!
//! INVARIANT: a pull request against any other branch is none of ours; it is neither shown nor merged.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use folkops_model::{ComponentName, Sha, Target};
use serde::Deserialize;

use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::pull::HeadAnswer;
use crate::settings::BranchName;

/// How long the name of a default branch is believed.
const BRANCH_FOR: Duration = Duration::from_secs(3_600);

/// How default branches are called, and until when that is believed.
pub(crate) type Names = BTreeMap<ComponentName, (BranchName, Duration)>;

/// The branches of a component that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branches {
    /// The default one.
    pub default: BranchName,
    /// The one that production follows, where that is another.
    pub release: Option<BranchName>,
}

impl Branches {
    /// The one that production follows.
    pub fn followed(&self) -> &BranchName {
        self.release.as_ref().unwrap_or(&self.default)
    }

    /// What a pull request against a branch of this name leads to; nothing where it does not count.
    pub fn target(&self, base: &str) -> Option<Target> {
        let is_default = base == self.default.as_str();
        match &self.release {
            None => is_default.then_some(Target::Production),
            Some(release) if base == release.as_str() => Some(Target::Release),
            Some(_) => is_default.then_some(Target::Development),
        }
    }
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    default_branch: String,
}

#[derive(Deserialize)]
struct RefAnswer {
    object: HeadAnswer,
}

impl GitHub {
    /// The branches of a component that count.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn branches(&self, component: &ComponentName) -> Result<Branches, Wrong> {
        let default = self.default_branch(component).await?;
        let release = self.settings().release_branches.get(component);
        Ok(Branches { release: release.filter(|release| **release != default).cloned(), default })
    }

    /// Where a branch of a component stands at this moment.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn tip(&self, component: &ComponentName, branch: &BranchName) -> Result<Sha, Wrong> {
        let repository = self.repository(component)?;
        let path = format!("/repos/{repository}/git/ref/heads/{branch}");
        let found: RefAnswer = self.client().get(repository, &path).await?;
        Ok(found.object.sha)
    }

    async fn default_branch(&self, component: &ComponentName) -> Result<BranchName, Wrong> {
        let now = self.clock.monotonic();
        let known = self.names().get(component).filter(|(_, until)| now < *until).cloned();
        if let Some((branch, _)) = known {
            return Ok(branch);
        }
        let repository = self.repository(component)?;
        let found: RepositoryAnswer = self.client().get(repository, &format!("/repos/{repository}")).await?;
        let branch: BranchName = found
            .default_branch
            .parse()
            .map_err(|_| Wrong::Unknown("the default branch has a name that cannot be used here".into()))?;
        self.names().insert(component.clone(), (branch.clone(), now + BRANCH_FOR));
        Ok(branch)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_request_counts_by_the_branch_that_it_is_against_and_against_any_other_it_does_not() {
        let name = |text: &str| text.parse::<BranchName>().unwrap();
        let plain = Branches { default: name("main"), release: None };
        let two = Branches { default: name("main"), release: Some(name("production")) };
        assert_eq!((plain.target("main"), plain.target("production")), (Some(Target::Production), None));
        assert_eq!(
            (two.target("main"), two.target("production")),
            (Some(Target::Development), Some(Target::Release))
        );
        assert_eq!((plain.target("feature"), two.target("feature"), two.target("")), (None, None, None));
        assert_eq!((plain.followed().as_str(), two.followed().as_str()), ("main", "production"));
    }

    #[test]
    fn a_branch_s_name_holds_nothing_that_could_lead_elsewhere() {
        for bad in ["", "/a", "-x", ".git", "a..b", "a b", "a?b", "a%2f", "ä", "a:b"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
        assert!("release/2.1_x".parse::<BranchName>().is_ok());
    }
}
