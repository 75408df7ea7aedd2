//! Puts the program together from its configuration: storage, policies, adapters, pipeline.
//!
//! One small function for each room of the house; whatever is wired is wired here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use folkops_commands::Settings;
use folkops_embedded::Embedded;
use folkops_engine::{
    Addresses, Desk, Engine, EngineParts, Operations, Outbox, People, Registry, ReplySink, RightsSource,
    Rooms,
};
use folkops_github::{GitHub, Intake, Reported};
use folkops_local::{
    Builder, ComponentPlan, Health, Limits, Machine, Places, Recipe, Search, State as Keeps, Target,
    Toolchain, UnitKey, Units,
};
use folkops_model::ports::{Clock, Entropy};
use folkops_model::{StackName, SurfaceName};
use folkops_policies::Judge;
use folkops_previews::ports::{Forge, Stacks, Traffic};
use folkops_previews::{Changes, Landings, Mixes, Performer, Previews, Releases, Tidings, Usages};
use folkops_record::{Folds, Keyring, Ledger};
use folkops_rollouts::Rollouts;

use crate::config::{CarryOver, Component, Config, Point, State};
use crate::edge::Edge;
use crate::forge::Forges;
use crate::hands::{Watcher, Worker};
use crate::ports::{SystemClock, SystemEntropy};

/// What the projection's rows look like; changed whenever a fold's rows change.
const SCHEMA: &str = "23";

/// The surface that is our own web room.
pub const WEB: &str = "web";

/// The running parts that others need.
pub struct Bot {
    /// The pipeline.
    pub engine: Engine,
    /// The journal.
    pub ledger: Arc<Ledger>,
    /// The key store.
    pub keyring: Arc<dyn Keyring>,
    /// Builds and runs.
    pub target: Arc<Target>,
    /// Repositories.
    pub forge: Arc<dyn Forge>,
    /// The edge.
    pub edge: Arc<Edge>,
    /// Looks at the repositories.
    pub watcher: Arc<Watcher>,
    /// Takes what is said on pull requests, where they are a surface.
    pub intake: Option<Arc<Intake>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub entropy: Arc<dyn Entropy>,
    /// The configuration.
    pub config: Arc<Config>,
}

/// A start that failed, in a sentence with a way out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl StartError {
    /// Takes any error's sentence.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The journal and the key store of a configuration, with nothing else running.
pub struct Storage {
    /// The journal.
    pub ledger: Arc<Ledger>,
    /// The key store.
    pub keyring: Arc<dyn Keyring>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub entropy: Arc<dyn Entropy>,
}

/// Opens the journal; fails when another process has it.
pub async fn storage(config: &Config) -> Result<Storage, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let folder = config.state.join("record");
    std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(&config.state)
        .map_err(|error| {
            StartError(format!(
                "`{}` cannot be made: {error}; set `state` to a folder that may be written",
                config.state.display()
            ))
        })?;
    let opening = folkops_embedded::Config { folder, schema: SCHEMA.into(), entropy: entropy.clone() };
    let Embedded { store, keyring } = tokio::task::spawn_blocking(|| folkops_embedded::open(opening))
        .await
        .map_err(StartError::of)?
        .map_err(StartError::of)?;
    let ledger =
        Ledger::open(store, folds, clock.clone(), config.service.clone()).await.map_err(StartError::of)?;
    Ok(Storage { ledger: Arc::new(ledger), keyring, clock, entropy })
}

/// Every fold there is.
pub fn folds() -> Folds {
    Folds::new()
        .with(People::default())
        .with(Operations::default())
        .with(Outbox::default())
        .with(Rooms::default())
        .with(Changes::default())
        .with(Previews::default())
        .with(Mixes::default())
        .with(Releases::default())
        .with(Usages::default())
        .with(Tidings::default())
        .with(Landings::default())
        .with(Rollouts::default())
        .with(Reported::default())
}

