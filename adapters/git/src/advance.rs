//! Moves a default branch by compare-and-swap: the only thing in this crate that moves a reference.
//!
//! It goes forward only: no commit of the default branch is ever lost. When the outcome of the swap is not known, it
//! looks at what is there instead of trying again.

use folkops_model::Sha;
use jiff::Timestamp;

use crate::error::GitError;
use crate::merge::{Signature, identity};
use crate::reference::DefaultBranch;
use crate::repository::Repository;

/// How a branch came to hold the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// It was moved now.
    Now,
    /// It held the commit, or a later one, before.
    Already,
}

/// Why the default branch stayed where it was.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// Somebody else moved it since it was read.
    #[error("the default branch moved to `{now}` meanwhile; merge again onto that")]
    Moved {
        /// Where it is now.
        now: Sha,
    },
    /// The new commit does not contain the old one, so commits would be lost.
    #[error(
        "`{new}` does not contain `{expected}`, so commits would be lost; merge onto the default branch first"
    )]
    Backward {
        /// Where it is.
        expected: Sha,
        /// Where it should have gone.
        new: Sha,
    },
    /// The repository failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Repository<'_> {
    /// Moves the default branch from `expected` to `new`, unless it holds `new` already.
    pub(crate) async fn advance_default(&self, expected: &Sha, new: &Sha) -> Result<Advanced, AdvanceError> {
        let branch = self.default_branch().await?;
        if self.contains(&branch.head, new).await? {
            self.sync_folder_of(&branch.name).await?;
            return Ok(Advanced::Already);
        }
        if branch.head != *expected {
            return Err(AdvanceError::Moved { now: branch.head });
        }
        if !self.contains(new, expected).await? {
            return Err(AdvanceError::Backward { expected: expected.clone(), new: new.clone() });
        }
        self.swap(&branch, new).await
    }

    async fn swap(&self, branch: &DefaultBranch, new: &Sha) -> Result<Advanced, AdvanceError> {
        let arguments = ["update-ref", "--no-deref", &branch.name, new.as_str(), branch.head.as_str()];
        let mut call = self.references(arguments);
        // Only a reference log, where the repository keeps one, shows this.
        let by = Signature { name: "folkops".to_owned(), email: "folkops@localhost".to_owned() };
        call.environment = identity(&by, Timestamp::UNIX_EPOCH);
        match self.output(call).await {
            Ok(_) => {
                self.sync_folder_of(&branch.name).await?;
                Ok(Advanced::Now)
            }
            Err(reason) => self.after_failure(branch, new, reason).await,
        }
    }

    /// Tells a lost race and a late success from a failure, by what is there.
    async fn after_failure(
        &self,
        before: &DefaultBranch,
        new: &Sha,
        reason: GitError,
    ) -> Result<Advanced, AdvanceError> {
        let now = self.default_branch().await?.head;
        if now == before.head {
            return Err(reason.into());
        }
        match self.contains(&now, new).await? {
            true => Ok(Advanced::Now),
            false => Err(AdvanceError::Moved { now }),
        }
    }
}
