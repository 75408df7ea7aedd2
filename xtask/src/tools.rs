//! The programs that tests, benches and the demo start: found, or fetched.
//!
//! Looked for in the variable that names it, on the PATH, and in the cache; what is missing is
//! fetched once from Debian's archive; data and peers come from npm's registry. A tool that cannot be
//! had is named with its package, all of them in one sentence. Nothing here may start a daemon, and without root nothing outside the
//! cache is touched.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::places;
use crate::stages::say;
use crate::trouble::{Outcome, Trouble};

mod debian;
mod launcher;
pub mod npm;

/// How far fetching may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only our cache is written, also as root.
    Cache,
    /// As root the packages are installed on the machine; else the cache is used.
    System,
}

/// A program and how to come by it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name on the PATH.
    program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    /// Where that package puts it, from `/`.
    unpacked: &'static str,
    /// The variable through which tests and the program learn its path.
    variable: &'static str,
}

/// Variables to hand on, each with the path of a tool.
pub type Found = BTreeMap<&'static str, PathBuf>;

/// The wall around strangers' code.
pub const BWRAP: Tool =
    Tool { program: "bwrap", package: "bubblewrap", unpacked: "usr/bin/bwrap", variable: "FOLKOPS_BWRAP" };
const STRACE: Tool =
    Tool { program: "strace", package: "strace", unpacked: "usr/bin/strace", variable: "FOLKOPS_STRACE" };
const CHROMIUM: Tool = Tool {
    program: "chromium",
    package: "chromium",
    // `usr/bin/chromium` is a script that only knows its installed place.
    unpacked: "usr/lib/chromium/chromium",
    variable: "FOLKOPS_CHROMIUM",
};
const CHROMEDRIVER: Tool = Tool {
    program: "chromedriver",
    package: "chromium-driver",
    unpacked: "usr/bin/chromedriver",
    variable: "FOLKOPS_CHROMEDRIVER",
};
const NGINX: Tool =
    Tool { program: "nginx", package: "nginx", unpacked: "usr/sbin/nginx", variable: "FOLKOPS_NGINX" };
const HAPROXY: Tool = Tool {
    program: "haproxy",
    package: "haproxy",
    unpacked: "usr/sbin/haproxy",
    variable: "FOLKOPS_HAPROXY",
};
const WRK: Tool = Tool { program: "wrk", package: "wrk", unpacked: "usr/bin/wrk", variable: "FOLKOPS_WRK" };

/// What the tests start.
pub const FOR_TESTS: &[Tool] = &[BWRAP, STRACE, CHROMIUM, CHROMEDRIVER];
/// What the benches start: the peers, and what loads them.
pub const FOR_BENCHES: &[Tool] = &[BWRAP, STRACE, NGINX, HAPROXY, WRK, npm::NODE];

/// Finds every tool, fetching what is missing; the trouble names all that cannot be had.
pub fn provide(tools: &[Tool], reach: Reach) -> Outcome<Found> {
    let unpacked = places::cache()?.join("tools");
    let missing = absent(tools, &unpacked);
    if !missing.is_empty() {
        say(&format!("fetching {}", missing.join(" ")));
        if let Err(trouble) = debian::fetch(&missing, reach, &unpacked) {
            say(&format!("fetching failed: {trouble}"));
        }
    }
    let missing = absent(tools, &unpacked);
    if missing.is_empty() {
        return tools.iter().filter_map(|tool| tool.find(&unpacked)).map(launcher::ready).collect();
    }
    let packages = missing.join("`, `");
    Err(Trouble::new(format!("install `{packages}` with your system's package manager, then run this again")))
}

fn absent(tools: &[Tool], unpacked: &Path) -> Vec<&'static str> {
    tools.iter().filter(|tool| tool.find(unpacked).is_none()).map(|tool| tool.package).collect()
}

/// Where a tool was found, which decides whether it finds its libraries by itself.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Installed(&'static str, PathBuf),
    Unpacked { variable: &'static str, prefix: PathBuf, program: PathBuf },
}

impl Tool {
    fn find(&self, unpacked: &Path) -> Option<Place> {
        let given = env::var_os(self.variable).map(PathBuf::from).filter(|path| runs(path));
        let installed = given.or_else(|| on_path(self.program, env::var_os("PATH").unwrap_or_default()));
        installed.map(|path| Place::Installed(self.variable, path)).or_else(|| {
            let program = unpacked.join(self.unpacked);
            let prefix = unpacked.to_path_buf();
            let complete = runs(&program) && launcher::is_complete(&prefix, &program);
            complete.then_some(Place::Unpacked { variable: self.variable, prefix, program })
        })
    }
}

/// Daemons live in `/usr/sbin`, which a person's PATH often leaves out.
fn on_path(program: &str, path: OsString) -> Option<PathBuf> {
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(system).map(|folder| folder.join(program)).find(|path| runs(path))
}

fn runs(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_folder_or_plain_file_is_not_one() {
        assert!(on_path("cargo", env::var_os("PATH").unwrap()).is_some());
        assert!(on_path("src", places::root().join("xtask").into_os_string()).is_none());
        assert!(on_path("Cargo.toml", places::root().join("xtask").into_os_string()).is_none());
    }

    #[test]
    fn a_tool_that_is_nowhere_is_named_by_its_package() {
        let ghost =
            Tool { program: "gh-ost", package: "ghost", unpacked: "usr/bin/gh-ost", variable: "GH_OST" };
        assert_eq!(absent(&[ghost], Path::new("/nowhere")), ["ghost"]);
    }
}
