//! Which core does what: the measured side has core 0 to itself, load and upstream share core 1.
//!
//! Threads and processes inherit the cores of the thread that starts them, so pinning ourselves around a start pins
//! what is started. On a machine with one core everything shares it.

use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Where the measured program runs.
pub const MEASURED: usize = 0;
/// Where load and upstream run.
pub const LOAD: usize = 1;

/// Ticks a second in `/proc`: Linux shows user space 100 on every processor that we build for (USER_HZ, time(7)).
const TICKS: f64 = 100.0;

/// Confines this thread, and all it starts from now on, to one core.
pub fn pin(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    // A machine without that core has one that serves as both.
    let _unpinned = sched_setaffinity(None, &only);
}

/// Does something confined to one core, then goes back to where this thread was.
pub fn on<R>(core: usize, work: impl FnOnce() -> R) -> R {
    let before = sched_getaffinity(None).expect("a thread may ask for its own cores");
    pin(core);
    let result = work();
    sched_setaffinity(None, &before).expect("a thread may go back to its cores");
    result
}

/// Seconds of processor time that a process with all its threads has used, user and system, from `/proc/PID/stat`.
pub fn used(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name in brackets may hold spaces; after it, utime and stime are the 12th and 13th words (proc(5)).
    let (_, after) = stat.rsplit_once(')').expect("the name stands in brackets");
    let ticks: f64 = after.split_whitespace().skip(11).take(2).map(|word| word.parse::<f64>().unwrap()).sum();
    ticks / TICKS
}

/// Seconds of processor time that this thread has used.
pub fn own_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
