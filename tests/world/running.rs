//! What runs, asked of the processes and of nobody else.
//!
//! A program's bytes are read from the process itself (`/proc/<pid>/exe` is the file that it was started from, even
//! when its name has gone), and what it belongs to from the keeper above it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cleaning::{arguments, pids};

/// One program that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// Of which stack.
    pub stack: String,
    /// Which component.
    pub component: String,
    /// The program's own process.
    pub pid: i32,
    /// The digest of a build that holds just the bytes that run.
    pub digest: String,
    /// What it was told to call itself, such as `Release 1`; only the entrance is told.
    pub label: Option<String>,
}

/// Every program that is kept below a state folder, in order.
pub(crate) fn running(state: &Path) -> Vec<Running> {
    let units = state.join("run/units");
    let mut found: Vec<Running> = pids().filter_map(|pid| program(pid, &units)).collect();
    found.sort();
    found
}

/// A process is a unit's program when it runs a file that a build left, below a keeper of that unit.
fn program(pid: i32, units: &Path) -> Option<Running> {
    let file = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = file.file_name()?.to_str()?.trim_end_matches(" (deleted)").to_owned();
    if !name.starts_with("potluck-") {
        return None;
    }
    let unit = std::iter::successors(Some(pid), |pid| parent(*pid)).find_map(|above| kept(above, units))?;
    let bytes = fs::read(format!("/proc/{pid}/exe")).ok()?;
    let (stack, component) = (unit.parent()?.file_name()?, unit.file_name()?);
    Some(Running {
        stack: stack.to_str()?.to_owned(),
        component: component.to_str()?.to_owned(),
        pid,
        digest: digest_of_file(&name, &bytes),
        label: variable(pid, "RELEASE_LABEL"),
    })
}

fn variable(pid: i32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let entries = environment.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
    entries
        .filter_map(|entry| entry.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

/// The unit that a process keeps, when it is a keeper.
fn kept(pid: i32, units: &Path) -> Option<PathBuf> {
    let words = arguments(pid);
    let folder = words.get(2).filter(|_| words.get(1).is_some_and(|word| word == b"keep"))?;
    let folder = PathBuf::from(std::ffi::OsStr::from_bytes(folder));
    folder.starts_with(units).then_some(folder)
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok().filter(|pid| *pid > 1)
}

/// The digest of a build that holds one executable file: SHA-256 over `<path>\0555\0<size>\0<sha256>\n`.
pub fn digest_of_file(name: &str, bytes: &[u8]) -> String {
    let manifest = format!("{name}\0555\0{}\0{}\n", bytes.len(), hex(&Sha256::digest(bytes)));
    format!("sha256:{}", hex(&Sha256::digest(manifest)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digests of one stack, by component.
pub(crate) fn digests(running: &[Running], stack: &str) -> BTreeMap<String, String> {
    let mine = running.iter().filter(|program| program.stack == stack);
    mine.map(|program| (program.component.clone(), program.digest.clone())).collect()
}
