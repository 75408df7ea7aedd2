//! Starts, finds, lists and stops units.
//!
//! Nothing is remembered here: what runs is read from the units' folders and from `/proc`, so a bot that was just
//! started, or that lost its record, sees the same as before. A process is taken for a unit's keeper only when its
//! pid, its start time and the token in its environment are those that were written down.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use folkops_model::ports::{Clock, Entropy, random_word};
use folkops_model::{Digest, StackName};
use jiff::Timestamp;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::confine::PATIENCE;
use crate::keep::{SOCKETS, STATE, UNIT, UP};
use crate::layout::{self, Layout, lay_out, unit_folder};
use crate::machine::Machine;
use crate::plan::{BUILD, Phase, StateFile, TOKEN, UnitFile};
use crate::probe::NoWall;
use crate::process::{ProcessId, descendants};
use crate::spec::{Health, UnitKey, UnitSpec};
use crate::store::{Store, StoreError};
use crate::{digest, disk, health, log};

/// How much of a log's end an error carries.
const TAIL: usize = 4 << 10;
/// A keeper must have started its program by then.
const UP_WITHIN: Duration = Duration::from_secs(20);
/// How often a unit that is not healthy yet, or not gone yet, is looked at again.
const ASK_AGAIN: Duration = Duration::from_millis(25);
/// A socket's path may not be longer: `sun_path` of unix(7), less its end.
const LONGEST_SOCKET: usize = 107;

/// The units of this machine.
pub struct Units {
    machine: Machine,
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Held while units change, so that two starts of one unit do not meet.
    changing: Mutex<()>,
}

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

