//! The entry: which component lives in which repository, and whether git can be used at all.
//!
//! It checks the executable once and prepares the private repository; the work is
//! done by the methods of `Repository`, one file for each question.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use folkops_model::{ChangeNumber, ComponentName, Difference, Sha, TreeId};
use folkops_previews::ports::Revert;
use tokio::sync::{Mutex, Semaphore};

use crate::advance::{AdvanceError, Advanced};
use crate::change::{Look, Observation, RefusedReference};
use crate::error::GitError;
use crate::materialise::{Limits, MaterialiseError, Writing};
use crate::merge::{MergeCommit, MergeError, Signature};
use crate::process::{Call, Git, NoAnswer, View};
use crate::repository::Repository;
use crate::revert::Undone;

/// The first version with `merge-tree --write-tree`, which merges without a work tree.
const OLDEST: (u32, u32) = (2, 38);

/// What a local forge needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bare repository of each component.
    pub repositories: BTreeMap<ComponentName, PathBuf>,
    /// A folder of our own, made if missing, that nobody else may write to: git reads its configuration there.
    pub private: PathBuf,
    /// Where `git` is looked for: the program's own `PATH`. The rest of the environment never reaches git.
    pub search_path: OsString,
    /// The longest that one call of git may take; ten seconds suit repositories of ordinary size.
    pub deadline: Duration,
    /// How large a tree may be that is written to disk.
    pub limits: Limits,
    /// Who merges are by.
    pub signature: Signature,
}

/// The local bare repositories of a service.
#[derive(Debug)]
pub struct LocalForge {
    git: Git,
    repositories: BTreeMap<ComponentName, PathBuf>,
    writing: Writing,
    /// The last look at each component. It saves work and decides nothing.
    looks: Mutex<BTreeMap<ComponentName, Arc<Look>>>,
    pub(crate) signature: Signature,
}

impl LocalForge {
    /// Checks that git is there and new enough, and prepares the private folder.
    ///
    /// # Errors
    /// [`GitError::Executable`] and [`GitError::Private`]. A missing repository is reported when it is used, so that
    /// one broken component does not stop the others.
    pub async fn open(settings: Settings) -> Result<Self, GitError> {
        let Settings { repositories, private, search_path, deadline, limits, signature } = settings;
        let private = prepare(&private).map_err(GitError::Private)?;
        // Git runs in the private folder, so that a relative path would mean something else there.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let repositories = repositories.into_iter().map(|(name, path)| (name, absolute(path))).collect();
        let git = Git { search_path, private, deadline };
        require_version(&git).await?;
        let writing = Writing { limits, turn: Arc::new(Semaphore::new(1)) };
        Ok(Self { git, repositories, writing, looks: Mutex::default(), signature })
    }

    /// The open changes of a component, and what stands where changes do and is not used.
    ///
    /// # Errors
    /// Only for the repository as a whole; a change that cannot be looked at is listed as refused.
    pub async fn changes(&self, component: &ComponentName) -> Result<Observation, GitError> {
        self.changes_beside(component, &BTreeMap::new()).await
    }

    /// As [`Self::changes`], where some are to be merged into another branch than the default one: each of these with the
    /// commit where that stands.
    ///
    /// # Errors
    /// As [`Self::changes`].
    pub async fn changes_beside(
        &self,
        component: &ComponentName,
        beside: &BTreeMap<ChangeNumber, Sha>,
    ) -> Result<Observation, GitError> {
        let before = self.looks.lock().await.get(component).cloned();
        let look = self.repository(component)?.look(before.as_deref(), beside).await?;
        let observation = look.observation();
        let known = before.map(|look| look.observation().refused).unwrap_or_default();
        for RefusedReference { name, why } in observation.refused.iter().filter(|one| !known.contains(one)) {
            tracing::warn!(component.name = %component, reference.name = name, why, "a reference is not used");
        }
        self.looks.lock().await.insert(component.clone(), Arc::new(look));
        Ok(observation)
    }

    /// The commit that an open change proposes at this moment; `None` where there is no such open change.
    ///
    /// # Errors
    /// [`GitError::Reference`] for a reference that is symbolic, malformed or names no commit.
    pub async fn head(
        &self,
        component: &ComponentName,
        number: ChangeNumber,
    ) -> Result<Option<Sha>, GitError> {
        self.repository(component)?.head(number).await
    }

    /// The commit of the default branch at this moment, and its tree.
    ///
    /// # Errors
    /// [`GitError::Reference`], and [`GitError::Repository`] where there is no default branch or commit.
    pub async fn default_head(&self, component: &ComponentName) -> Result<(Sha, TreeId), GitError> {
        let repository = self.repository(component)?;
        let head = repository.default_branch().await?.head;
        let tree = repository.commit(&head).await?.tree;
        Ok((head, tree))
    }

    /// Whether `commit` is `head` or one of its ancestors.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where one of the two is not there.
    pub async fn contains(
        &self,
        component: &ComponentName,
        head: &Sha,
        commit: &Sha,
    ) -> Result<bool, GitError> {
        self.repository(component)?.contains(head, commit).await
    }

