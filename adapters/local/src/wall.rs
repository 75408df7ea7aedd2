//! The wall: how bubblewrap is called so that a program sees nothing of this machine but what it was given.
//!
//! Own user, process, network, IPC, host-name and cgroup namespaces; `/usr` and the tools read-only; everything
//! writable is bounded memory or a declared data folder; no capability. `confine` then takes away the rest inside.
//!
//! When the bot runs as root, a program in a user namespace that maps root would still *be* root to the kernel: it
//! would own `/dev/null` and count against no process limit. So the keeper maps two users into the namespace, root
//! for setting up and [`NOBODY`] for the program, and `confine` becomes the second before anything of the
//! stranger's is read.

use std::path::{Path, PathBuf};

use crate::plan::{Identity, Mount, Walling};
use crate::spec::Toolchain;

/// Where our own program is seen inside.
pub const PROGRAM: &str = "/run/folkops";
/// Where the plan is seen inside.
pub const PLAN: &str = "/run/plan.json";
/// Where programs expect shared memory; they may write there, at most 16 MiB.
pub const SHARED_MEMORY: &str = "/dev/shm";
/// The user and group that walled programs are.
pub const NOBODY: Identity = Identity { uid: 65534, gid: 65534 };

/// A bubblewrap that was seen to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    pub(crate) bwrap: PathBuf,
    pub(crate) version: String,
}

impl Wall {
    /// What it says of itself, such as `bubblewrap 0.8.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn around(&self, mounts: Vec<Mount>) -> Walling {
        Walling { bwrap: self.bwrap.clone(), identity: identity(), mounts }
    }
}

/// Whom walled programs become; `None` when they stay the user that runs the bot.
pub fn identity() -> Option<Identity> {
    rustix::process::geteuid().is_root().then_some(NOBODY)
}

/// Where a toolchain's folder is seen.
pub fn tool_folder(tool: &Toolchain, walled: Option<&Wall>) -> PathBuf {
    walled.map_or_else(|| tool.folder.clone(), |_| Path::new("/toolchain").join(tool.name.as_str()))
}

/// The two descriptors by which the keeper sets up the users inside; see `keep/users.rs`.
#[derive(Debug, Clone, Copy)]
pub struct Handles {
    pub ready: i32,
    pub info: i32,
}

/// The arguments of bubblewrap, up to the program to run.
pub fn arguments(walling: &Walling, program: &Path, plan: &Path, handles: Option<Handles>) -> Vec<String> {
    let mut all = Arguments(Vec::new());
    all.flags(&[
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--clearenv",
    ]);
    match handles {
        Some(Handles { ready, info }) => {
            all.flags(&["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
            all.flags(&["--userns-block-fd", &ready.to_string(), "--info-fd", &info.to_string()]);
        }
        None => all.flags(&["--uid", "65534", "--gid", "65534"]),
    }
    all.system();
    for mount in &walling.mounts {
        all.mount(mount);
    }
    all.mount(&Mount::Read { from: program.to_owned(), to: PROGRAM.into() });
    all.mount(&Mount::Read { from: plan.to_owned(), to: PLAN.into() });
    // INVARIANT: nothing is writable but the mounts above; the root itself and /dev are memory without a bound.
    all.flags(&["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]);
    all.0
}

struct Arguments(Vec<String>);

impl Arguments {
    fn flags(&mut self, flags: &[&str]) {
        self.0.extend(flags.iter().map(|flag| (*flag).to_owned()));
    }

    fn system(&mut self) {
        self.flags(&["--ro-bind", "/usr", "/usr"]);
        for folder in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            self.flags(&["--ro-bind-try", folder, folder]);
        }
        self.flags(&["--perms", "0755", "--dir", "/etc"]);
        for file in ["/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"] {
            self.flags(&["--ro-bind-try", file, file]);
        }
        self.flags(&["--proc", "/proc", "--dev", "/dev"]);
        self.flags(&["--perms", "1777", "--size", "16777216", "--tmpfs", SHARED_MEMORY]);
    }

    fn mount(&mut self, mount: &Mount) {
        let (Mount::Read { to, .. } | Mount::Write { to, .. } | Mount::Memory { to, .. }) = mount;
        self.folders_above(to);
        match mount {
            Mount::Read { from, to } => self.bind("--ro-bind", from, to),
            Mount::Write { from, to } => self.bind("--bind", from, to),
            Mount::Memory { to, bytes } => {
                self.flags(&[
                    "--perms",
                    "1777",
                    "--size",
                    &bytes.to_string(),
                    "--tmpfs",
                    &to.to_string_lossy(),
                ]);
            }
        }
    }

    /// Left to itself, bubblewrap gives the folders above a private folder to root alone.
    fn folders_above(&mut self, path: &Path) {
        let above: Vec<_> = path.ancestors().skip(1).filter(|folder| folder.parent().is_some()).collect();
        for folder in above.into_iter().rev() {
            self.flags(&["--perms", "0755", "--dir", &folder.to_string_lossy()]);
        }
    }

    fn bind(&mut self, how: &str, from: &Path, to: &Path) {
        self.flags(&[how, &from.to_string_lossy(), &to.to_string_lossy()]);
    }
}
