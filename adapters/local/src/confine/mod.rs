//! `folkops confine <plan>`: the last thing of ours before a program of theirs.
//!
//! It gives up what the plan says (root, system calls, writing, room to grow), starts the program, and stays beside
//! it as its door: connections to the unit's socket go to the program's port, connections to a peer's port go to the
//! peer's socket. For a build it hands out the outputs instead. It inherits a listening socket as descriptor 0, a
//! socket to the keeper as 1 and the log as 2. When the keeper closes its end, everything here ends.
//!
//! It must never start the program with less taken away than the plan says: each failure ends it.

mod collect;
mod filter;
mod limits;
mod porter;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::disk;
use crate::plan::{Plan, Task};

/// How long a program has between being asked and being made to stop.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The exit code when the program could not even be started.
pub const NOT_STARTED: i32 = 125;

/// Runs the plan and returns the code to exit with. An error is for the log: descriptor 2.
pub fn main(plan: &Path) -> io::Result<i32> {
    let plan: Plan = disk::read_json(plan)?;
    limits::give_up(&plan)?;
    if let Some((from, to)) = &plan.seed {
        disk::copy_folder(from, to)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&plan))
}

async fn run(plan: &Plan) -> io::Result<i32> {
    let keeper = Socket::from(io::stdout().as_fd().try_clone_to_owned()?);
    keeper.set_nonblocking(true)?;
    let mut keeper = UnixStream::from_std(keeper)?;
    let status = match &plan.task {
        Task::Serve { peers } => {
            let (ports, variables) = porter::open(peers).await?;
            let mut child = start(plan, variables)?;
            tokio::select! {
                status = ended(&mut child, &mut keeper) => status?,
                never = ports.forward() => match never {},
            }
        }
        Task::Build { root, outputs } => {
            let status = ended(&mut start(plan, BTreeMap::new())?, &mut keeper).await?;
            if status.success() {
                collect::send(root, outputs, &mut keeper).await?;
            }
            status
        }
    };
    Ok(code(status))
}

fn start(plan: &Plan, variables: BTreeMap<String, String>) -> io::Result<Child> {
    let (program, arguments) =
        plan.argv.split_first().ok_or_else(|| io::Error::other("there is nothing to run"))?;
    let log = io::stderr().as_fd().try_clone_to_owned()?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&plan.env)
        .envs(variables)
        .current_dir(&plan.folder)
        .stdin(std::process::Stdio::null())
        .stdout(log)
        .process_group(0)
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("`{program}` cannot be started: {error}")))
}

/// Waits for the program's end, or brings it about when the keeper closes its socket.
async fn ended(child: &mut Child, keeper: &mut UnixStream) -> io::Result<ExitStatus> {
    let group = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).unwrap_or(0)));
    let mut closed = [0; 1];
    tokio::select! {
        status = child.wait() => return status,
        _ = keeper.read(&mut closed) => {}
    }
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    signal(Signal::TERM);
    if let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return status;
    }
    signal(Signal::KILL);
    child.wait().await
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
