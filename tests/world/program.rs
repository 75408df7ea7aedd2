//! The program under test: the file that ships, started the way an operator starts it.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A command at the prompt ends within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A variable in the program's environment that nothing it starts may ever see.
pub(crate) const CANARY: (&str, &str) = ("FOLKOPS_CANARY", "nobody-may-see-this");

/// The program's file.
#[derive(Debug, Clone)]
pub struct Program(PathBuf);

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub said: String,
    /// What it complained about.
    pub complained: String,
}

impl Program {
    /// The file that `FOLKOPS_BIN` names, or the one that was built beside these tests.
    ///
    /// # Panics
    /// If there is none.
    pub fn find() -> Self {
        let beside = || {
            let own = env::current_exe().ok()?;
            Some(own.ancestors().nth(2)?.join("folkops"))
        };
        let path = env::var_os("FOLKOPS_BIN").map(PathBuf::from).or_else(beside).unwrap_or_default();
        assert!(path.is_file(), "`{}` is missing; build it with `cargo build -p folkops`", path.display());
        Self(path)
    }

    /// Another file: a program that a story has built.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A command of the program, in a folder, that dies with the story.
    pub fn command(&self, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(&self.0);
        command
            .args(arguments)
            .current_dir(folder)
            .env(CANARY.0, CANARY.1)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub async fn run(&self, folder: &Path, arguments: &[&str]) -> Ended {
        let ended = timeout(PATIENCE, self.command(folder, arguments).output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{arguments:?} does not end")).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), said: text(output.stdout), complained: text(output.stderr) }
    }

    /// Starts the bot; what it logs goes to the end of a file.
    pub fn serve(&self, folder: &Path, config: &Path, log: &Path) -> Child {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command =
            self.command(folder, &[OsStr::new("serve"), OsStr::new("--config"), config.as_os_str()]);
        command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }
}

impl Ended {
    /// What it said, where it ended well.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn well(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}", self.complained);
        self.said.trim_end()
    }

    /// What it complained about, where it was refused.
    ///
    /// # Panics
    /// If it was not.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.complained.trim_end()
    }
}

/// Sends a signal to a child that has not been collected yet.
/// Ends a process without a word.
pub(crate) fn kill(process: u32) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::KILL).unwrap();
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    kill_process(pid.expect("it runs"), signal).unwrap();
}
