//! Sets up the users of a wall that root builds: root for bubblewrap's own work, nobody for the program.
//!
//! Bubblewrap can map one user only, so it is told to wait while we write the maps: see `wall.rs` for the reason.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::pipe::pipe;
use serde::Deserialize;

use crate::plan::Identity;
use crate::wall::Handles;

/// Two pipes that bubblewrap inherits.
pub struct Users {
    identity: Identity,
    wait: OwnedFd,
    go: OwnedFd,
    told: OwnedFd,
    tell: OwnedFd,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    child_pid: i32,
}

impl Users {
    /// Opens the pipes. They are inherited by whatever is started next, which must be bubblewrap.
    pub fn new(identity: Identity) -> io::Result<Self> {
        let (wait, go) = pipe()?;
        let (told, tell) = pipe()?;
        for ours in [&go, &told] {
            rustix::io::fcntl_setfd(ours, rustix::io::FdFlags::CLOEXEC)?;
        }
        Ok(Self { identity, wait, go, told, tell })
    }

    /// The ends that bubblewrap uses.
    pub fn handles(&self) -> Handles {
        Handles { ready: self.wait.as_raw_fd(), info: self.tell.as_raw_fd() }
    }

    /// Waits for the namespace, maps the users, lets bubblewrap go on.
    pub fn map(self) -> io::Result<()> {
        let Self { identity: Identity { uid, gid }, wait, go, told, tell } = self;
        drop((wait, tell));
        let mut text = String::new();
        fs::File::from(told).read_to_string(&mut text)?;
        let Told { child_pid } = serde_json::from_str(&text)
            .map_err(|_| io::Error::other("bubblewrap ended before the wall stood; see the log"))?;
        fs::write(format!("/proc/{child_pid}/uid_map"), format!("0 0 1\n{uid} {uid} 1\n"))?;
        fs::write(format!("/proc/{child_pid}/gid_map"), format!("0 0 1\n{gid} {gid} 1\n"))?;
        fs::File::from(go).write_all(b"1")
    }
}