/// Why a unit does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Unmerged code, and no wall.
    #[error(transparent)]
    NoWall(#[from] NoWall),
    /// Its build is not there or not right.
    #[error(transparent)]
    Build(#[from] StoreError),
    /// Its program cannot be started, or was given up.
    #[error("{component} does not run: {because}; its log says more")]
    Failed {
        /// Which component.
        component: String,
        /// What happened.
        because: String,
        /// The end of its log.
        log_tail: String,
    },
    /// Its program runs, but does not work.
    #[error("{component} did not become healthy within {} s: {because}; its log says more", within.as_secs())]
    NeverHealthy {
        /// Which component.
        component: String,
        /// The time that it had.
        within: Duration,
        /// What was answered last.
        because: String,
        /// The end of its log.
        log_tail: String,
    },
    /// The folder for state lies too deep for a socket in it.
    #[error("the path of a socket would be longer than {LONGEST_SOCKET} characters: `{}`; choose a shorter state folder", .0.display())]
    PathTooLong(PathBuf),
    /// Something of ours is broken.
    #[error("units cannot be managed: {0}")]
    Broken(#[from] io::Error),
}

/// What a sweep did and saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Units past their own deadline; they are gone now.
    pub ended: Vec<UnitKey>,
    /// Stacks that nobody claims. They are left alone: a list may be empty by mistake.
    pub unclaimed: Vec<StackName>,
}

impl Units {
    /// The units in this machine's state folder.
    pub fn new(machine: Machine, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let store = Store::new(machine.state.join("builds"));
        Self { machine, store, clock, entropy, changing: Mutex::new(()) }
    }

    /// Runs a unit. One that runs already, from the same build and specification, is returned as it is, with the new
    /// deadline and labels; another one of the same name is stopped first.
    pub async fn start(&self, spec: &UnitSpec) -> Result<RunningUnit, RunError> {
        let _changing = self.changing.lock().await;
        let wall = self.machine.wall_for(spec.trust)?;
        let build = self.store.verify(&spec.digest)?;
        let socket = layout::socket(&self.machine, &spec.key);
        if socket.as_os_str().len() > LONGEST_SOCKET {
            return Err(RunError::PathTooLong(socket));
        }
        let folder = unit_folder(&self.machine, &spec.key);
        let hash = hash(spec)?;
        if let Some(same) = self.take_up(&folder, spec, &hash)? {
            return Ok(same);
        }
        self.end(&folder).await?;
        disk::private_folder(&folder.join(SOCKETS))?;
        layout::open_to_walled(&folder.join(SOCKETS))?;
        let Layout { enclosure, fresh, measured } = lay_out(&self.machine, spec, &build, wall)?;
        let token = random_word(&*self.entropy, 26);
        let secrets = self.machine.secrets.clone();
        let unit = UnitFile { token, hash, spec: spec.clone(), build, enclosure, fresh, measured, secrets };
        disk::write_json(&folder.join(UNIT), &unit)?;
        self.launch(&folder, &unit).await?;
        found(&folder)?.ok_or_else(|| io::Error::other("a unit vanished while it was started").into())
    }

    /// Waits until a unit answers as healthy, fails, or has had its time.
    pub async fn await_healthy(&self, key: &UnitKey, wanted: &Health) -> Result<(), RunError> {
        let (folder, socket) = (unit_folder(&self.machine, key), layout::socket(&self.machine, key));
        let until = self.clock.monotonic() + wanted.within;
        loop {
            let Err(because) = health::ask(&socket, &wanted.path).await else { return Ok(()) };
            match found(&folder)?.map(|unit| unit.state) {
                Some(UnitState::Running | UnitState::Waiting { .. }) => {}
                Some(UnitState::Failed { because }) => return Err(failed(key, &folder, because)),
                _ => return Err(failed(key, &folder, "it was stopped meanwhile".to_owned())),
            }
            if self.clock.monotonic() >= until {
                let (component, within) = (key.component.to_string(), wanted.within);
                return Err(RunError::NeverHealthy {
                    component,
                    within,
                    because,
                    log_tail: log::tail(&folder, TAIL),
                });
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Stops a unit and removes what it kept; real data stays. One that is gone already is no error.
    pub async fn stop(&self, key: &UnitKey) -> Result<(), RunError> {
        let _changing = self.changing.lock().await;
        Ok(self.end(&unit_folder(&self.machine, key)).await?)
    }

    /// Stops all units of a stack at once and removes what they kept; real data stays.
    pub async fn stop_stack(&self, stack: &StackName) -> Result<(), RunError> {
        let _changing = self.changing.lock().await;
        let folder = self.machine.state.join("units").join(stack.as_str());
        let units = folders_in(&folder)?;
        for ended in futures::future::join_all(units.iter().map(|unit| self.end(unit))).await {
            ended?;
        }
        Ok(disk::remove_folder(&folder)?)
    }

    /// All units, whether they run or not, in order.
    pub fn list(&self) -> Result<Vec<RunningUnit>, RunError> {
        let mut units = Vec::new();
        for stack in folders_in(&self.machine.state.join("units"))? {
            for unit in folders_in(&stack)? {
                units.extend(found(&unit)?);
            }
        }
        units.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(units)
    }

    /// Moves a unit's end; its keeper sees it within a second.
    pub fn set_deadline(&self, key: &UnitKey, deadline: Option<Timestamp>) -> Result<(), RunError> {
        let path = unit_folder(&self.machine, key).join(UNIT);
        let mut unit: UnitFile = disk::read_json(&path)?;
        unit.spec.deadline = deadline;
        Ok(disk::write_json(&path, &unit)?)
    }

    /// The end of what a unit printed, redacted; at most so many bytes.
    pub fn log_tail(&self, key: &UnitKey, most: usize) -> String {
        log::tail(&unit_folder(&self.machine, key), most)
    }

    /// Ends the units that are past their own deadline, and says which stacks nobody claims.
    pub async fn sweep(&self, now: Timestamp, known: impl Fn(&StackName) -> bool) -> Result<Swept, RunError> {
        let mut swept = Swept::default();
        for unit in self.list()? {
            if unit.deadline.is_some_and(|deadline| now >= deadline) {
                self.stop(&unit.key).await?;
                swept.ended.push(unit.key);
            } else if !known(&unit.key.stack) && !swept.unclaimed.contains(&unit.key.stack) {
                swept.unclaimed.push(unit.key.stack);
            }
        }
        Ok(swept)
    }

    fn take_up(&self, folder: &Path, spec: &UnitSpec, hash: &str) -> io::Result<Option<RunningUnit>> {
        let Some(same) = found(folder)?.filter(|unit| unit.keeper.is_some() && unit.digest == spec.digest)
        else {
            return Ok(None);
        };
        let mut unit: UnitFile = disk::read_json(&folder.join(UNIT))?;
        if unit.hash != hash {
            return Ok(None);
        }
        if unit.spec != *spec {
            unit.spec = spec.clone();
            disk::write_json(&folder.join(UNIT), &unit)?;
        }
        Ok(Some(RunningUnit { deadline: spec.deadline, labels: spec.labels.clone(), ..same }))
    }

    async fn launch(&self, folder: &Path, unit: &UnitFile) -> Result<(), RunError> {
        let own_log = File::options().create(true).append(true).open(folder.join("keeper.log"))?;
        let mut keeper = Command::new(&self.machine.program);
        let keeper = keeper.arg("keep").arg(folder).env_clear();
        let keeper = keeper.env(TOKEN, &unit.token).env(BUILD, unit.spec.digest.as_str());
        let mut keeper = keeper.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(own_log).spawn()?;
        let told = keeper.stdout.take().ok_or_else(|| io::Error::other("the keeper has no output"))?;
        let mut line = String::new();
        let told = timeout(UP_WITHIN, BufReader::new(told).read_line(&mut line)).await;
        if told.is_ok_and(|told| told.is_ok()) && line == UP {
            return Ok(());
        }
        let state = disk::read_json::<StateFile>(&folder.join(STATE)).map(|state| state.phase);
        let because = match state {
            Ok(Phase::Failed { because }) => because,
            _ => format!(
                "its keeper did not start it: {}",
                fs::read_to_string(folder.join("keeper.log"))?.trim()
            ),
        };
        Err(failed(&unit.spec.key, folder, because))
    }

    /// Stops whatever runs in a unit's folder, and empties it but for its sockets' folder, which peers may hold.
    async fn end(&self, folder: &Path) -> io::Result<()> {
        if let Ok(unit) = disk::read_json::<UnitFile>(&folder.join(UNIT))
            && let Some(keeper) = keeper_of(folder, &unit)
        {
            end_keeper(keeper).await?;
        }
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true if entry.file_name() == SOCKETS => disk::empty_folder(&entry.path())?,
                true => disk::remove_folder(&entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }
}

fn failed(key: &UnitKey, folder: &Path, because: String) -> RunError {
    RunError::Failed { component: key.component.to_string(), because, log_tail: log::tail(folder, TAIL) }
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// What is the same in two specifications that may share a process.
fn hash(spec: &UnitSpec) -> io::Result<String> {
    let lasting = UnitSpec { deadline: None, labels: BTreeMap::new(), ..spec.clone() };
    Ok(digest::hex(&Sha256::digest(serde_json::to_vec(&lasting)?)))
}

fn keeper_of(folder: &Path, unit: &UnitFile) -> Option<ProcessId> {
    let state: StateFile = disk::read_json(&folder.join(STATE)).ok()?;
    let proven =
        state.token == unit.token && state.keeper.variable(TOKEN).as_deref() == Some(unit.token.as_str());
    proven.then_some(state.keeper)
}

/// The unit in this folder, if there is one.
fn found(folder: &Path) -> io::Result<Option<RunningUnit>> {
    let unit: UnitFile = match disk::read_json(&folder.join(UNIT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
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
        socket: folder.join(SOCKETS).join(crate::keep::SOCKET),
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

async fn end_keeper(keeper: ProcessId) -> io::Result<()> {
    if !keeper.signal(Signal::TERM)? {
        return Ok(());
    }
    if timeout(PATIENCE * 2, gone(keeper)).await.is_err() {
        keeper.signal(Signal::KILL)?;
        gone(keeper).await;
    }
    Ok(())
}

async fn gone(process: ProcessId) {
    while process.lives() {
        sleep(ASK_AGAIN).await;
    }
}
