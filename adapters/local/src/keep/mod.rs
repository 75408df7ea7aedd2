//! `folkops keep <folder>`: the small process that runs one unit or one build, and nothing else.
//!
//! A unit's keeper outlives the bot and needs nothing of it: it starts the program again when it dies, ends it at its
//! deadline, captures what it prints, and writes down what it sees in `state.json`. A build's keeper ends when the
//! bot closes its pipe. A keeper stops its program in order when it is sent SIGTERM, and takes it along when it dies.
//!
//! It has one thread and must stay small: there is one for each running component.

pub(crate) mod job;
mod program;
mod unit;
mod users;
mod watch;

use std::io;
use std::path::Path;

use folkops_model::ports::Clock;

/// The file that makes a folder a build's.
pub(crate) const JOB: &str = "job.json";
/// The file that makes a folder a unit's.
pub(crate) const UNIT: &str = "unit.json";
/// Where a unit's keeper writes down what it sees.
pub(crate) const STATE: &str = "state.json";
/// The socket in a unit's door that answers its requests.
pub(crate) const SOCKET: &str = "in.sock";
/// Held locked for as long as a keeper lives.
pub(crate) const LOCK: &str = "lock";
/// What a unit's keeper says on its standard output once the program was started.
pub(crate) const UP: &str = "up\n";

/// Keeps the unit or the build in this folder until its end. An error is for the keeper's own log.
pub fn main(folder: &Path, clock: &dyn Clock) -> io::Result<()> {
    // A terminal that the bot was started from must not take the keeper along. It fails for a session's leader.
    let _ = rustix::process::setsid();
    // INVARIANT: whatever the program leaves behind becomes our child, so that we see it and end it.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // Kept builds are read by another user than ours when we are root; the folders around them are private.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if folder.join(JOB).exists() { job::keep(folder).await } else { unit::keep(folder, clock).await }
    })
}
