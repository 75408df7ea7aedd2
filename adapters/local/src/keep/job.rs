//! Keeps a build: runs it once, passes on what it prints, takes its outputs, and ends with the bot that asked for it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::getpid;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{interval, sleep, timeout};

use crate::disk;
use crate::frames::{Refusal, receive};
use crate::log::{Log, capture};
use crate::plan::JobFile;
use crate::process::{descendants, resident};
use crate::redact::Redactor;

use super::JOB;
use super::program::{Program, Reaper, start};

/// Where outputs are put, in the job's folder.
pub(crate) const OUTPUTS: &str = "out";

/// What a build's keeper says on its standard output, a JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The build printed this; fit to be shown.
    Line(String),
    /// It is over.
    Ended(Ending),
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// Its outputs are here.
    Built,
    /// It said no, with this exit code, 128 and more for a signal.
    Failed(i32),
    /// It took too long.
    TimedOut,
    /// It used more memory than it may.
    TooMuchMemory,
    /// Its outputs are not what was declared.
    Refused(Refusal),
    /// The bot wants it no more.
    Cancelled,
}

/// Runs the build in this folder.
pub async fn keep(folder: &Path) -> io::Result<()> {
    let job: JobFile = disk::read_json(&folder.join(JOB))?;
    let log = Arc::new(Mutex::new(Log::open(folder, Redactor::reading(job.secrets.as_deref())?)?));
    let mut reaper = Reaper::new()?;
    let mut bot = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let (mut program, printed) = start(&job.enclosure, folder, Stdio::null())?;
    let capture = tokio::spawn(capture(printed, log, |line| tell(&Event::Line(line.to_owned()))));
    let mut nothing = [0; 1];
    let outputs = folder.join(OUTPUTS);
    let ending = tokio::select! {
        ending = build(&job, &mut program, &mut reaper, &outputs) => ending,
        () = sleep(job.time) => Ending::TimedOut,
        _ = bot.read(&mut nothing) => Ending::Cancelled,
        () = too_much_memory(job.enclosure.plan.limits.memory) => Ending::TooMuchMemory,
    };
    reaper.end_all().await;
    let _ = timeout(Duration::from_secs(1), capture).await;
    if ending != Ending::Built {
        disk::remove_folder(&outputs)?;
    }
    tell(&Event::Ended(ending));
    Ok(())
}

async fn build(job: &JobFile, program: &mut Program, reaper: &mut Reaper, into: &Path) -> Ending {
    let received = receive(&mut program.control, into, job.enclosure.plan.limits.data).await;
    if let Err(refusal @ (Refusal::Missing(_) | Refusal::Odd(_) | Refusal::TooBig)) = received {
        return Ending::Refused(refusal);
    }
    match (reaper.end(program).await, received) {
        (0, Ok(())) => Ending::Built,
        (0, Err(refusal)) => Ending::Refused(refusal),
        (code, _) => Ending::Failed(code),
    }
}

async fn too_much_memory(most: u64) {
    let mut looks = interval(Duration::from_millis(500));
    loop {
        looks.tick().await;
        let used: u64 = descendants(getpid().as_raw_pid()).iter().map(|(pid, _)| resident(*pid)).sum();
        if used > most {
            return;
        }
    }
}

/// The bot may have gone; then nobody wants to know, and the closed pipe ends the build.
fn tell(event: &Event) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
    }
}
