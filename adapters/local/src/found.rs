//! What a unit's folder and `/proc` say of it. Nothing here changes anything.
//!
//! A process is taken for a unit's keeper only when its pid, its start time and the token in its environment are
//! those that were written down.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use folkops_model::Digest;
use jiff::Timestamp;

use crate::disk;
use crate::keep::{SOCKET, STATE, UNIT};
use crate::plan::{BUILD, Phase, StateFile, TOKEN, UnitFile};
use crate::process::{ProcessId, descendants};
use crate::spec::UnitKey;

/// A unit as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningUnit {
    /// Which.
    pub key: UnitKey,
    /// The build: of a living keeper, as its process says.
    pub digest: Digest,
    /// Its keeper, when it lives.
    pub keeper: Option<ProcessId>,
    /// The program itself, when it runs.
    pub program: Option<ProcessId>,
    /// Since when it is in this state, UTC.
    pub since: Timestamp,
    /// When it ends by itself.
    pub deadline: Option<Timestamp>,
    /// What the caller wrote on it.
    pub labels: BTreeMap<String, String>,
    /// The socket that answers its requests.
    pub socket: PathBuf,
    /// How it is.
    pub state: UnitState,
}

/// How a unit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitState {
    /// Its program runs.
    Running,
    /// Its program ended, and is started again in a moment.
    Waiting {
        /// How it ended.
        because: String,
    },
    /// Its program was given up.
    Failed {
        /// Why.
        because: String,
    },
    /// It was stopped.
    Stopped,
    /// Its deadline passed.
    Expired,
    /// Its keeper died without a word, as at a power cut; starting the unit again mends it.
    Lost,
}

/// The keeper of this unit, proven to be it.
pub fn keeper_of(folder: &Path, unit: &UnitFile) -> Option<ProcessId> {
    let state: StateFile = disk::read_json(&folder.join(STATE)).ok()?;
    let proven =
        state.token == unit.token && state.keeper.variable(TOKEN).as_deref() == Some(unit.token.as_str());
    proven.then_some(state.keeper)
}

/// The unit in this folder, if there is one.
pub fn found(folder: &Path) -> io::Result<Option<RunningUnit>> {
    let unit: UnitFile = match disk::read_json(&folder.join(UNIT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            // One damaged file must not hide all other units; its keeper still ends it in time.
            tracing::warn!(unit.folder = %folder.display(), "a unit's file cannot be understood; stop its stack");
            return Ok(None);
        }
        unit => unit?,
    };
    let state: Option<StateFile> = disk::read_json(&folder.join(STATE)).ok();
    let state = state.filter(|state: &StateFile| state.token == unit.token);
    let keeper = keeper_of(folder, &unit);
    let digest =
        keeper.and_then(|keeper| keeper.variable(BUILD)).and_then(|digest| Digest::parse(&digest).ok());
    let depth = if unit.enclosure.walling.is_some() { 4 } else { 2 };
    Ok(Some(RunningUnit {
        digest: digest.unwrap_or(unit.spec.digest),
        keeper,
        program: keeper.and_then(|keeper| program_of(keeper, depth)),
        since: state.as_ref().map_or(Timestamp::UNIX_EPOCH, |state| state.since),
        deadline: unit.spec.deadline,
        labels: unit.spec.labels,
        socket: unit.door.join(SOCKET),
        state: judge(state.map(|state| state.phase), keeper),
        key: unit.spec.key,
    }))
}

fn judge(phase: Option<Phase>, keeper: Option<ProcessId>) -> UnitState {
    match (phase, keeper) {
        (Some(Phase::Failed { because }), _) => UnitState::Failed { because },
        (Some(Phase::Stopped), _) => UnitState::Stopped,
        (Some(Phase::Expired), _) => UnitState::Expired,
        (Some(Phase::Running), Some(_)) => UnitState::Running,
        (Some(Phase::Waiting { because }), Some(_)) => UnitState::Waiting { because },
        (_, None) | (None, _) => UnitState::Lost,
    }
}

/// The program itself: below the keeper stand bubblewrap twice and `confine`, or `confine` alone.
fn program_of(keeper: ProcessId, depth: usize) -> Option<ProcessId> {
    let (pid, _) = descendants(keeper.pid).into_iter().find(|(_, distance)| *distance == depth)?;
    ProcessId::of(pid)
}

/// The folders in a folder; none when it is not there.
pub fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}
