//! Starts, finds, lists and stops units.
//!
//! Nothing is remembered here: what runs is read from the units' folders and from `/proc`, so a bot that was just
//! started, or that lost its record, sees the same as before.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError};
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
use crate::found::{RunningUnit, UnitState, folders_in, found, keeper_of};
use crate::keep::{LOCK, SOCKET, STATE, UNIT, UP};
use crate::layout::{self, Layout, lay_out, unit_folder};
use crate::machine::Machine;
use crate::plan::{BUILD, Phase, StateFile, TOKEN, UnitFile};
use crate::probe::NoWall;
use crate::process::{ProcessId, end_strays};
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
    /// One for each stack, held while its units change, so that two starts of one unit do not meet.
    turns: std::sync::Mutex<BTreeMap<StackName, Arc<Mutex<()>>>>,
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
        Self { machine, store, clock, entropy, turns: std::sync::Mutex::default() }
    }

    /// Runs a unit. One that runs already, from the same build and specification, is returned as it is, with the new
    /// deadline and labels; another one of the same name is stopped first.
    pub async fn start(&self, spec: &UnitSpec) -> Result<RunningUnit, RunError> {
        let wall = self.machine.wall_for(spec.trust)?;
        let turn = self.turn(&spec.key.stack);
        let _turn = turn.lock().await;
        let build = self.verify(&spec.digest).await?;
        let socket = self.socket(&spec.key);
        if socket.as_os_str().len() > LONGEST_SOCKET {
            return Err(RunError::PathTooLong(socket));
        }
        let folder = unit_folder(&self.machine, &spec.key);
        let hash = hash(spec)?;
        if let Some(same) = self.take_up(&folder, spec, &hash)? {
            return Ok(same);
        }
        self.end(&folder).await?;
        disk::private_folder(&folder)?;
        let door = layout::make_door(&self.machine, &spec.key)?;
        let Layout { enclosure, fresh, measured } = lay_out(&self.machine, spec, &build, wall)?;
        let token = random_word(&*self.entropy, 26);
        let secrets = self.machine.secrets.clone();
        let spec = spec.clone();
        let unit = UnitFile { token, hash, spec, build, enclosure, door, fresh, measured, secrets };
        disk::write_json(&folder.join(UNIT), &unit)?;
        self.launch(&folder, &unit).await?;
        found(&folder)?.ok_or_else(|| io::Error::other("a unit vanished while it was started").into())
    }

    /// Waits until a unit answers as healthy, fails, or has had its time.
    pub async fn await_healthy(&self, key: &UnitKey, wanted: &Health) -> Result<(), RunError> {
        let (folder, socket) = (unit_folder(&self.machine, key), self.socket(key));
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
        let turn = self.turn(&key.stack);
        let _turn = turn.lock().await;
        Ok(self.end(&unit_folder(&self.machine, key)).await?)
    }

    /// Stops all units of a stack at once and removes what they kept; real data stays.
    pub async fn stop_stack(&self, stack: &StackName) -> Result<(), RunError> {
        let turn = self.turn(stack);
        let _turn = turn.lock().await;
        let folder = self.machine.state.join("units").join(stack.as_str());
        let units = folders_in(&folder)?;
        for ended in futures::future::join_all(units.iter().map(|unit| self.end(unit))).await {
            ended?;
        }
        disk::remove_folder(&layout::doors(&self.machine, stack))?;
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

    /// The socket that answers a unit's requests, whether it runs or not.
    pub fn socket(&self, key: &UnitKey) -> PathBuf {
        layout::door(&self.machine, key).join(SOCKET)
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
                swept.ended.push(unit.key.clone());
                if self.list()?.iter().all(|left| left.key.stack != unit.key.stack) {
                    self.stop_stack(&unit.key.stack).await?;
                }
            } else if !known(&unit.key.stack) && !swept.unclaimed.contains(&unit.key.stack) {
                swept.unclaimed.push(unit.key.stack);
            }
        }
        Ok(swept)
    }

    fn turn(&self, stack: &StackName) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for those that nobody else holds.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(stack.clone()).or_default())
    }

    async fn verify(&self, digest: &Digest) -> Result<PathBuf, RunError> {
        let (store, digest) = (self.store.clone(), digest.clone());
        let verified = tokio::task::spawn_blocking(move || store.verify(&digest)).await;
        Ok(verified.map_err(io::Error::other)??)
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

    /// Stops whatever runs in a unit's folder, and empties it but for the lock: a keeper that is on its way out may
    /// hold it still.
    async fn end(&self, folder: &Path) -> io::Result<()> {
        if let Ok(unit) = disk::read_json::<UnitFile>(&folder.join(UNIT))
            && let Some(keeper) = keeper_of(folder, &unit)
        {
            end_keeper(keeper).await?;
        }
        if !fs::exists(folder)? {
            return Ok(());
        }
        end_strays(folder).await?;
        disk::empty_folder(folder, LOCK)
    }
}

fn failed(key: &UnitKey, folder: &Path, because: String) -> RunError {
    RunError::Failed { component: key.component.to_string(), because, log_tail: log::tail(folder, TAIL) }
}

/// What is the same in two specifications that may share a process.
fn hash(spec: &UnitSpec) -> io::Result<String> {
    let lasting = UnitSpec { deadline: None, labels: BTreeMap::new(), ..spec.clone() };
    Ok(digest::hex(&Sha256::digest(serde_json::to_vec(&lasting)?)))
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