/// Wires everything and starts the pipeline.
pub async fn bot(config: Arc<Config>, storage: Storage) -> Result<Bot, StartError> {
    let Storage { ledger, keyring, clock, entropy } = storage;
    let target = Arc::new(target(&config, clock.clone(), entropy.clone()).await?);
    let github = crate::github::github(&config, clock.clone())?;
    let forge = forge(&config, github.clone()).await?;
    let edge = Arc::new(edge(&config, &target, &ledger, &keyring));
    let names: Vec<_> = config.components.iter().map(|component| component.name.clone()).collect();
    let watcher = Arc::new(Watcher::new(forge.clone(), names.clone(), ledger.clone(), keyring.clone()));
    let scratch = config.state.join("scratch");
    // What a crash left half built is of no use.
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(StartError::of)?;
    }
    let performer = Performer {
        ledger: ledger.clone(),
        forge: forge.clone(),
        workshop: target.clone(),
        stacks: target.clone() as Arc<dyn Stacks>,
        traffic: edge.clone() as Arc<dyn Traffic>,
        components: names,
        scratch,
        clock: clock.clone(),
    };
    let sinks = sinks(github.clone(), &ledger, &keyring)?;
    let parts = EngineParts {
        ledger: ledger.clone(),
        desk: desk(&config, keyring.clone(), entropy.clone())?,
        hands: Arc::new(Worker { performer, watcher: watcher.clone() }),
        lookout: watcher.clone(),
        rights: rights(github.as_ref()),
        sinks,
        clock: clock.clone(),
        limits: folkops_engine::admission::Limits::default(),
    };
    let engine = Engine::start(parts);
    watcher.attach(engine.clone());
    let intake = github.map(|github| Arc::new(Intake::new(github)));
    if let Some(intake) = &intake {
        intake.attach(engine.clone(), watcher.clone());
    }
    Ok(Bot { engine, ledger, keyring, target, forge, edge, watcher, intake, clock, entropy, config })
}

/// Who says what accounts may be, by surface.
fn rights(github: Option<&Arc<GitHub>>) -> BTreeMap<SurfaceName, Arc<dyn RightsSource>> {
    let source = github.map(|github| (folkops_github::surface(), github.clone() as Arc<dyn RightsSource>));
    source.into_iter().collect()
}

/// Where replies go, by surface.
fn sinks(
    github: Option<Arc<GitHub>>,
    ledger: &Arc<Ledger>,
    keyring: &Arc<dyn Keyring>,
) -> Result<BTreeMap<SurfaceName, Arc<dyn ReplySink>>, StartError> {
    let web = SurfaceName::parse(WEB).map_err(StartError::of)?;
    let mut sinks = BTreeMap::from([(web, Arc::new(folkops_site::WebSink) as Arc<dyn ReplySink>)]);
    if let Some(github) = github {
        let sink = folkops_github::Sink::new(github, ledger.clone(), keyring.clone());
        sinks.insert(folkops_github::surface(), Arc::new(sink));
    }
    Ok(sinks)
}

fn desk(config: &Config, keyring: Arc<dyn Keyring>, entropy: Arc<dyn Entropy>) -> Result<Desk, StartError> {
    let registry = Registry::new(folkops_commands::all(&settings(config)));
    let authority = Arc::new(judge(config, &registry)?);
    let addresses = Addresses {
        site: config.site.url.trim_end_matches('/').to_owned(),
        scheme: config.router.scheme.as_str().to_owned(),
        service: config.router.public.clone(),
        owner_hosts: config.router.owner_hosts,
        previews: config.router.previews.clone(),
        repositories: config.repositories(),
    };
    Ok(Desk { registry, authority, keyring, entropy, addresses, service: config.service.clone() })
}

/// What commands need of the configuration.
pub fn settings(config: &Config) -> Settings {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    Settings {
        service: config.title.clone(),
        previews_a_person: config.limits.previews_a_person,
        places: config.limits.places,
        lasts: minutes(config.limits.preview_minutes),
        lasts_at_most: minutes(config.limits.longest_minutes),
        sign_in: crate::github::sign_in(config),
        rollout: config.templates(),
        checklist: config.checklist.iter().map(Point::point).collect(),
        carry_over: config.approval.carry_over.as_ref().map(CarryOver::rule),
        release_branches: config
            .components
            .iter()
            .filter_map(|component| Some((component.name.clone(), component.release_branch.clone()?)))
            .collect(),
    }
}

