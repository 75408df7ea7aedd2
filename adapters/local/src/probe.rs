//! Finds the wall at start: not whether bubblewrap is installed, but whether a program really runs behind it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::keep::job::Ending;
use crate::machine::run_job;
use crate::plan::{Enclosure, Guard, JobFile, Mount, Plan, Task};
use crate::spec::Limits;
use crate::wall::{Wall, identity};
use crate::{disk, log, process};

/// Where bubblewrap may be.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Where the configuration says it is; then nowhere else is looked.
    pub bwrap: Option<PathBuf>,
    /// The folders of `PATH`.
    pub folders: Vec<PathBuf>,
}

/// Why strangers' code cannot run here, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWall {
    /// Bubblewrap is not there.
    #[error(
        "there is no wall on this machine: `bwrap` was not found; install bubblewrap 0.7 or later with \
         `apt install bubblewrap` (Debian, Ubuntu), `dnf install bubblewrap` (Fedora) or \
         `pacman -S bubblewrap` (Arch), then start again"
    )]
    Missing,
    /// It is there, but nothing runs behind it.
    #[error(
        "there is no wall on this machine: `bwrap` is installed, but a program does not run behind it (`{said}`); \
         user namespaces must be allowed: `sysctl kernel.unprivileged_userns_clone=1` (Debian), \
         `sysctl kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu), \
         `sysctl user.max_user_namespaces=15000` (Fedora, Arch), and bubblewrap must be 0.7 or later"
    )]
    Forbidden {
        /// The end of what it said.
        said: String,
    },
    /// The kernel does not tell which processes belong together.
    #[error(
        "there is no wall on this machine: its kernel lacks `/proc/<pid>/task/<tid>/children`; use one that has it"
    )]
    Blind,
}

/// Looks for bubblewrap and tries it out in `folder`, which is removed again.
pub async fn find(program: &Path, folder: &Path, search: &Search) -> io::Result<Result<Wall, NoWall>> {
    if !process::children_are_known() {
        return Ok(Err(NoWall::Blind));
    }
    let found = search
        .bwrap
        .clone()
        .or_else(|| search.folders.iter().map(|folder| folder.join("bwrap")).find(|p| p.is_file()));
    let Some(bwrap) = found.filter(|path| path.is_file()) else { return Ok(Err(NoWall::Missing)) };
    let version = match Command::new(&bwrap).arg("--version").env_clear().output().await {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Ok(Err(NoWall::Forbidden { said: error.to_string() })),
    };
    let wall = Wall { bwrap, version };
    disk::remove_folder(folder)?;
    let ending = run_job(program, folder, &trivial(program, &wall), &mut |_| {}).await;
    let said = log::tail(folder, 400).replace('`', "'");
    disk::remove_folder(folder)?;
    Ok(match ending {
        Ok(Ending::Built) => Ok(wall),
        Ok(_) => Err(NoWall::Forbidden { said }),
        Err(error) => Err(NoWall::Forbidden { said: format!("{error} {said}").trim().to_owned() }),
    })
}

/// A build of nothing.
fn trivial(program: &Path, wall: &Wall) -> JobFile {
    let plan = Plan {
        argv: vec!["/usr/bin/true".to_owned()],
        env: BTreeMap::new(),
        folder: "/tmp".into(),
        task: Task::Build { root: "/tmp".into(), outputs: Vec::new() },
        limits: Limits::service(),
        identity: identity(),
        guard: Guard::Walled { write: vec!["/tmp".into()] },
        seed: None,
    };
    let walling = wall.around(vec![Mount::Memory { to: "/tmp".into(), bytes: 1 << 20 }]);
    let enclosure = Enclosure { program: program.to_owned(), walling: Some(walling), plan };
    JobFile { enclosure, time: Duration::from_secs(20), secrets: None }
}