    /// The tree of `theirs` merged into `onto`; the tree of `onto` where it contains `theirs` already.
    ///
    /// # Errors
    /// [`MergeError::Conflict`] and [`MergeError::Unrelated`], which the author can mend.
    pub async fn merge_tree(
        &self,
        component: &ComponentName,
        onto: &Sha,
        theirs: &Sha,
    ) -> Result<TreeId, MergeError> {
        self.repository(component)?.merge_tree(onto, theirs).await
    }

    /// Writes a merge as a commit to which nothing points yet. The same merge gives the same commit.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where a parent is not there.
    pub async fn commit_merge(
        &self,
        component: &ComponentName,
        merge: &MergeCommit,
    ) -> Result<Sha, GitError> {
        self.repository(component)?.commit_merge(merge).await
    }

    /// Moves the default branch from `expected` to `new`, unless it holds `new` already. Safe to repeat.
    ///
    /// # Errors
    /// [`AdvanceError::Moved`] for a lost race; [`AdvanceError::Backward`] where commits would be lost.
    pub async fn advance_default(
        &self,
        component: &ComponentName,
        expected: &Sha,
        new: &Sha,
    ) -> Result<Advanced, AdvanceError> {
        self.repository(component)?.advance_default(expected, new).await
    }

    /// Writes exactly that tree into a folder that is empty or missing; afterwards it exists only if all went well.
    ///
    /// # Errors
    /// [`MaterialiseError::Refused`] and [`MaterialiseError::TooLarge`], which the author can mend.
    pub async fn materialise(
        &self,
        component: &ComponentName,
        tree: &TreeId,
        into: &Path,
    ) -> Result<(), MaterialiseError> {
        self.repository(component)?.materialise(tree, into, &self.writing).await
    }

    /// The unified diff from `base` to `head` for a person to read: of at most about `limit` bytes, with invisible
    /// characters spelled out. It is plain text and not escaped for any place where it may be shown.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where one of the two is not there.
    pub async fn diff(
        &self,
        component: &ComponentName,
        base: &Sha,
        head: &Sha,
        limit: usize,
    ) -> Result<String, GitError> {
        self.repository(component)?.diff(base, head, limit).await
    }

    /// What lies between two commits of a change that left the default branch at `base`; `None` where one of the three is
    /// not there any more.
    ///
    /// # Errors
    /// [`GitError::TooMuch`] where the difference is too large to be summed up.
    pub async fn compare(
        &self,
        component: &ComponentName,
        base: &Sha,
        (from, to): (&Sha, &Sha),
    ) -> Result<Option<Difference>, GitError> {
        self.repository(component)?.compare(base, from, to).await
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] where it is not there.
    pub async fn tree(&self, component: &ComponentName, commit: &Sha) -> Result<TreeId, GitError> {
        let repository = self.repository(component)?;
        repository.require_commits([commit]).await?;
        Ok(repository.commit(commit).await?.tree)
    }

    /// The commit that takes a merged change back, to which nothing points yet.
    ///
    /// # Errors
    /// [`MergeError::Conflict`] where what came later changed the same places.
    pub async fn undo(&self, component: &ComponentName, revert: &Revert) -> Result<Undone, MergeError> {
        self.repository(component)?.undo(revert, &self.signature).await
    }

    /// The repository of a component, if it is there.
    pub(crate) fn repository<'a>(&'a self, component: &'a ComponentName) -> Result<Repository<'a>, GitError> {
        Repository::new(&self.git, component, self.path(component)?)
    }

    /// Where the repository of a component is, or would be.
    pub(crate) fn path(&self, component: &ComponentName) -> Result<&Path, GitError> {
        let path = self.repositories.get(component).ok_or_else(|| GitError::Unknown(component.clone()))?;
        Ok(path)
    }
}

/// Writes the empty repository that stands in where only objects are wanted, and gives its absolute path. Safe to
/// repeat.
fn prepare(private: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(private.join("refs"))?;
    fs::write(private.join("HEAD"), "ref: refs/heads/none\n")?;
    fs::write(private.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
    private.canonicalize()
}

async fn require_version(git: &Git) -> Result<(), GitError> {
    let call = Call::new(View::References(&git.private), ["version"]);
    let answer = git.run(call).await.map_err(|reason| GitError::Executable(missing(reason)))?;
    let said = String::from_utf8_lossy(&answer.output);
    match version(&said) {
        Some(found) if found >= OLDEST => Ok(()),
        Some((major, minor)) => Err(GitError::Executable(format!("{major}.{minor} was found"))),
        None => Err(GitError::Executable("`git version` gave no version".to_owned())),
    }
}

fn missing(reason: NoAnswer) -> String {
    match reason {
        NoAnswer::Broken(error) => format!("it could not be run ({error})"),
        NoAnswer::TimedOut => "it did not answer in time".to_owned(),
    }
}

/// Major and minor from lines such as `git version 2.39.5 (Apple Git-154)`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix("git version ")?.split(['.', ' ', '\n']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_every_vendor_prints() {
        assert_eq!(version("git version 2.39.5\n"), Some((2, 39)));
        assert_eq!(version("git version 2.50.1 (Apple Git-155)\n"), Some((2, 50)));
        assert_eq!(version("git version 2.45.0.windows.1\n"), Some((2, 45)));
        assert_eq!(version("hub version 2.1\n"), None);
    }
}
