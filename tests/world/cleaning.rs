//! Leaves nothing behind: ends every process that belongs to a story's folder.
//!
//! A process belongs to it when its command line names something below the folder: the bot, the router, keepers and
//! walls all do. What runs inside a wall dies with the wall.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder that goes when it is dropped, together with everything that runs and belongs to it.
pub(crate) struct Temporary(TempDir);

impl Temporary {
    /// Sockets' paths must be short, so the folder's is.
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("fw").rand_bytes(6).tempdir_in("/tmp").unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        end_everything_below(self.path());
    }
}

/// Ends what a killed keeper's own deadline would end later; gives up after five seconds.
pub(crate) fn end_everything_below(folder: &Path) {
    for _ in 0..500 {
        let left = pids().filter(|pid| belongs(*pid, folder)).collect::<Vec<_>>();
        if left.is_empty() {
            return;
        }
        for pid in left {
            // It may have ended in between, which is as good.
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        a_moment_until_they_are_gone();
    }
}

/// What runs and belongs to a folder, as it was started.
pub(crate) fn command_lines_below(folder: &Path) -> Vec<Vec<String>> {
    pids().filter(|pid| belongs(*pid, folder)).map(words).collect()
}

fn words(pid: i32) -> Vec<String> {
    arguments(pid).iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Kills the processes that belong to a folder and are wanted by their command lines; how many there were.
pub(crate) fn kill_below(folder: &Path, wanted: impl Fn(&[String]) -> bool) -> usize {
    let doomed: Vec<i32> = pids().filter(|pid| belongs(*pid, folder) && wanted(&words(*pid))).collect();
    for pid in &doomed {
        // It may have ended in between, which is as good.
        let _ = Pid::from_raw(*pid).map(|pid| kill_process(pid, Signal::KILL));
    }
    doomed.len()
}

#[expect(clippy::disallowed_methods, reason = "a destructor cannot wait for a fact in any other way")]
fn a_moment_until_they_are_gone() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Every process of this machine.
pub(crate) fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn belongs(pid: i32, folder: &Path) -> bool {
    let folder = folder.as_os_str().as_bytes();
    let ours = u32::try_from(pid) == Ok(std::process::id());
    !ours && arguments(pid).iter().any(|word| word.windows(folder.len()).any(|part| part == folder))
}

/// A process's command line; none when it is gone.
pub(crate) fn arguments(pid: i32) -> Vec<Vec<u8>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}
