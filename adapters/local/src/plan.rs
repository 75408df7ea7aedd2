//! The files by which the bot, a keeper and the program inside the wall speak with each other.
//!
//! `unit.json` and `job.json` are written by the bot, `state.json` by the keeper, `plan.json` by the keeper for
//! `confine`. All are small, replaced whole and atomically, and private to the user that runs the bot.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use folkops_model::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::process::ProcessId;
use crate::spec::{Limits, UnitSpec};

/// The environment variable of a keeper that proves which unit it keeps.
pub const TOKEN: &str = "FOLKOPS_UNIT";
/// The environment variable of a keeper that says which build it keeps running.
pub const BUILD: &str = "FOLKOPS_BUILD";

/// The environment variable of everything that a keeper starts on this machine: the keeper's folder. By it, what a
/// killed keeper left behind is found.
pub const KEPT_IN: &str = "FOLKOPS_KEPT_IN";

/// A folder or file made visible behind the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mount {
    /// This machine's `from`, read-only, at `to`.
    Read { from: PathBuf, to: PathBuf },
    /// This machine's `from`, writable, at `to`.
    Write { from: PathBuf, to: PathBuf },
    /// A new folder in memory at `to`, of at most so many bytes.
    Memory { to: PathBuf, bytes: u64 },
}

/// The user and group that a walled program becomes when the bot runs as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
}

/// The wall around one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walling {
    pub bwrap: PathBuf,
    /// Set when the bot is root: see `wall.rs`.
    pub identity: Option<Identity>,
    pub mounts: Vec<Mount>,
}

/// A program to be run by a keeper, and what is around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    /// The program that offers the hidden subcommand `confine`.
    pub program: PathBuf,
    /// Without it the program runs among this machine's other processes: merged code only.
    pub walling: Option<Walling>,
    pub plan: Plan,
}

/// What `confine` does, in the paths that it sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub folder: PathBuf,
    pub task: Task,
    pub limits: Limits,
    pub identity: Option<Identity>,
    pub guard: Guard,
    /// Copied before the program starts: from, to.
    pub seed: Option<(PathBuf, PathBuf)>,
}

/// What the program is there for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Answer requests; peers by name and socket.
    Serve { peers: Vec<(String, PathBuf)> },
    /// Leave these outputs, relative to `root`.
    Build { root: PathBuf, outputs: Vec<PathBuf> },
}

/// What `confine` takes away before the program starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Everything: it may write below these folders only, and system calls are filtered.
    Walled { write: Vec<PathBuf> },
    /// Limits only.
    Open,
}

/// `unit.json`: one unit as its keeper runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFile {
    pub token: String,
    /// SHA-256 of the specification without its deadline.
    pub hash: String,
    pub spec: UnitSpec,
    /// The kept build, verified before each start.
    pub build: PathBuf,
    pub enclosure: Enclosure,
    /// The folder of its socket.
    pub door: PathBuf,
    /// A folder on disk that is emptied before each start; without a wall only.
    pub fresh: Option<PathBuf>,
    /// Folders of real data that count against `limits.data`.
    pub measured: Vec<PathBuf>,
    /// A file of secret values, one a line, that must never show in a log.
    pub secrets: Option<PathBuf>,
}

/// `job.json`: one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    pub enclosure: Enclosure,
    pub time: Duration,
    pub secrets: Option<PathBuf>,
}

/// `state.json`: what the keeper saw last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFile {
    pub token: String,
    pub keeper: ProcessId,
    pub digest: Digest,
    /// Since when the state below holds, UTC.
    pub since: Timestamp,
    /// Times that the program was started.
    pub starts: u32,
    pub phase: Phase,
}

/// Where a unit stands by its keeper's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// The program runs.
    Running,
    /// The program ended and is started again soon.
    Waiting { because: String },
    /// The program was given up.
    Failed { because: String },
    /// It was asked to stop.
    Stopped,
    /// Its deadline passed.
    Expired,
}
