//! Which paths a change touches, and the first of some files that the default branch has.
//!
//! Both names of a renamed file are touched: who answers for where it was has a say as well.

use std::collections::BTreeSet;

use folkops_model::{ComponentName, Sha};

use crate::error::GitError;
use crate::forge::LocalForge;
use crate::repository::Repository;

/// Bytes of git's list that are read; beyond, a change is too large to be told.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

impl LocalForge {
    /// Every path that a commit touches since it left a branch that stands at `onto`. Bytes that are no text stand as
    /// U+FFFD.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where it is not there, [`GitError::TooMuch`] where the list is too long; never a part.
    pub async fn touched(
        &self,
        component: &ComponentName,
        (onto, head): (&Sha, &Sha),
    ) -> Result<BTreeSet<String>, GitError> {
        let repository = self.repository(component)?;
        repository.require_commits([onto, head]).await?;
        match repository.merge_base(onto, head).await? {
            Some(base) => repository.paths(&base, head).await,
            None => Err(repository.unusable("the change shares no history with its branch")),
        }
    }

    /// The first of these files that a commit has; a larger one than `limit` bytes counts as empty. Links and
    /// folders of that name are no files.
    ///
    /// # Errors
    /// [`GitError`] where the repository cannot be read.
    pub async fn first_file(
        &self,
        (component, commit): (&ComponentName, &Sha),
        places: &[&str],
        limit: usize,
    ) -> Result<Option<String>, GitError> {
        let repository = self.repository(component)?;
        repository.require_commits([commit]).await?;
        let listed = ["ls-tree", "-z", commit.as_str(), "--"].into_iter().chain(places.iter().copied());
        let listed = repository.output(repository.objects(listed)).await?;
        let listed = String::from_utf8_lossy(&listed);
        let id = |place: &&str| listed.split('\0').find_map(|entry| file(entry, place));
        let Some(id) = places.iter().find_map(id) else { return Ok(None) };
        let answer = repository.ask(repository.objects(["cat-file", "blob", id]).limit(limit)).await?;
        match answer.code {
            _ if answer.cut => Ok(Some(String::new())),
            Some(0) => Ok(Some(String::from_utf8_lossy(&answer.output).into_owned())),
            _ => Err(repository.failed(&answer)),
        }
    }
}

impl Repository<'_> {
    async fn paths(&self, base: &Sha, head: &Sha) -> Result<BTreeSet<String>, GitError> {
        let options = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", base.as_str(), head.as_str()];
        let output = self.output(self.objects(options).limit(LIST_LIMIT)).await?;
        let paths = output.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }
}

/// The id of a plain file in a line of `ls-tree`: `mode SP type SP id TAB path`.
fn file<'a>(entry: &'a str, place: &str) -> Option<&'a str> {
    let (header, path) = entry.split_once('\t')?;
    let mut columns = header.split(' ');
    let mode = columns.next()?;
    (path == place && mode.starts_with("100")).then(|| columns.nth(1)).flatten()
}
