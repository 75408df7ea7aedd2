//! Where the program is killed: at the n-th call of one kind that any one of its threads makes.
//!
//! `strace` counts calls thread by thread, so the n-th call of the thread that gets there first is the place; n goes
//! from one to the most that any thread makes. Programs that the bot starts are let go as they begin (`execve`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use folkops_world::{Program, tool};
use tokio::process::Command;

use super::gate::HELD;

/// The calls by which the program changes anything outside itself: files, folders, sockets.
pub(crate) const CALLS: [&str; 11] = [
    "write",
    "writev",
    "pwrite64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat2",
    "connect",
    "sendto",
    "sendmsg",
];

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which call.
    pub call: &'static str,
    /// The how-manieth of one thread, from 1.
    pub n: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call, self.n)
    }
}

/// What is watched in one run of the bot.
#[derive(Debug, Clone)]
pub(crate) enum Watch {
    /// Every call is counted, none is hindered.
    Count,
    /// The bot is killed there.
    Kill(Place),
    /// The bot stops at every call that its gate holds.
    Gate,
}

/// The bot's command under `strace`, which writes the calls that it watches to a file.
pub(crate) fn traced(watch: &Watch, program: &Program, folder: &Path, trace: &Path) -> Command {
    let inject = match watch {
        Watch::Count => vec![format!("--trace={}", CALLS.join(","))],
        Watch::Kill(place) => vec![
            format!("--trace={}", place.call),
            format!("--inject={}:signal=SIGKILL:when={}", place.call, place.n),
        ],
        Watch::Gate => {
            vec![format!("--trace={}", HELD.join(",")), format!("--inject={}:signal=SIGSTOP", HELD.join(","))]
        }
    };
    let mut command = Command::new(tool("FOLKOPS_STRACE", "strace"));
    command
        .args(["-f", "-qq", "-y", "--string-limit=0", "--detach-on=execve", "--output"])
        .arg(trace)
        .args(inject);
    command.arg("--").arg(program.path()).current_dir(folder).kill_on_drop(true);
    command
}

/// For every call, the most that any one thread made of it.
pub(crate) fn counted(trace: &Path) -> BTreeMap<&'static str, u32> {
    let text = fs::read_to_string(trace).unwrap();
    let mut threads: BTreeMap<(&str, &'static str), u32> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        // A call that another thread interrupts in the trace stands there twice; its beginning counts.
        let made = CALLS
            .iter()
            .find(|name| call.trim_start().strip_prefix(**name).is_some_and(|rest| rest.starts_with('(')));
        made.into_iter().for_each(|name| *threads.entry((thread, name)).or_default() += 1);
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in threads {
        let known = most.entry(call).or_insert(0);
        *known = count.max(*known);
    }
    most
}

/// The last call of a kind that was watched, for people who read what was found.
pub(crate) fn about(trace: &Path, call: &str) -> String {
    let text = fs::read_to_string(trace).unwrap_or_default();
    let last =
        text.lines().rev().filter_map(|line| line.find(&format!("{call}(")).map(|at| &line[at..])).next();
    last.map_or_else(|| call.to_owned(), |line| line.chars().take(120).collect())
}
