//! One run of a program: started with its wall, watched for its end, and ended with everything that it started.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, WaitOptions, WaitStatus, getpid};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use crate::confine::PATIENCE;
use crate::disk;
use crate::plan::{Enclosure, KEPT_IN, Walling};
use crate::process::{ProcessId, descendants};
use crate::wall;

use super::users::Users;

/// A started program.
pub struct Program {
    pid: i32,
    /// To `confine`; closing it asks the program to stop.
    pub control: UnixStream,
}

/// Starts a program, also gives the pipe that it prints into. `door` becomes its standard input.
pub fn start(enclosure: &Enclosure, folder: &Path, door: Stdio) -> io::Result<(Program, Receiver)> {
    let plan = folder.join("plan.json");
    disk::write_json(&plan, &enclosure.plan)?;
    let (ours, theirs) = Socket::pair()?;
    let (printed, print) = pipe_with(PipeFlags::CLOEXEC)?;
    let outfit = Outfit { folder, door, control: theirs.into(), print };
    let pid = match &enclosure.walling {
        Some(walling) => start_walled(enclosure, walling, &plan, outfit)?,
        None => outfit.spawn(Command::new(&enclosure.program).arg("confine").arg(&plan))?,
    };
    ours.set_nonblocking(true)?;
    Ok((Program { pid, control: UnixStream::from_std(ours)? }, Receiver::from_owned_fd(printed)?))
}

fn start_walled(
    enclosure: &Enclosure,
    walling: &Walling,
    plan: &Path,
    outfit: Outfit<'_>,
) -> io::Result<i32> {
    let users = walling.identity.map(Users::new).transpose()?;
    let handles = users.as_ref().map(Users::handles);
    let arguments = wall::arguments(walling, &enclosure.program, plan, handles);
    let pid = outfit.spawn(Command::new(&walling.bwrap).args(arguments).args([
        wall::PROGRAM,
        "confine",
        wall::PLAN,
    ]))?;
    users.map_or(Ok(()), Users::map)?;
    Ok(pid)
}

struct Outfit<'a> {
    folder: &'a Path,
    door: Stdio,
    control: OwnedFd,
    print: OwnedFd,
}

impl Outfit<'_> {
    fn spawn(self, command: &mut Command) -> io::Result<i32> {
        let command = command
            .env_clear()
            .env(KEPT_IN, self.folder)
            .stdin(self.door)
            .stdout(self.control)
            .stderr(self.print);
        let child = command.spawn().map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{} cannot be started: {error}", command.get_program().display()),
            )
        })?;
        i32::try_from(child.id()).map_err(io::Error::other)
    }
}

/// Collects the dead, the program among them.
pub struct Reaper {
    deaths: Signals,
}

impl Reaper {
    /// Listens for deaths; to be made before anything is started.
    pub fn new() -> io::Result<Self> {
        Ok(Self { deaths: signal(SignalKind::child())? })
    }

    /// Waits for the program's end and returns its exit code, 128 and more for a signal. May be dropped and repeated.
    pub async fn end(&mut self, program: &Program) -> i32 {
        loop {
            if let Some(status) = collect(program.pid) {
                return status
                    .exit_status()
                    .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
            }
            self.deaths.recv().await;
        }
    }

    /// Asks the program to stop, waits a while, then ends everything.
    pub async fn stop(&mut self, program: Program) {
        let Program { pid, control } = program;
        drop(control);
        let gone = async {
            while collect(pid).is_none() {
                self.deaths.recv().await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE + Duration::from_secs(1), gone).await;
        self.end_all().await;
    }

    /// Kills everything below this process and waits until nothing is left.
    pub async fn end_all(&mut self) {
        loop {
            collect(0);
            let left = descendants(getpid().as_raw_pid());
            if left.is_empty() {
                return;
            }
            for (pid, _) in left {
                let _ = ProcessId::of(pid).map(|process| process.signal(Signal::KILL));
            }
            // What was killed may have started something just before: look again, at each death or soon.
            let _ = tokio::time::timeout(Duration::from_millis(50), self.deaths.recv()).await;
        }
    }
}

/// Collects whoever is dead; the status of `wanted` when it is among them.
fn collect(wanted: i32) -> Option<WaitStatus> {
    let dead = || rustix::process::wait(WaitOptions::NOHANG).ok().flatten();
    std::iter::from_fn(dead).find(|(pid, _)| pid.as_raw_pid() == wanted).map(|(_, status)| status)
}
