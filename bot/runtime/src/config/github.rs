//! `[github]`: the App by which pull requests are a surface and GitHub is the forge.
//!
//! Keys and secrets stand in files of their own, readable by the program alone; the configuration names them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use folkops_model::Group;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Component, Deploy};

/// The GitHub App.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// Where the API is: for GitHub Enterprise Server `https://HOST/api/v3`.
    #[serde(default = "api")]
    pub api: String,
    /// Where people and git find GitHub.
    #[serde(default = "web")]
    pub web: String,
    /// The App's number.
    pub app: u64,
    /// The file with its private key.
    pub key: PathBuf,
    /// Files with the secrets of the webhook, the newest first: two while one is being exchanged.
    pub secrets: Vec<PathBuf>,
    /// The App's client id, with which people sign in; nobody signs in with GitHub without it.
    #[serde(default)]
    pub client: Option<String>,
    /// The file with the client's secret.
    #[serde(default)]
    pub client_secret: Option<PathBuf>,
    /// The word of the qualified form: `/folkops promote`. A second bot beside this one takes another.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// Whether commands count without that word: `alone` (until another bot is seen that answers the same words),
    /// `always` or `never`.
    #[serde(default)]
    pub bare: Bare,
    /// How changes are merged.
    #[serde(default)]
    pub merge: Merging,
    /// Whether the pull request that takes a change back after a rollback is opened by itself, or only `offered`. Merging
    /// it is for people either way.
    #[serde(default)]
    pub reverts: Reverts,
    /// In which group the members of a team stand, in the repositories of its organisation; those of teams within it too.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub teams: BTreeMap<String, Group>,
}

/// Who opens the pull request that takes a change back after a rollback.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reverts {
    /// FolkOps, by itself.
    #[default]
    Opened,
    /// A person, who is offered to.
    Offered,
}

/// Whether commands count without the word before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bare {
    /// Until another bot is seen that answers the same words.
    #[default]
    Alone,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How changes are merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Merging {
    /// With a merge commit.
    #[default]
    Merge,
    /// As one commit.
    Squash,
    /// Commit by commit, on top.
    Rebase,
}

fn api() -> String {
    "https://api.github.com".into()
}

fn web() -> String {
    "https://github.com".into()
}

fn prefix() -> String {
    "folkops".into()
}

impl Github {
    /// The files that it names.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        std::iter::once(&mut self.key).chain(&mut self.secrets).chain(&mut self.client_secret)
    }
}

/// What types alone cannot say of how people sign in.
pub(super) fn check_client(github: &Github) -> Result<(), String> {
    match (&github.client, &github.client_secret) {
        (Some(_), None) => Err("`github.client` needs `github.client_secret`, the file of its secret".into()),
        (None, Some(_)) => Err("`github.client_secret` needs `github.client`, the App's client id".into()),
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

/// What types alone cannot say of where a component's changes come from.
pub(super) fn check(component: &Component, github: Option<&Github>) -> Result<(), String> {
    let name = &component.name;
    if component.release_branch.is_some() && component.github.is_none() {
        return Err(format!(
            "`release_branch` of `{name}` needs `github`: a local repository has one branch only"
        ));
    }
    if component.deploy == Deploy::WhenPolicyHolds && component.release_branch.is_none() {
        return Err(format!(
            "`deploy` of `{name}` needs `release_branch`: only what goes there is deployed by itself"
        ));
    }
    match (&component.repository, &component.github, github) {
        (Some(_), Some(_), _) => {
            Err(format!("`{name}` has both `repository` and `github`; its changes come from one of them"))
        }
        (None, None, _) => {
            Err(format!("`{name}` has no repository; give `repository`, a folder, or `github`, `owner/name`"))
        }
        (None, Some(_), None) => {
            Err(format!("`{name}` is on GitHub, but there is no `[github]`; `folkops init github` makes one"))
        }
        (None, Some(_), Some(github)) if github.secrets.is_empty() => {
            Err("`github.secrets` is empty, so no delivery could ever be proven; name the file of one".into())
        }
        (Some(_), None, _) | (None, Some(_), Some(_)) => Ok(()),
    }
}
