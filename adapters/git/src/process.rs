//! Runs the `git` executable with everything switched off that could make git run something by itself.
//!
//! A repository is reached through one of two views. References are read and moved in the repository itself.
//! Objects are read and written through a private, empty repository that borrows only the object store, so that the
//! configuration, attributes, grafts and replacements lying in a component's repository are not even parsed while
//! strangers' content is handled.
//!
//! This file must never start a shell, hand on this process's environment, or wait without end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Settings for every call; they win over whatever a repository's own configuration says.
const CONFIGURATION: [&str; 12] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    // A commit graph is a cache that nobody checks: ancestry is read from the commits themselves.
    "core.commitGraph=false",
    // Larger files are compared as binary and streamed, so that a stranger's file cannot fill the memory.
    "core.bigFileThreshold=16m",
    // By default loose objects are not synced; a promotion must survive a power cut.
    "core.fsync=all",
    // Names are escaped by us, once, for the place where they are shown.
    "core.quotePath=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "safe.directory=*",
];

/// The whole environment of git, but for the search path and the view.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    // Names no protocol, so none is allowed; this beats the repository's `protocol.<name>.allow`.
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// How much of git's complaints is kept, in bytes.
const COMPLAINT_LIMIT: usize = 16 * 1024;

/// Where git looks during one call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'a> {
    /// The repository itself, for its references.
    References(&'a Path),
    /// Only the repository's objects.
    Objects(&'a Path),
}

/// The executable: how it is found, and how long one call may take.
#[derive(Debug)]
pub(crate) struct Git {
    pub(crate) search_path: OsString,
    /// The empty repository that stands in where only objects are wanted.
    pub(crate) private: PathBuf,
    pub(crate) deadline: Duration,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) view: View<'a>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) input: Vec<u8>,
    /// Bytes of the answer that are read; git is stopped beyond them.
    pub(crate) limit: usize,
    /// How long it may take, where that is not what every call may.
    pub(crate) patience: Option<Duration>,
}

/// What git answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<u8>,
    pub(crate) complaints: String,
    /// Whether the output went past the limit and was cut there.
    pub(crate) cut: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    Broken(io::Error),
    TimedOut,
}

impl<'a> Call<'a> {
    /// A call with no input, for an answer of at most 1 MiB.
    pub(crate) fn new<S: AsRef<OsStr>>(view: View<'a>, arguments: impl IntoIterator<Item = S>) -> Self {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Self {
            view,
            arguments,
            environment: Vec::new(),
            input: Vec::new(),
            limit: 1024 * 1024,
            patience: None,
        }
    }

    pub(crate) fn input(self, input: Vec<u8>) -> Self {
        Self { input, ..self }
    }

    pub(crate) fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

impl Git {
    /// Runs one call to its end, or until the limit or the deadline; whatever ends it, no process stays behind.
    pub(crate) async fn run(&self, call: Call<'_>) -> Result<Answer, NoAnswer> {
        let mut child = self.spawn(&call).map_err(NoAnswer::Broken)?;
        let work = converse(&mut child, &call.input, call.limit);
        match tokio::time::timeout(call.patience.unwrap_or(self.deadline), work).await {
            Ok(answer) => answer.map_err(NoAnswer::Broken),
            Err(_) => Err(NoAnswer::TimedOut),
        }
    }

    /// Git by its whole path, so that it is started without a copy of our own page tables first; what the search path
    /// does not have is reported by its name.
    fn program(&self) -> PathBuf {
        let mut found = std::env::split_paths(&self.search_path).map(|folder| folder.join("git"));
        found.find(|program| program.is_file()).unwrap_or_else(|| PathBuf::from("git"))
    }

    /// Starts git with all three streams piped. The process dies with the handle.
    pub(crate) fn spawn(&self, call: &Call<'_>) -> io::Result<Child> {
        let mut command = Command::new(self.program());
        command.env_clear().env("PATH", &self.search_path).envs(ENVIRONMENT).current_dir(&self.private);
        match call.view {
            View::References(repository) => command.env("GIT_DIR", repository),
            View::Objects(repository) => {
                command.env("GIT_DIR", &self.private).env("GIT_OBJECT_DIRECTORY", repository.join("objects"))
            }
        };
        command.envs(call.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]);
        CONFIGURATION.iter().for_each(|setting| {
            command.args(["-c", setting]);
        });
        command.args(&call.arguments).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}

/// Feeds the input and reads both outputs at once, since git may answer before it has read everything.
async fn converse(child: &mut Child, input: &[u8], limit: usize) -> io::Result<Answer> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Git may know its answer, or have died, before the end of the input; its exit code tells which.
            let _ = stdin.write_all(input).await;
        }
    };
    let complain = async {
        let Some(mut stderr) = stderr else { return Ok(Vec::new()) };
        let (complaints, _) = read_up_to(&mut stderr, COMPLAINT_LIMIT).await?;
        tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
        io::Result::Ok(complaints)
    };
    let answer = async {
        match stdout {
            // Dropped after the limit, which stops git at its next write.
            Some(mut stdout) => read_up_to(&mut stdout, limit).await,
            None => Ok((Vec::new(), false)),
        }
    };
    let ((), complaints, answer) = tokio::join!(feed, complain, answer);
    let (output, cut) = answer?;
    let complaints = String::from_utf8_lossy(&complaints?).into_owned();
    Ok(Answer { code: child.wait().await?.code(), output, complaints, cut })
}

/// Reads to the end or to the limit, and says whether there was more.
async fn read_up_to(from: &mut (impl AsyncRead + Unpin), limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let ceiling = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(ceiling).read_to_end(&mut bytes).await?;
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, cut))
}
