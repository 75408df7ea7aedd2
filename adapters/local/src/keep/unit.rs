//! Keeps a unit: starts its program, again and again within reason, until it is told to stop or its time is up.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use folkops_model::ports::Clock;
use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{interval, sleep, timeout};

use crate::log::{Log, capture};
use crate::plan::{Phase, StateFile, UnitFile};
use crate::process::ProcessId;
use crate::redact::Redactor;
use crate::{digest, disk};

use super::program::{Program, Reaper, start};
use super::{LOCK, SOCKET, STATE, UNIT, UP, watch};

/// A program that dies sooner than this dies quickly.
const QUICK: Duration = Duration::from_secs(10);
/// After so many quick deaths in a row a program is given up.
const QUICK_DEATHS: u32 = 5;
/// The pause after the first death; it doubles with each.
const PAUSE: Duration = Duration::from_millis(100);
/// How often deadline and consumption are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why a run of the program ended.
enum End {
    Died(String),
    Stop,
    Expired,
    GiveUp(String),
}

struct Keeper<'a> {
    folder: &'a Path,
    clock: &'a dyn Clock,
    unit: UnitFile,
    /// Which version of `unit.json` was read.
    version: (i64, i64, u64),
    log: Arc<Mutex<Log>>,
    door: UnixListener,
    reaper: Reaper,
    stop: Signal,
    starts: u32,
}

/// Keeps the unit in this folder until its end.
pub async fn keep(folder: &Path, clock: &dyn Clock) -> io::Result<()> {
    let _lock = lock(folder).await?;
    let version = version(folder)?;
    let unit: UnitFile = disk::read_json(&folder.join(UNIT))?;
    let redactor = Redactor::reading(unit.secrets.as_deref())?;
    let log = Arc::new(Mutex::new(Log::open(folder, redactor)?));
    let (reaper, stop) = (Reaper::new()?, signal(SignalKind::terminate())?);
    let door = open_door(&unit.door.join(SOCKET))?;
    let mut keeper = Keeper { folder, clock, unit, version, log, door, reaper, stop, starts: 0 };
    keeper.write(Phase::Waiting { because: "it is being started".to_owned() })?;
    let last = keeper.run().await?;
    // The folder may be gone by now, and that may be why we stop.
    let _ = fs::remove_file(keeper.unit.door.join(SOCKET));
    keeper.write(last)
}

/// INVARIANT: one keeper at a time works in a folder. One that was replaced is given the time to leave.
async fn lock(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join(LOCK))?;
    let locked = async {
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            sleep(PAUSE).await;
        }
    };
    timeout(QUICK, locked)
        .await
        .map_err(|_| io::Error::other("another keeper is here and does not leave"))?;
    Ok(lock)
}

fn open_door(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let door = UnixListener::bind(path)?;
    // Peers may run as another user than we; the private folders above keep everybody else away.
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(door)
}

fn version(folder: &Path) -> io::Result<(i64, i64, u64)> {
    let found = fs::metadata(folder.join(UNIT))?;
    Ok((found.mtime(), found.mtime_nsec(), found.ino()))
}

