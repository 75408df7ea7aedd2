//! `folkops rollback --offline`: back to the release before, with no bot, chat or forge.
//!
//! It needs the router and processes that still run, and neither journal nor forge: the stack of the release before
//! is up, so the router is told to serve it, at once. A note in the state folder makes the bot, when it comes back, take
//! the same step through its pipeline before it tells the router anything else.

use std::path::PathBuf;
use std::sync::Arc;

use folkops_local::{UnitKey, UnitState, Units};
use folkops_model::ReleaseNumber;
use folkops_previews::reconcile::release_stack;
use folkops_router::control::ControlClient;
use folkops_router::table::{Arm, Backend, Table, Upstream};
use serde::{Deserialize, Serialize};

use crate::build::StartError;
use crate::config::Config;
use crate::edge::control_socket;
use crate::ports::{SystemClock, SystemEntropy};

/// What was done while nobody was there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// The release that everybody was sent to.
    pub release: u64,
}

fn note(config: &Config) -> PathBuf {
    config.state.join("offline-rollback.json")
}

/// What was done while nobody was there, if anything.
pub fn pending(config: &Config) -> Option<Note> {
    serde_json::from_slice(&std::fs::read(note(config)).ok()?).ok()
}

/// The bot has taken the step itself.
pub fn done(config: &Config) -> std::io::Result<()> {
    std::fs::remove_file(note(config))
}

/// Sends everybody to an earlier release whose processes still run.
pub async fn rollback(config: &Config, release: Option<u64>) -> Result<String, StartError> {
    let client = ControlClient::new(control_socket(config));
    let table = client.table().await.map_err(StartError::of)?;
    let table = table.ok_or_else(|| {
        StartError("the router serves nothing yet; there is nothing to go back from".into())
    })?;
    let now = number(&table.service.default.arm);
    let local = crate::build::target(config, Arc::new(SystemClock::start()), Arc::new(SystemEntropy)).await?;
    let target = match release {
        Some(release) => release,
        None => earlier(config, local.units(), now)?,
    };
    let backend = backend(config, local.units(), target)?;
    let table = Table {
        version: table.version + 1,
        service: folkops_router::table::Service { default: backend, rollout: None, ..table.service.clone() },
        ..table
    };
    let written = serde_json::to_vec(&Note { release: target }).map_err(StartError::of)?;
    std::fs::write(note(config), written).map_err(StartError::of)?;
    client.put_table(&table).await.map_err(StartError::of)?;
    Ok(format!("everybody is sent to release {target}; the bot will record it when it is back"))
}

fn number(arm: &Arm) -> Option<u64> {
    arm.as_str().strip_prefix("release-")?.parse().ok()
}

/// The newest release below the one that is served, of which the entrance runs.
fn earlier(config: &Config, units: &Units, now: Option<u64>) -> Result<u64, StartError> {
    let entrances = units
        .list()
        .map_err(StartError::of)?
        .into_iter()
        .filter(|unit| unit.key.component == config.router.entrance && unit.state == UnitState::Running);
    let numbers = entrances.filter_map(|unit| unit.key.stack.as_str().strip_prefix("release-")?.parse().ok());
    let below = numbers.filter(|number: &u64| now.is_none_or(|now| *number < now));
    below.max().ok_or_else(|| {
        StartError("no earlier release runs on this machine; start the bot, and say /rollback".into())
    })
}

fn backend(config: &Config, units: &Units, release: u64) -> Result<Backend, StartError> {
    let stack = release_stack(ReleaseNumber(release));
    let socket = units.socket(&UnitKey { stack: stack.clone(), component: config.router.entrance.clone() });
    if std::os::unix::net::UnixStream::connect(&socket).is_err() {
        return Err(StartError(format!(
            "release {release} does not run on this machine; name one that does"
        )));
    }
    Ok(Backend {
        arm: Arm::parse(stack.as_str()).map_err(StartError::of)?,
        upstream: Upstream::parse(&socket.to_string_lossy()).map_err(StartError::of)?,
    })
}
