//! Changes of components that live in local bare git repositories, one per component, which serve
//! `refs/pull/N/head` as GitHub does.
//!
//! It finds open changes, merges them as trees and commits without a work tree, moves a default branch by
//! compare-and-swap, and writes exactly one tree to disk. What strangers pushed is content here and nothing else.
//!
//! This crate must never start a shell, run a hook, filter, driver or remote helper that a repository names, act on
//! a branch or tag without having resolved it to a full commit id, or follow a symbolic reference.
//!
//! A local repository has no accounts. The author of a change is what its head commit says, which anybody can write:
//! it may be shown, and rights must not follow from it alone.

mod advance;
mod change;
mod compare;
mod diff;
mod error;
mod forge;
mod landed;
mod listing;
mod materialise;
mod merge;
mod mirror;
mod object;
mod path;
mod port;
mod process;
mod promotion;
mod reference;
mod repository;
mod revert;
mod summary;
mod text;
mod touched;

pub use advance::{AdvanceError, Advanced};
pub use change::{Observation, RefusedReference, author_id};
pub use error::GitError;
pub use forge::{LocalForge, Settings};
pub use materialise::{Limits, MaterialiseError};
pub use merge::{MergeCommit, MergeError, Signature};
pub use mirror::{Beside, Origin, Served};
pub use revert::Undone;
pub use text::line;
