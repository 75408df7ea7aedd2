//! This machine as the local target uses it: where it keeps things, the program that keeps and confines, the wall.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use folkops_model::Trust;
use serde_json::Error as NotJson;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::disk;
use crate::keep::JOB;
use crate::keep::job::{Ending, Event};
use crate::plan::{JobFile, Mount, Walling};
use crate::probe::{self, NoWall, Search};
use crate::spec::Toolchain;
use crate::wall::{self, Wall};

/// Where and with what the local target works.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) program: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) secrets: Option<PathBuf>,
    pub(crate) wall: Result<Wall, NoWall>,
}

/// What the configuration says of this machine.
#[derive(Debug, Clone)]
pub struct Places {
    /// The program that offers `keep` and `confine`: the shipped one.
    pub program: PathBuf,
    /// A folder of ours: units, builds and data lie in it.
    pub state: PathBuf,
    /// A file of secret values, one a line, that must never show in a log.
    pub secrets: Option<PathBuf>,
}

impl Machine {
    /// Creates the folders and tries the wall out, which takes some tens of milliseconds. Marks every file that this
    /// process was started with, but for the standard three, to be closed in its children.
    pub async fn open(places: Places, search: &Search) -> io::Result<Self> {
        let Places { program, state, secrets } = places;
        // A keeper outlives us: it must not hold what our own starter left open, such as a pipe that somebody reads.
        close_fds::set_fds_cloexec(3, &[]);
        for folder in ["units", "builds", "data"] {
            disk::private_folder(&state.join(folder))?;
        }
        let state = state.canonicalize()?;
        let wall = probe::find(&program, &state.join("builds/probe"), search).await?;
        Ok(Self { program, state, secrets, wall })
    }

    /// The wall, or why there is none.
    pub fn wall(&self) -> Result<&Wall, &NoWall> {
        self.wall.as_ref()
    }

    /// The wall for code of this trust. Unmerged code without one is refused; merged code does without.
    pub(crate) fn wall_for(&self, trust: Trust) -> Result<Option<&Wall>, NoWall> {
        match (&self.wall, trust) {
            (Ok(wall), _) => Ok(Some(wall)),
            (Err(_), Trust::Merged) => Ok(None),
            (Err(none), Trust::Unmerged) => Err(none.clone()),
        }
    }
}

/// The mounts of toolchains, and the `PATH` to them.
pub fn tools(toolchains: &[Toolchain], wall: Option<&Wall>) -> (Vec<Mount>, String) {
    let read =
        |tool: &Toolchain| Mount::Read { from: tool.folder.clone(), to: wall::tool_folder(tool, wall) };
    let bin = |tool: &Toolchain| wall::tool_folder(tool, wall).join("bin").to_string_lossy().into_owned();
    let path = toolchains.iter().map(bin).chain(["/usr/local/bin:/usr/bin:/bin".to_owned()]);
    (toolchains.iter().map(read).collect(), path.collect::<Vec<_>>().join(":"))
}

/// Puts folders for their `{name}`s.
pub fn fill(text: &str, folders: &[(&str, &Path)], toolchains: &[Toolchain], wall: Option<&Wall>) -> String {
    let tools = toolchains.iter().map(|tool| (tool.name.as_str(), wall::tool_folder(tool, wall)));
    let folders = folders.iter().map(|(name, folder)| (*name, folder.to_path_buf()));
    folders.chain(tools).fold(text.to_owned(), |text, (name, folder)| {
        text.replace(&format!("{{{name}}}"), &folder.to_string_lossy())
    })
}

/// Runs a build in a folder of its own and passes its lines on. Dropping this ends the build and all it started.
pub async fn run_job(
    program: &Path,
    folder: &Path,
    job: &JobFile,
    progress: &mut (dyn FnMut(&str) + Send),
) -> io::Result<Ending> {
    disk::private_folder(folder)?;
    disk::write_json(&folder.join(JOB), job)?;
    let mut keeper = Command::new(program);
    let keeper = keeper.arg("keep").arg(folder).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let own_log = std::fs::File::create(folder.join("keeper.log"))?;
    let mut keeper = keeper.stderr(own_log).spawn()?;
    let told = keeper.stdout.take().ok_or_else(|| io::Error::other("the keeper has no output"))?;
    let mut told = BufReader::new(told).lines();
    while let Some(line) = told.next_line().await? {
        match serde_json::from_str(&line).map_err(|error: NotJson| io::Error::other(error))? {
            Event::Line(line) => progress(&line),
            Event::Ended(ending) => return Ok(ending),
        }
    }
    let said = std::fs::read_to_string(folder.join("keeper.log"))?;
    Err(io::Error::other(format!("the build's keeper ended early: {}", said.trim())))
}

/// Around a program: the wall with these mounts, or nothing.
pub fn walling(wall: Option<&Wall>, mounts: Vec<Mount>) -> Option<Walling> {
    wall.map(|wall| wall.around(mounts))
}
