//! The configuration: one TOML file, read once, in which an unknown key is an error that suggests the right one.
//!
//! Secrets are not in it; the program makes its own and keeps them in files of its state folder. The sample file in
//! `deploy/` is read by a test, so it cannot rot.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use folkops_model::{ComponentName, Group, RoomName, ServiceId};
use folkops_rollouts::{Template, Templates};
use schemars::JsonSchema;
use serde::Deserialize;

mod approval;
mod component;
mod github;
mod rollout;

pub use approval::{Approval, CarryOver, Point};
pub use component::{Component, Deploy, State};
pub use github::{Bare, Github, Merging, Reverts};
pub use rollout::Rollout;

/// Everything that an operator sets.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The service's name in records, URLs and policies: lower-case letters, digits and `-`.
    #[schemars(with = "String")]
    pub service: ServiceId,
    /// The service's name for people.
    pub title: String,
    /// Where everything is kept. Relative paths start at the configuration file's folder.
    pub state: PathBuf,
    /// The page and the web room.
    pub site: Site,
    /// The edge in front of the service.
    pub router: Router,
    /// How much people may have at a time, and for how long.
    #[serde(default)]
    pub limits: Limits,
    /// How a release comes to everybody.
    #[serde(default)]
    pub rollout: Rollout,
    /// More policies beside the shipped ones.
    #[serde(default)]
    pub policies: Option<PathBuf>,
    /// What is done about allowances.
    #[serde(default)]
    pub approval: Approval,
    /// What maintainers answer for before a change goes to everybody.
    #[serde(default)]
    pub checklist: Vec<Point>,
    /// The GitHub App, where pull requests are a surface.
    #[serde(default)]
    pub github: Option<Github>,
    /// The wall around strangers' code.
    #[serde(default)]
    pub wall: Wall,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// Folders of tools that builds and components see beside `/usr`, read-only.
    #[serde(default, rename = "toolchain")]
    pub toolchains: Vec<Toolchain>,
    /// The parts of the service.
    #[serde(rename = "component")]
    pub components: Vec<Component>,
}

/// The page and the web room.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How people reach it, such as `https://ops.example.org`.
    pub url: String,
    /// The rooms, the first of which is where the program itself speaks.
    #[schemars(with = "Vec<String>")]
    pub rooms: Vec<RoomName>,
    /// The groups of somebody who signs in for the first time.
    #[serde(default = "newcomers")]
    #[schemars(with = "Vec<String>")]
    pub newcomers: BTreeSet<Group>,
}

fn newcomers() -> BTreeSet<Group> {
    BTreeSet::from([Group::User])
}

/// The edge in front of the service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How people reach it: `http`, or `https` where something in front of it ends TLS.
    #[serde(default)]
    pub scheme: Scheme,
    /// The service's hosts; `*.example.org` stands for one more label.
    pub hosts: Vec<String>,
    /// The host and, where it is not the scheme's own, the port by which people reach the service.
    pub public: String,
    /// Whether each person has a host of their own below `public`, named by their account in the service.
    #[serde(default)]
    pub owner_hosts: bool,
    /// The host (and port) below which previews stand.
    pub previews: String,
    /// The component that visitors reach.
    #[schemars(with = "String")]
    pub entrance: ComponentName,
    /// Proxies that may name the person in a header.
    #[serde(default)]
    pub trusted: Option<Trusted>,
    /// Threads that serve visitors.
    #[serde(default = "one")]
    pub workers: std::num::NonZeroUsize,
}

/// A scheme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it stands in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Proxies that may name the person in a header.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Their addresses.
    pub addresses: Vec<IpAddr>,
    /// The header.
    pub header: String,
}

/// How much people may have at a time, and for how long.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Previews that one person may have at a time.
    pub previews_a_person: usize,
    /// Previews and mixes that there may be at a time.
    pub places: usize,
    /// Minutes that a preview lasts, unless it is kept.
    pub preview_minutes: u64,
    /// Minutes that a preview or a mix may last from any moment on.
    pub longest_minutes: u64,
}

impl Default for Limits {
    /// What a machine of two cores bears.
    fn default() -> Self {
        Self { previews_a_person: 3, places: 8, preview_minutes: 120, longest_minutes: 24 * 60 }
    }
}

/// The wall around strangers' code.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wall {
    /// Where bubblewrap is; without it, it is looked for on `PATH`.
    pub bwrap: Option<PathBuf>,
}

/// Logs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `human` or `json`.
    pub format: LogFormat,
    /// Which lines, in `tracing`'s filter language; `info` without it.
    pub filter: Option<String>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For reading.
    #[default]
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// A folder of tools.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// Its name; `{name}` stands for it in argument lists.
    #[schemars(with = "String")]
    pub name: ComponentName,
    /// The folder; its `bin` is put on `PATH`.
    pub folder: PathBuf,
}

