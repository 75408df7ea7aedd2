//! `[[component]]`: a part of the service, how it is built and run, and what of its data others may see.

use std::collections::BTreeMap;
use std::path::PathBuf;

use folkops_model::ComponentName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Rollout;

/// When a pull request against the release branch is promoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deploy {
    /// When somebody merges it, or says `/promote` of it.
    #[default]
    Asked,
    /// As soon as policy permits that FolkOps does, by itself.
    WhenPolicyHolds,
}

/// A part of the service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name.
    #[schemars(with = "String")]
    pub name: ComponentName,
    /// Its name for people.
    #[serde(default)]
    pub title: Option<String>,
    /// Its bare git repository on this machine.
    #[serde(default)]
    pub repository: Option<PathBuf>,
    /// Its repository on GitHub instead, `owner/name`.
    #[serde(default)]
    pub github: Option<String>,
    /// The branch there that production follows, where that is not the default one: what is merged into it is deployed.
    #[serde(default)]
    pub release_branch: Option<String>,
    /// Whether a pull request against the release branch is promoted when somebody merges it or says so (`asked`), or by
    /// itself as well once policy permits it (`when-policy-holds`).
    #[serde(default)]
    pub deploy: Deploy,
    /// How it is built: a program and its arguments, without a shell. `{src}` and `{out}` stand for folders.
    pub build: Vec<String>,
    /// What the build leaves, relative to `{out}`.
    pub output: PathBuf,
    /// How it is run: a program and its arguments.
    pub run: Vec<String>,
    /// The path that answers 200 when it works.
    pub health: String,
    /// Components that it calls, each found at `<NAME>_URL`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub peers: Vec<ComponentName>,
    /// What a preview and a mix get of its data.
    pub state: State,
    /// For `seed`: the folder that is copied.
    #[serde(default)]
    pub seed: Option<PathBuf>,
    /// Environment; `{release}` stands for what runs in plain words, `{change}` for the page about changing it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How its releases come to everybody, where that differs from the service's.
    #[serde(default)]
    pub rollout: Rollout,
}

/// What a preview and a mix get of a component's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing: it starts empty.
    Empty,
    /// A copy of a declared folder.
    Seed,
    /// A mix gets its owner's part of production's data, and only that; a preview starts empty.
    SharedWithOwnerScope,
}
