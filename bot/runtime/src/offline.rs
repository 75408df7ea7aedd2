//! `folkops rollback --offline`: back to the release before, with no bot, chat or forge.
//!
//! It needs the router and processes that still run, and neither journal nor forge: the stack of the release before
//! is up, so the router is told to serve it, at once. A note in the state folder makes the bot, when it comes back, take
//! the same step through its pipeline before it tells the router anything else.

use std::path::PathBuf;

use folkops_router::control::ControlClient;
use folkops_router::table::{Arm, Backend, Table, Upstream};
use serde::{Deserialize, Serialize};

use crate::build::StartError;
use crate::config::Config;
use crate::edge::control_socket;

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
    let table = table.ok_or_else(|| StartError("the router serves nothing yet; there is nothing to go back from".into()))?;
    let now = number(&table.service.default.arm);
    let target = match release {
        Some(release) => release,
        None => earlier(config, now)?,
    };
    let backend = backend(config, target)?;
    let table = Table {
        version: table.version + 1,
        service: folkops_router::table::Service { default: backend, ..table.service.clone() },
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

/// The newest release below the one that is served, of which a process listens.
fn earlier(config: &Config, now: Option<u64>) -> Result<u64, StartError> {
    let folder = config.state.join("run/units");
    let entries = std::fs::read_dir(&folder).map_err(|error| StartError(format!("`{}` cannot be read: {error}", folder.display())))?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix("release-")?.parse().ok());
    let below = numbers.filter(|number: &u64| now.is_none_or(|now| *number < now));
    let alive = below.filter(|number| answers(&socket(config, *number)));
    alive.max().ok_or_else(|| StartError("no earlier release runs on this machine; start the bot, and say /rollback".into()))
}

fn backend(config: &Config, release: u64) -> Result<Backend, StartError> {
    let socket = socket(config, release);
    if !answers(&socket) {
        return Err(StartError(format!("release {release} does not run on this machine; name one that does")));
    }
    Ok(Backend {
        arm: Arm::parse(&format!("release-{release}")).map_err(StartError::of)?,
        upstream: Upstream::parse(&socket.to_string_lossy()).map_err(StartError::of)?,
    })
}

fn socket(config: &Config, release: u64) -> PathBuf {
    let unit = config.state.join("run/units").join(format!("release-{release}")).join(config.router.entrance.as_str());
    let state = unit.canonicalize().unwrap_or(unit);
    state.join("run/in.sock")
}

fn answers(socket: &std::path::Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}
