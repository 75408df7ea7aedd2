//! GitHub as the rest of the adapter and the composition root see it: changes, merges, rights, marks on comments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use folkops_engine::{Rights, RightsSource, Unavailable, Unposted};
use folkops_model::ports::Clock;
use folkops_model::{Account, ComponentName, Group, MessageId};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::branch::Names;
use crate::client::Client;
use crate::exchange::Wrong;
use crate::marks::Mark;
use crate::owners::Known;
use crate::settings::{RepositoryName, Settings, surface};

/// GitHub.
pub struct GitHub {
    settings: Settings,
    client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    /// What default branches are called.
    pub(crate) names: Mutex<Names>,
    /// Who owners and members of teams are.
    pub(crate) known: Mutex<Known>,
    /// The mark that stands on a comment, and its number.
    pub(crate) marks: Mutex<BTreeMap<MessageId, (Mark, u64)>>,
}

#[derive(Deserialize)]
pub(crate) struct UserAnswer {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) r#type: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PermissionAnswer {
    permission: String,
    pub(crate) user: Option<UserAnswer>,
}

impl PermissionAnswer {
    pub(crate) fn may_write(&self) -> bool {
        matches!(self.permission.as_str(), "admin" | "write")
    }
}

impl GitHub {
    /// With these settings.
    ///
    /// # Errors
    /// A sentence for the operator, where the key or the address cannot be used.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let client = Client::new(&settings, clock.clone())?;
        let (names, known, marks) = Default::default();
        Ok(Self { settings, client, clock, names, known, marks })
    }

    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The way to GitHub.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The repository of a component.
    ///
    /// # Errors
    /// [`Wrong::Missing`] for a component whose changes come from elsewhere.
    pub fn repository(&self, component: &ComponentName) -> Result<&RepositoryName, Wrong> {
        self.settings.repositories.get(component).ok_or_else(|| Wrong::Missing(component.to_string()))
    }

    /// Where git finds a component's repository.
    ///
    /// # Errors
    /// [`Wrong::Missing`] for a component whose changes come from elsewhere.
    pub fn address(&self, component: &ComponentName) -> Result<String, Wrong> {
        Ok(format!("{}/{}.git", self.settings.web, self.repository(component)?))
    }

    /// The token with which git may fetch and push there.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn token(&self, component: &ComponentName) -> Result<SecretString, Wrong> {
        self.client.token(self.repository(component)?).await
    }

    /// What an account may do in a component's repository, as groups: whoever may write there is a maintainer of it, and
    /// teams may stand for groups. The account is known by its number; under which name it goes is asked anew each time.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn rights_in(&self, component: &ComponentName, account: u64) -> Result<BTreeSet<Group>, Wrong> {
        let repository = self.repository(component)?;
        let user: UserAnswer = match self.client.get(repository, &format!("/user/{account}")).await {
            Err(Wrong::Missing(_)) => return Ok(BTreeSet::new()),
            other => other?,
        };
        let login = user.login;
        if !login.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            return Ok(BTreeSet::new());
        }
        let path = format!("/repos/{repository}/collaborators/{login}/permission");
        let found: PermissionAnswer = match self.client.get(repository, &path).await {
            Err(Wrong::Missing(_)) => return Ok(BTreeSet::new()),
            other => other?,
        };
        // Between the two questions the name may have gone to somebody else.
        let same = found.user.as_ref().is_some_and(|user| user.id == account);
        let mut groups = BTreeSet::from_iter((same && found.may_write()).then_some(Group::Maintainer));
        for (team, group) in &self.settings.teams {
            if self.members(repository, team).await?.contains(&account) {
                groups.insert(*group);
            }
        }
        Ok(groups)
    }

    /// Whether an account is a person's who may not write in a component's repository.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn is_newcomer(&self, component: &ComponentName, account: u64) -> Result<bool, Wrong> {
        let repository = self.repository(component)?;
        let user: UserAnswer = match self.client.get(repository, &format!("/user/{account}")).await {
            Err(Wrong::Missing(_)) => return Ok(false),
            other => other?,
        };
        let person = user.r#type.as_deref() == Some("User");
        Ok(person && self.rights_in(component, account).await?.is_empty())
    }

    /// The value of git's `Authorization` header for a token.
    pub fn authorization(token: &SecretString) -> String {
        use base64::Engine as _;
        let pair = format!("x-access-token:{}", token.expose_secret());
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }
}

impl RightsSource for GitHub {
    fn rights<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Rights, Unavailable>> {
        async move {
            let number = account.id.parse().ok().filter(|_| account.surface == surface());
            let mut rights = Rights::new();
            for component in self.settings.repositories.keys() {
                let groups = match number {
                    Some(number) => self.rights_in(component, number).await?,
                    None => BTreeSet::new(),
                };
                rights.insert(component.clone(), groups);
            }
            Ok(rights)
        }
        .boxed()
    }
}

impl From<Wrong> for Unposted {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Missing(_) => Self::Refused(wrong.to_string()),
            // GitHub's own sentence may name people, and what was recorded stays.
            Wrong::Refused { status: status @ (403 | 404 | 410 | 422), .. } => {
                Self::Refused(format!("GitHub refuses it ({status}): it may be locked, or be gone"))
            }
            later => Self::Later(later.into()),
        }
    }
}

impl From<Wrong> for Unavailable {
    fn from(wrong: Wrong) -> Self {
        Self(wrong.to_string())
    }
}