impl Keeper<'_> {
    async fn run(&mut self) -> io::Result<Phase> {
        let last = self.run_often().await?;
        match &last {
            Phase::Failed { because } => self.note(because),
            Phase::Expired => self.note("its deadline passed"),
            _ => self.note("it was asked to stop"),
        }
        Ok(last)
    }

    async fn run_often(&mut self) -> io::Result<Phase> {
        let mut quick_deaths = 0;
        loop {
            let began = self.clock.monotonic();
            let because = match self.run_once().await? {
                End::Stop => return Ok(Phase::Stopped),
                End::Expired => return Ok(Phase::Expired),
                End::GiveUp(because) => return Ok(Phase::Failed { because }),
                End::Died(because) => because,
            };
            let quick = self.clock.monotonic().saturating_sub(began) < QUICK;
            quick_deaths = if quick { quick_deaths + 1 } else { 1 };
            if quick_deaths >= QUICK_DEATHS {
                return Ok(Phase::Failed {
                    because: format!("{because}; it was started {} times", self.starts),
                });
            }
            self.note(&because);
            self.show(Phase::Waiting { because });
            if let Some(phase) = self.pause(PAUSE * 2u32.pow(quick_deaths)).await? {
                return Ok(phase);
            }
        }
    }

    async fn run_once(&mut self) -> io::Result<End> {
        if self.expired() {
            return Ok(End::Expired);
        }
        if let Err(changed) = digest::verify(&self.unit.build, &self.unit.spec.digest) {
            return Ok(End::GiveUp(changed.to_string()));
        }
        if let Some(folder) = &self.unit.fresh {
            disk::remove_folder(folder)?;
            disk::private_folder(folder)?;
        }
        let door = Stdio::from(OwnedFd::from(self.door.try_clone()?));
        let (mut program, printed) = match start(&self.unit.enclosure, self.folder, door) {
            Ok(started) => started,
            Err(error) => return Ok(End::Died(error.to_string())),
        };
        self.starts += 1;
        self.show(Phase::Running);
        self.announce()?;
        let capture = tokio::spawn(capture(printed, Arc::clone(&self.log), |_| {}));
        let end = self.end_of(&mut program).await?;
        match end {
            End::Stop => self.reaper.stop(program).await,
            _ => self.reaper.end_all().await,
        }
        // Everything that could print is dead; this is only for what still lies in the pipe.
        let _ = timeout(LOOK, capture).await;
        Ok(end)
    }

    async fn end_of(&mut self, program: &mut Program) -> io::Result<End> {
        let mut looks = interval(LOOK);
        loop {
            tokio::select! {
                code = self.reaper.end(program) => return Ok(End::Died(format!("it ended by itself ({})", said(code)))),
                _ = self.stop.recv() => return Ok(End::Stop),
                _ = looks.tick() => {}
            }
            if self.expired() {
                return Ok(End::Expired);
            }
            if let Some(because) = watch::excess(&self.unit) {
                return Ok(if self.unit.measured.is_empty() {
                    End::Died(because)
                } else {
                    End::GiveUp(because)
                });
            }
        }
    }

    async fn pause(&mut self, pause: Duration) -> io::Result<Option<Phase>> {
        tokio::select! {
            () = sleep(pause) => Ok(self.expired().then_some(Phase::Expired)),
            _ = self.stop.recv() => Ok(Some(Phase::Stopped)),
        }
    }

    /// Whether the deadline passed; it is read again whenever somebody moved it. A unit whose file was removed or now
    /// speaks of another keeper has nobody left who could end it, so its time is up as well.
    fn expired(&mut self) -> bool {
        let version = match version(self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            found => found.unwrap_or(self.version),
        };
        // A file that cannot be read just now is no reason to end a program; it is tried again at the next look.
        if version != self.version
            && let Ok(now) = disk::read_json::<UnitFile>(&self.folder.join(UNIT))
        {
            if now.token != self.unit.token {
                return true;
            }
            self.unit.spec.deadline = now.spec.deadline;
            self.version = version;
        }
        self.unit.spec.deadline.is_some_and(|deadline| self.clock.now() >= deadline)
    }

    fn write(&self, phase: Phase) -> io::Result<()> {
        let state = StateFile {
            token: self.unit.token.clone(),
            keeper: ProcessId::own()?,
            digest: self.unit.spec.digest.clone(),
            since: self.clock.now(),
            starts: self.starts,
            phase,
        };
        disk::write_json(&self.folder.join(STATE), &state)
    }

    /// Tells the bot that waits for it, once, that the program was started.
    fn announce(&self) -> io::Result<()> {
        if self.starts > 1 {
            return Ok(());
        }
        // The bot may be dead already; that is no reason not to run.
        let _ = io::stdout().write_all(UP.as_bytes()).and_then(|()| io::stdout().flush());
        Ok(rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?)
    }

    /// As `write`; a full disk must not end a program that runs.
    fn show(&self, phase: Phase) {
        let _ = self.write(phase);
    }

    fn note(&self, said: &str) {
        // As above.
        let _ = self.log.lock().unwrap_or_else(PoisonError::into_inner).line(&format!("-- {said}"));
    }
}

fn said(code: i32) -> String {
    if code > 128 { format!("signal {}", code - 128) } else { format!("exit code {code}") }
}
