//! Looks whether a running unit takes more than it may: memory, files in memory, real data.
//!
//! The kernel bounds each process and each folder in memory; what several of them take together, and the real data on
//! disk, is measured here once a second. Between two looks a program can exceed its share; it cannot keep it.

use rustix::process::getpid;

use crate::disk;
use crate::plan::{Mount, UnitFile};
use crate::process::{descendants, resident};

/// Each file in memory costs the kernel about 1 KiB that no size limit counts.
const MOST_NODES: u64 = 100_000;

/// What is taken too much of, as a sentence, when something is.
pub fn excess(unit: &UnitFile) -> Option<String> {
    let limits = &unit.spec.limits;
    let processes = descendants(getpid().as_raw_pid());
    let memory: u64 = processes.iter().map(|(pid, _)| resident(*pid)).sum();
    if memory > limits.memory {
        return Some(format!("it used more than {} MiB of memory", limits.memory >> 20));
    }
    let inside = processes.iter().find(|(_, depth)| *depth == 2).map(|(pid, _)| *pid);
    if inside.is_some_and(|pid| nodes(unit, pid) > MOST_NODES) {
        return Some(format!("it made more than {MOST_NODES} temporary files"));
    }
    // A folder that cannot be measured, being nested too deep for one, is too much as well.
    let data = |folder| disk::bytes_below(folder).unwrap_or(u64::MAX);
    let most = unit.measured.iter().map(|folder| data(folder)).max().unwrap_or(0);
    (most > limits.data).then(|| format!("its data grew beyond {} MiB", limits.data >> 20))
}

/// Files in the fullest folder in memory, seen through bubblewrap's own process inside.
fn nodes(unit: &UnitFile, inside: i32) -> u64 {
    let mounts = unit.enclosure.walling.iter().flat_map(|walling| &walling.mounts);
    let used = mounts.filter_map(|mount| {
        let Mount::Memory { to, bytes } = mount else { return None };
        let found = rustix::fs::statvfs(format!("/proc/{inside}/root{}", to.display())).ok()?;
        // Until bubblewrap has set it up, the machine's own folder of this name is seen there: ours has our size.
        let ours = found.f_blocks * found.f_frsize == bytes.next_multiple_of(found.f_frsize);
        ours.then(|| found.f_files.saturating_sub(found.f_ffree))
    });
    used.max().unwrap_or(0)
}
