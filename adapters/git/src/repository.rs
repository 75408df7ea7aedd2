//! One component's repository, and the two ways to ask it something.
//!
//! It turns every failure of git into an error that names the component; it never shows where on this machine the
//! repository lies, because these sentences are read in a room.

use std::ffi::OsStr;
use std::path::Path;

use folkops_model::{ComponentName, Sha};

use crate::error::GitError;
use crate::process::{Answer, Call, Git, NoAnswer, View};
use crate::text;

/// A repository that was there a moment ago.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repository<'a> {
    pub(crate) git: &'a Git,
    pub(crate) component: &'a ComponentName,
    path: &'a Path,
}

impl<'a> Repository<'a> {
    /// Looks whether a bare repository is there.
    pub(crate) fn new(git: &'a Git, component: &'a ComponentName, path: &'a Path) -> Result<Self, GitError> {
        let this = Self { git, component, path };
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            Ok(this)
        } else {
            Err(this.unusable("there is no bare repository at its path"))
        }
    }

    /// A call that sees the references.
    pub(crate) fn references<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call<'a> {
        Call::new(View::References(self.path), arguments)
    }

    /// A call that sees only the objects.
    pub(crate) fn objects<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call<'a> {
        Call::new(View::Objects(self.path), arguments)
    }

    /// The answer, whatever the exit code.
    pub(crate) async fn ask(&self, call: Call<'_>) -> Result<Answer, GitError> {
        self.git.run(call).await.map_err(|reason| self.silent(reason))
    }

    /// The output of a call that must succeed and be read to its end.
    pub(crate) async fn output(&self, call: Call<'_>) -> Result<Vec<u8>, GitError> {
        let limit = call.limit;
        let answer = self.ask(call).await?;
        match answer {
            Answer { cut: true, .. } => Err(GitError::TooMuch { component: self.component.clone(), limit }),
            Answer { code: Some(0), output, .. } => Ok(output),
            failed => Err(self.failed(&failed)),
        }
    }

    /// Makes a moved reference survive a power cut: git syncs the file, but not the folder that names it.
    pub(crate) async fn sync_folder_of(&self, reference: &str) -> Result<(), GitError> {
        let file = self.path.join(reference);
        let Some(folder) = file.parent().filter(|folder| folder.exists()) else { return Ok(()) };
        let synced = async { tokio::fs::File::open(folder).await?.sync_all().await };
        synced.await.map_err(|error| self.unusable(&error.to_string()))
    }

    /// What a failed call says about the repository.
    pub(crate) fn failed(&self, answer: &Answer) -> GitError {
        let said = answer.complaints.replace(&*self.path.to_string_lossy(), "the repository");
        let line = said.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
        let line = line.and_then(|line| line.split_once(": ")).map(|(_, rest)| rest);
        self.unusable(line.unwrap_or("git stopped without saying why"))
    }

    /// The error for a call that has no answer.
    pub(crate) fn silent(&self, reason: NoAnswer) -> GitError {
        match reason {
            NoAnswer::Broken(error) => self.unusable(&error.to_string()),
            NoAnswer::TimedOut => {
                GitError::TimedOut { component: self.component.clone(), limit: self.git.deadline }
            }
        }
    }

    pub(crate) fn unusable(&self, detail: &str) -> GitError {
        GitError::Repository { component: self.component.clone(), detail: text::line(detail, 200) }
    }

    pub(crate) fn no_commit(&self, commit: &Sha) -> GitError {
        GitError::NoCommit { component: self.component.clone(), commit: commit.clone() }
    }
}
