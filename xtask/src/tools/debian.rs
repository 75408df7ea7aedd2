//! Fetches packages from Debian's archive: installed as root, else unpacked into the cache.
//!
//! Unpacking asks apt for exactly the packages that this machine lacks, with apt's own records in
//! the cache, so it needs no right at all. It must never start a daemon, nor leave behind a rule
//! that it made.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use super::Reach;
use crate::places;
use crate::program;
use crate::stages::say;
use crate::trouble::{Outcome, Trouble};

const INSTALL: [&str; 4] = ["install", "--quiet", "--yes", "--no-install-recommends"];

/// Fetches the packages; afterwards they are on the PATH or below `unpacked`.
pub fn fetch(packages: &[&str], reach: Reach, unpacked: &Path) -> Outcome {
    if !program::succeeds(Command::new("apt-get").arg("--version")) {
        return Err(Trouble::new("this machine has no `apt-get`"));
    }
    if reach == Reach::System && is_root() {
        match install(packages) {
            Ok(()) => return Ok(()),
            Err(trouble) => say(&format!("cannot install ({trouble}); unpacking into the cache instead")),
        }
    }
    unpack(packages, unpacked)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn install(packages: &[&str]) -> Outcome {
    let _quiet = NoDaemons::enforce()?;
    // A third party's source that is down does not keep Debian's packages from us.
    if let Err(trouble) = program::run(&mut apt(&["update", "--quiet"])) {
        say(&format!("going on with the package lists at hand: {trouble}"));
    }
    program::run(apt(&INSTALL).args(packages))
}

fn unpack(packages: &[&str], unpacked: &Path) -> Outcome {
    let work = places::cache()?.join("apt");
    let archives = work.join("archives");
    for folder in [archives.join("partial"), work.join("lists/partial"), unpacked.to_path_buf()] {
        fs::create_dir_all(&folder).map_err(Trouble::during(folder.display()))?;
    }
    // The machine's own package lists serve if it has them, and they are not stale; else ours are fetched.
    let listed = program::succeeds(privately(&INSTALL, &work, None).arg("--print-uris").args(packages));
    if !listed || download(packages, &work, None).is_err() {
        let lists = work.join("lists");
        program::run(&mut privately(&["update", "--quiet"], &work, Some(&lists)))?;
        download(packages, &work, Some(&lists))?;
    }
    for entry in fs::read_dir(&archives).map_err(Trouble::during(archives.display()))?.flatten() {
        if entry.path().extension().is_some_and(|end| end == "deb") {
            program::run(Command::new("dpkg").arg("--extract").arg(entry.path()).arg(unpacked))?;
        }
    }
    fs::remove_dir_all(&archives).map_err(Trouble::during(archives.display()))
}

fn download(packages: &[&str], work: &Path, lists: Option<&Path>) -> Outcome {
    program::run(privately(&INSTALL, work, lists).arg("--download-only").args(packages))
}

/// Apt with its cache in `work`, and its lists too if a folder for them is given.
fn privately(arguments: &[&str], work: &Path, lists: Option<&Path>) -> Command {
    let mut command = apt(arguments);
    // Nothing of the system is written, so there is nothing to lock.
    command.args(["-o", "Debug::NoLocking=1", "-o"]).arg(format!("Dir::Cache={}", work.display()));
    if let Some(lists) = lists {
        command.arg("-o").arg(format!("Dir::State::Lists={}", lists.display()));
    }
    command
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// While it lives, installing a daemon does not start it.
struct NoDaemons {
    ours: bool,
}

impl NoDaemons {
    const RULE: &str = "/usr/sbin/policy-rc.d";

    fn enforce() -> Outcome<Self> {
        // A rule that somebody else made is theirs to keep or remove.
        if Path::new(Self::RULE).exists() {
            return Ok(Self { ours: false });
        }
        let guard = Self { ours: true };
        fs::write(Self::RULE, "#!/bin/sh\nexit 101\n").map_err(Trouble::during(Self::RULE))?;
        fs::set_permissions(Self::RULE, fs::Permissions::from_mode(0o755))
            .map_err(Trouble::during(Self::RULE))?;
        Ok(guard)
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(Self::RULE)
        {
            say(&format!("remove {} by hand, or daemons will not start: {error}", Self::RULE));
        }
    }
}