/// The judge over the shipped policies and those of the configuration.
pub fn judge(config: &Config, registry: &Registry) -> Result<Judge, StartError> {
    let specs: Vec<_> = registry.specs().copied().collect();
    Judge::new(&specs, &crate::policy::sources(config.policies.as_deref())?).map_err(StartError::of)
}

/// This machine as a place to build and to run.
pub async fn target(
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Target, StartError> {
    let program = std::env::current_exe().map_err(StartError::of)?;
    let state = config.state.join("run");
    std::fs::create_dir_all(&state).map_err(StartError::of)?;
    let search = Search { bwrap: config.wall.bwrap.clone(), folders: search_path() };
    let machine = Machine::open(Places { program, state: state.clone(), secrets: None }, &search)
        .await
        .map_err(StartError::of)?;
    match machine.wall() {
        Ok(wall) => tracing::info!(wall.version = wall.version(), "strangers' code runs behind a wall"),
        Err(none) => tracing::warn!(%none, "strangers' code is refused"),
    }
    let units = Units::new(machine.clone(), clock, entropy.clone());
    let builder = Builder::open(machine, entropy).map_err(StartError::of)?;
    let components =
        config.components.iter().map(|component| (component.name.clone(), plan(config, component)));
    Ok(Target::new(builder, units, state.join("data"), components.collect()))
}

/// The folders in which programs are looked for.
#[expect(
    clippy::disallowed_methods,
    reason = "where programs are found is the system's to say, not the configuration's"
)]
pub fn search_path() -> Vec<PathBuf> {
    std::env::var("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

fn plan(config: &Config, component: &Component) -> ComponentPlan {
    let tool =
        |tool: &crate::config::Toolchain| Toolchain { name: tool.name.clone(), folder: tool.folder.clone() };
    let toolchains: Vec<Toolchain> = config.toolchains.iter().map(tool).collect();
    let change = format!(
        "{}/room/{}",
        config.site.url.trim_end_matches('/'),
        config.site.rooms.first().map_or("", |room| room.as_str())
    );
    let env = component.env.iter().map(|(name, value)| (name.clone(), value.replace("{change}", &change)));
    ComponentPlan {
        recipe: Recipe {
            argv: component.build.clone(),
            outputs: vec![component.output.clone()],
            env: BTreeMap::new(),
            toolchains: toolchains.clone(),
            limits: Limits::build(),
            time: Duration::from_secs(600),
        },
        argv: component.run.clone(),
        env: env.collect(),
        peers: component.peers.clone(),
        toolchains: Vec::new(),
        health: Health { path: component.health.clone(), within: Duration::from_secs(30) },
        limits: Limits::service(),
        state: match (component.state, &component.seed) {
            (State::Seed, Some(from)) => Keeps::Seed { from: from.clone() },
            (State::SharedWithOwnerScope, _) => Keeps::SharedWithOwnerScope,
            (State::Empty | State::Seed, _) => Keeps::Empty,
        },
    }
}

async fn forge(config: &Config, github: Option<Arc<GitHub>>) -> Result<Arc<dyn Forge>, StartError> {
    let mirror = |component: &Component| config.state.join("mirrors").join(format!("{}.git", component.name));
    let repositories = config.components.iter().map(|component| {
        let path = component.repository.clone().unwrap_or_else(|| mirror(component));
        (component.name.clone(), path)
    });
    let settings = folkops_git::Settings {
        repositories: repositories.collect(),
        private: config.state.join("git"),
        search_path: std::env::join_paths(search_path()).map_err(StartError::of)?,
        deadline: Duration::from_secs(10),
        limits: folkops_git::Limits::ORDINARY,
        signature: folkops_git::Signature { name: "FolkOps".into(), email: "folkops@localhost".into() },
    };
    let local = folkops_git::LocalForge::open(settings).await.map_err(StartError::of)?;
    Ok(Arc::new(Forges::new(local, github)))
}

fn edge(
    config: &Arc<Config>,
    target: &Arc<Target>,
    ledger: &Arc<Ledger>,
    keyring: &Arc<dyn Keyring>,
) -> Edge {
    let (target, entrance) = (target.clone(), config.router.entrance.clone());
    let socket = move |stack: &StackName| {
        target.units().socket(&UnitKey { stack: stack.clone(), component: entrance.clone() })
    };
    Edge::new(config.clone(), socket, ledger.clone(), keyring.clone())
}