fn one() -> std::num::NonZeroUsize {
    std::num::NonZeroUsize::MIN
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("`{path}` cannot be read: {error}; name the configuration file with `--config`")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what it should be.
    #[error("`{path}` cannot be used: {said}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What is wrong, where, and what would be right.
        said: String,
    },
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let wrong = |said| ConfigError::Wrong { path: path.to_owned(), said };
        let mut config = Self::parse(&text).map_err(wrong)?;
        config.resolve(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    /// Reads text; relative paths stay as they are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| explain(&error))?;
        config.check().map(|()| config)
    }

    fn resolve(&mut self, base: &Path) {
        let absolute = |path: &mut PathBuf| *path = base.join(&*path);
        absolute(&mut self.state);
        self.policies.iter_mut().for_each(absolute);
        self.github.iter_mut().flat_map(Github::paths).for_each(absolute);
        self.toolchains.iter_mut().for_each(|tool| absolute(&mut tool.folder));
        for component in &mut self.components {
            component.repository.iter_mut().for_each(absolute);
            component.seed.iter_mut().for_each(absolute);
        }
    }

    /// How releases come to everybody: of the service, and of each component.
    pub fn templates(&self) -> Templates {
        let service = self.rollout.over(&Template::ordinary());
        let own = |component: &Component| (component.name.clone(), component.rollout.over(&service));
        Templates { components: self.components.iter().map(own).collect(), service }
    }

    /// Where people find the repositories that are on GitHub.
    pub fn repositories(&self) -> BTreeMap<ComponentName, String> {
        let web = self.github.as_ref().map_or("", |github| github.web.trim_end_matches('/'));
        let hosted = self.components.iter().filter_map(|component| {
            Some((component.name.clone(), format!("{web}/{}", component.github.as_ref()?)))
        });
        hosted.collect()
    }

    fn check_templates(&self) -> Result<(), String> {
        let Templates { service, components } = self.templates();
        service.check().map_err(|wrong| format!("in `[rollout]`, {wrong}"))?;
        let mut components = components.iter();
        components.try_for_each(|(name, template)| {
            template.check().map_err(|wrong| format!("in `[component.rollout]` of `{name}`, {wrong}"))
        })
    }

    /// What types alone cannot say.
    fn check(&self) -> Result<(), String> {
        self.check_templates()?;
        let known = |name: &ComponentName| self.components.iter().any(|component| component.name == *name);
        if !known(&self.router.entrance) {
            return Err(format!(
                "`router.entrance` is `{}`, which is no component; name one of them",
                self.router.entrance
            ));
        }
        approval::check(&self.checklist, known)?;
        if self.site.rooms.is_empty() {
            return Err("`site.rooms` is empty; name at least one room".into());
        }
        self.github.as_ref().map_or(Ok(()), github::check_client)?;
        for component in &self.components {
            github::check(component, self.github.as_ref())?;
            if let Some(peer) = component.peers.iter().find(|peer| !known(peer)) {
                return Err(format!(
                    "`{}` calls `{peer}`, which is no component; name it, or take it out of `peers`",
                    component.name
                ));
            }
            if component.state == State::Seed && component.seed.is_none() {
                return Err(format!(
                    "`{}` has the state `seed` but no `seed` folder; name one",
                    component.name
                ));
            }
            if component.build.is_empty() || component.run.is_empty() {
                return Err(format!(
                    "`{}` needs both `build` and `run`, each a program and its arguments",
                    component.name
                ));
            }
        }
        Ok(())
    }
}

/// The error of the TOML reader, with the nearest known key where one is unknown.
fn explain(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let words: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let unknown = error.message().starts_with("unknown field");
    let Some((given, known)) = words.split_first().filter(|_| unknown) else { return text };
    let nearest = known.iter().min_by_key(|key| strsim::osa_distance(key, given));
    match nearest.filter(|key| strsim::osa_distance(key, given) <= 3) {
        Some(key) => format!("{text}did you mean `{key}`?"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../deploy/folkops.toml");

    #[test]
    fn the_sample_file_is_a_configuration() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!(config.service.as_str(), "potluck");
        assert_eq!(config.components.len(), 2);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        let said =
            Config::parse(&SAMPLE.replace("listen = \"127.0.0.1:7070\"", "listn = \"127.0.0.1:7070\""))
                .unwrap_err();
        assert!(said.contains("unknown field `listn`") && said.ends_with("did you mean `listen`?"), "{said}");
    }

    #[test]
    fn a_component_that_calls_nobody_known_is_refused_with_the_way_out() {
        let said =
            Config::parse(&SAMPLE.replace("peers = [\"recipes-api\"]", "peers = [\"recipes\"]")).unwrap_err();
        assert_eq!(said, "`web` calls `recipes`, which is no component; name it, or take it out of `peers`");
    }

    #[test]
    fn a_component_may_be_rolled_out_in_its_own_way_and_a_wrong_key_says_where_it_stands() {
        let own = |line: &str| {
            SAMPLE.replace("name = \"web\"\n", &format!("name = \"web\"\nrollout = {{ {line} }}\n"))
        };
        let templates = Config::parse(&own("margin = 0.02")).unwrap().templates();
        let web = ComponentName::parse("web").unwrap();
        let api = ComponentName::parse("recipes-api").unwrap();
        assert_eq!(templates.of([&api]), templates.service);
        assert_eq!(templates.of([&api, &web]), Template { margin: 0.02, ..templates.service.clone() });
        let said = Config::parse(&own("margin = 2.0")).unwrap_err();
        assert_eq!(
            said,
            "in `[component.rollout]` of `web`, `margin` is 2; give a share between 0 and 1, such as 0.01"
        );
    }

    #[test]
    fn the_entrance_must_be_a_component() {
        let said = Config::parse(&SAMPLE.replace("entrance = \"web\"", "entrance = \"www\"")).unwrap_err();
        assert!(said.starts_with("`router.entrance` is `www`"), "{said}");
    }
}
