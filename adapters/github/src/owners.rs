//! Who the owners are that a CODEOWNERS file names, by number: people who may write, and members of teams that may.
//!
//! Whoever cannot be found, may not write, or is named by an e-mail address counts for nobody, as on GitHub. Members of
//! the teams within a team count as its own. What GitHub said counts for a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use folkops_model::{Account, ComponentName};
use serde::Deserialize;

use crate::codeowners::{CodeOwners, Owner};
use crate::exchange::Wrong;
use crate::github::{GitHub, PermissionAnswer, UserAnswer};
use crate::settings::{RepositoryName, TeamName, surface};

/// How long what GitHub said of somebody counts.
const FRESH: Duration = Duration::from_secs(60);

/// The accounts that owners stand for, each until when that counts.
pub(crate) type Known = BTreeMap<(RepositoryName, Owner), (BTreeSet<u64>, Duration)>;

#[derive(Deserialize)]
struct TeamAnswer {
    #[serde(default)]
    permissions: BTreeMap<String, bool>,
}

impl GitHub {
    /// For each of these paths that somebody owns, the accounts that do; equal sets once.
    ///
    /// # Errors
    /// [`Wrong`], where GitHub does not answer; never a part.
    pub async fn owners(
        &self,
        component: &ComponentName,
        file: &CodeOwners,
        paths: &BTreeSet<String>,
    ) -> Result<BTreeSet<BTreeSet<Account>>, Wrong> {
        let repository = self.repository(component)?;
        let named: BTreeSet<&[Owner]> =
            paths.iter().map(|path| file.of(path)).filter(|owners| !owners.is_empty()).collect();
        let mut sets = BTreeSet::new();
        for owners in named {
            let mut accounts = BTreeSet::new();
            for owner in owners {
                accounts.extend(self.behind(repository, owner).await?);
            }
            sets.insert(accounts.into_iter().map(account).collect());
        }
        Ok(sets)
    }

    /// The accounts that are in a team, or in one within it.
    ///
    /// # Errors
    /// [`Wrong`]; a team that is not there, or that the App may not see, has nobody in it.
    pub(crate) async fn members(
        &self,
        repository: &RepositoryName,
        team: &TeamName,
    ) -> Result<BTreeSet<u64>, Wrong> {
        if !team.organisation.eq_ignore_ascii_case(repository.owner()) {
            return Ok(BTreeSet::new());
        }
        let path = format!("/orgs/{}/teams/{}/members?per_page=100", team.organisation, team.slug);
        let found: Vec<UserAnswer> =
            unless_closed(self.client().list(repository, &path).await)?.unwrap_or_default();
        Ok(found.into_iter().map(|user| user.id).collect())
    }

    /// The accounts that an owner stands for in a repository.
    async fn behind(&self, repository: &RepositoryName, owner: &Owner) -> Result<BTreeSet<u64>, Wrong> {
        let key = (repository.clone(), owner.clone());
        if let Some(known) = self.lately(&key) {
            return Ok(known);
        }
        let accounts = match owner {
            Owner::User(login) => self.writer(repository, login).await?,
            Owner::Team(team) if self.team_writes(repository, team).await? => {
                self.members(repository, team).await?
            }
            Owner::Team(_) | Owner::Unproven => BTreeSet::new(),
        };
        self.remember(key, accounts.clone());
        Ok(accounts)
    }

    /// The account that goes by a name now, if it may write. Name and right come in one answer.
    async fn writer(&self, repository: &RepositoryName, login: &str) -> Result<BTreeSet<u64>, Wrong> {
        let path = format!("/repos/{repository}/collaborators/{login}/permission");
        let found: Option<PermissionAnswer> = unless_closed(self.client().get(repository, &path).await)?;
        let writes = found.filter(PermissionAnswer::may_write).and_then(|found| found.user);
        Ok(writes.into_iter().map(|user| user.id).collect())
    }

    /// Whether a team, itself or by one that it is within, may write: others own nothing, whatever their members may.
    async fn team_writes(&self, repository: &RepositoryName, team: &TeamName) -> Result<bool, Wrong> {
        let path = format!("/orgs/{}/teams/{}/repos/{repository}", team.organisation, team.slug);
        let found: Option<TeamAnswer> = unless_closed(self.client().get(repository, &path).await)?;
        let may = |found: TeamAnswer| {
            ["push", "maintain", "admin"].iter().any(|may| found.permissions.get(*may) == Some(&true))
        };
        Ok(found.is_some_and(may))
    }

    fn lately(&self, key: &(RepositoryName, Owner)) -> Option<BTreeSet<u64>> {
        let now = self.clock.monotonic();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(_, until)| now < *until).map(|(accounts, _)| accounts.clone())
    }

    fn remember(&self, key: (RepositoryName, Owner), accounts: BTreeSet<u64>) {
        let now = self.clock.monotonic();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, until)| now < *until);
        known.insert(key, (accounts, now + FRESH));
    }
}

fn account(number: u64) -> Account {
    Account { surface: surface(), id: number.to_string() }
}

/// What is not there, or what the App was not given a right to see, is nothing. Silence is an error.
fn unless_closed<T>(answer: Result<T, Wrong>) -> Result<Option<T>, Wrong> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Wrong::Missing(_)) => Ok(None),
        Err(Wrong::Refused { status, said }) => {
            tracing::warn!(
                status,
                said,
                "GitHub does not say who an owner is; owners so named count for nobody"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
