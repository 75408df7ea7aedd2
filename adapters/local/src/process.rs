//! Processes of this machine, told apart for good: a pid is reused, a pid with its start time is not.
//!
//! A signal goes through a pidfd opened before the identity is checked, so that it can never reach a stranger that
//! got the same pid in between.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::plan::KEPT_IN;

/// A process by pid and start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its pid as the bot sees it.
    pub pid: i32,
    /// Its start in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub start: u64,
}

impl ProcessId {
    /// The process that has this pid now, unless it is dead or waits to be collected.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in the second field may hold spaces and parentheses: count from the last one.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let start = fields.nth(18)?.parse().ok()?;
        (!matches!(state, "Z" | "X" | "x")).then_some(Self { pid, start })
    }

    /// This process.
    pub fn own() -> io::Result<Self> {
        Self::of(getpid().as_raw_pid()).ok_or_else(|| io::Error::other("/proc is not mounted; mount it"))
    }

    /// Whether this very process still runs.
    pub fn lives(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// A variable of the environment that it was started with; `None` also when the process is another user's.
    pub fn variable(&self, name: &str) -> Option<String> {
        let environ = fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let value = environ.split(|byte| *byte == 0).find_map(|entry| {
            let text = std::str::from_utf8(entry).ok()?;
            text.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        })?;
        self.lives().then_some(value)
    }

    /// Sends a signal to this very process; `false` when it is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(false) };
        let found = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(found) => found,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !self.lives() {
            return Ok(false);
        }
        match pidfd_send_signal(found, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Everything that descends from a process, the nearest first, with its distance (children are 1).
pub fn descendants(pid: i32) -> Vec<(i32, usize)> {
    let mut found = vec![(pid, 0)];
    let mut next = 0;
    while let Some(&(parent, depth)) = found.get(next) {
        found.extend(children(parent).into_iter().map(|child| (child, depth + 1)));
        next += 1;
    }
    found.split_off(1)
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Kills whatever keepers that work in or below this folder left behind, and waits until it is gone.
///
/// A keeper takes everything along when it is killed, save what is at that moment half set up, or, without a wall, what
/// made itself independent.
pub async fn end_strays(folder: &Path) -> io::Result<()> {
    while kill_strays(folder)? {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The same without waiting; `true` when there were any.
pub fn kill_strays(folder: &Path) -> io::Result<bool> {
    let strays = kept_below(folder)?;
    for stray in &strays {
        stray.signal(Signal::KILL)?;
    }
    Ok(!strays.is_empty())
}

fn kept_below(folder: &Path) -> io::Result<Vec<ProcessId>> {
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let kept = |process: &ProcessId| {
        process.variable(KEPT_IN).is_some_and(|in_| Path::new(&in_).starts_with(folder))
    };
    Ok(pids.filter_map(ProcessId::of).filter(kept).collect())
}

/// Whether this kernel tells the children of a process; without it a unit's memory cannot be watched.
pub fn children_are_known() -> bool {
    fs::read("/proc/thread-self/children").is_ok()
}

/// Bytes of memory that a process holds for itself: private and shared memory, not mapped files.
pub fn resident(pid: i32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    let kilobytes = |line: &str| line.split_ascii_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
    let counted = status.lines().filter(|line| line.starts_with("RssAnon:") || line.starts_with("RssShmem:"));
    counted.filter_map(kilobytes).sum::<u64>() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_pid_is_another_process() {
        let own = ProcessId::own().unwrap();
        let former = ProcessId { start: own.start - 1, ..own };
        assert!(own.lives());
        assert!(!former.lives());
        assert_eq!(former.variable("PATH"), None);
        assert!(!former.signal(Signal::KILL).unwrap());
    }

    #[test]
    fn a_dead_process_that_nobody_collected_does_not_live() {
        let mut child =
            std::process::Command::new("/bin/cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(descendants(getpid().as_raw_pid()).contains(&(id.pid, 1)));
        assert!(id.signal(Signal::KILL).unwrap());
        rustix::process::waitid(
            rustix::process::WaitId::Pid(Pid::from_raw(id.pid).unwrap()),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(!id.lives());
        child.wait().unwrap();
    }
}
