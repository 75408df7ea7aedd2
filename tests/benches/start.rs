//! `bench-start`: from starting the program to its first `200` on `/readyz`, and what it holds in memory when idle.
//!
//! Once with nothing in its state folder, and once on a journal of a million records that the pipeline itself wrote:
//! talk, questions, refusals, previews that come and go, freezes. With the projection in place, as after any orderly
//! stop, and without it. Beside each stands how long reading the journal's bytes takes alone.

#[allow(dead_code, reason = "each bench uses its part")]
mod cores;
#[allow(dead_code, reason = "each bench uses its part")]
mod disk;
#[allow(dead_code, reason = "each bench uses its part")]
mod figures;
mod hands;
mod history;
#[allow(dead_code, reason = "each bench uses its part")]
mod pipeline;
mod ports;
mod settings;
mod watch;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use figures::{Aim, Series, aim};
use folkops_world::{Browser, SERVICE, Setup, until_within};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use watch::Watch;

const ROUNDS: usize = 5;
/// How long the program is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "start: from start to ready, {ROUNDS} rounds, the program on one pinned core, median [least … most]"
    );
    empty().await;
    million().await;
}

async fn empty() {
    let (mut ready, mut resident) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let setup = Setup::new(|_| {}).await;
        let started = Started::until_ready(&setup).await;
        ready.push(started.ready_ms);
        resident.push(started.idle_mib(&setup).await);
        started.stop().await;
    }
    println!(
        "  empty state: ready after {ready:.0} ms; {resident:.1} MiB resident once production is up and idle"
    );
    println!("    {}", aim("empty state, ms to ready", ready.median(), Aim::AtMost(100.0)));
    println!("    {}", aim("idle, MiB resident", resident.median(), Aim::AtMost(25.0)));
}

async fn million() {
    let history = history::folder().await;
    let setup = Setup::new(|_| {}).await;
    let record = setup.state().join("record");
    fs::create_dir_all(&record).expect("the place is ours");
    copy(&history, &record);
    let (mut ready, mut rebuilt, mut read) = (Series::default(), Series::default(), Series::default());
    let mut resident = Series::default();
    for _ in 0..ROUNDS {
        read.push(reading_ms(&record.join("journal")));
        let started = Started::until_ready(&setup).await;
        ready.push(started.ready_ms);
        until_idle().await;
        resident.push(started.resident_mib());
        started.stop().await;
        fs::remove_dir_all(record.join("sled")).expect("the projection is there");
        let started = Started::until_ready(&setup).await;
        rebuilt.push(started.ready_ms);
        started.stop().await;
    }
    let (records, bytes) = (history::RECORDS, size(&record.join("journal")));
    println!("  {records} records, {:.0} MiB of journal, read alone in {read:.0} ms", bytes as f64 / MIB);
    println!("    ready after {ready:.0} ms, {:.1} × reading; {resident:.0} MiB resident", ready.over(&read));
    println!("    without the projection: ready after {rebuilt:.0} ms, {:.1} × reading", rebuilt.over(&read));
    println!("    {}", aim("a million records, ms to ready", ready.median(), Aim::AtMost(2_000.0)));
}

const MIB: f64 = (1 << 20) as f64;

/// A program that has become ready.
struct Started {
    child: Child,
    ready_ms: f64,
}

impl Started {
    async fn until_ready(setup: &Setup) -> Self {
        let log = setup.folder().join("bot.log");
        let began = Watch::start();
        let mut child =
            cores::on(cores::MEASURED, || setup.program.serve(setup.folder(), &setup.config(), &log));
        let host = format!("folkops.{SERVICE}");
        while began.shows() < PATIENCE {
            let answer = Browser::new(setup.site).tries(&host, "/readyz").await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                let ready_ms = began.ms();
                return Self { child, ready_ms };
            }
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the program ended ({status}): {}", fs::read_to_string(&log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the program is not ready: {}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// Mebibytes resident after a while in which nothing was asked, with production up.
    async fn idle_mib(&self, setup: &Setup) -> f64 {
        let up = async || {
            let status = Browser::new(setup.site).opens(&format!("folkops.{SERVICE}"), "/api/status").await;
            (status.json()["production"]["release"] == 1).then_some(())
        };
        until_within(PATIENCE, "production is not up", up).await;
        until_idle().await;
        self.resident_mib()
    }

    /// `VmRSS` of the process (proc(5)), in mebibytes.
    fn resident_mib(&self) -> f64 {
        let pid = self.child.id().expect("it runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("kibibytes");
        kib / 1024.0
    }

    async fn stop(mut self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("it runs"), Signal::TERM).expect("it may be asked to stop");
        self.child.wait().await.expect("it stops");
    }
}

/// How long `cat` takes to read a folder's files, in milliseconds.
fn reading_ms(folder: &Path) -> f64 {
    let began = Watch::start();
    let mut cat = std::process::Command::new("cat");
    cat.args(files(folder)).stdout(Stdio::null());
    let status = cores::on(cores::MEASURED, || cat.status()).expect("there is a cat");
    assert!(status.success(), "{status}");
    began.ms()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort();
    files
}

fn size(folder: &Path) -> u64 {
    files(folder).iter().map(|file| fs::metadata(file).expect("it is there").len()).sum()
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir_all(&target).expect("the place is ours");
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("the disk has room");
        }
    }
}

/// What is measured here is what a program holds after it was left alone for a while.
async fn until_idle() {
    tokio::time::sleep(IDLE).await;
}
