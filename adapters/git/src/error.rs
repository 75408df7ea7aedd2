//! What can go wrong with any repository, told apart by what the caller does next.
//!
//! Text of git or of a repository is quoted only after it was freed of control characters.

use std::time::Duration;

use folkops_model::{ComponentName, Sha};

/// A failed call on a component's repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no usable `git`. For the operator, at start.
    #[error("git 2.38 or newer is needed: {0}; install it and start again")]
    Executable(String),
    /// The private folder cannot be made. For the operator, at start.
    #[error("the private git folder cannot be prepared: {0}; check its path, its rights and the free space")]
    Private(std::io::Error),
    /// Nobody configured a repository for this component.
    #[error("component `{0}` has no repository; add its path to the configuration")]
    Unknown(ComponentName),
    /// The repository is gone, damaged or unreadable. For the operator.
    #[error(
        "the repository of component `{component}` cannot be used: {detail}; mend it or restore it from a copy"
    )]
    Repository {
        /// Whose repository.
        component: ComponentName,
        /// What git or the file system said.
        detail: String,
    },
    /// A commit that was named is not there, or is something else.
    #[error("component `{component}` has no commit `{commit}`; look at the change again, it may have moved")]
    NoCommit {
        /// Whose repository.
        component: ComponentName,
        /// What was asked for.
        commit: Sha,
    },
    /// A reference is symbolic, malformed or names no commit, so nothing is done with it.
    #[error("`{name}` of component `{component}` is not used: {why}; push it again as a plain commit")]
    Reference {
        /// Whose repository.
        component: ComponentName,
        /// The reference, freed of control characters.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Git did not end in time and was stopped.
    #[error("git worked on component `{component}` for more than {} s and was stopped; try again", .limit.as_secs())]
    TimedOut {
        /// Whose repository.
        component: ComponentName,
        /// The time it had.
        limit: Duration,
    },
    /// The answer is larger than anything sensible, so it was not read to its end.
    #[error(
        "component `{component}` holds more than can be looked at here ({limit} bytes); make the change smaller"
    )]
    TooMuch {
        /// Whose repository.
        component: ComponentName,
        /// Bytes that would have been read.
        limit: usize,
    },
}
