//! A GitHub of one's own, over real HTTP: repositories that are real, people, pull requests, webhooks, and bad days.
//!
//! It keeps state, and it holds everybody to GitHub's published description: a request that GitHub does not know, or
//! an answer of its own that GitHub would not give, is a violation, and it is dropped with none or it panics. It must
//! never be kinder than GitHub is.

mod api;
mod branches;
mod check;
mod deliver;
mod deployment;
mod description;
mod fault;
mod git;
mod grant;
mod happen;
mod hook;
mod limit;
mod operation;
mod pages;
mod pull;
mod schema;
mod server;
mod show;
mod smart;
mod state;
mod story;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod weather;
mod works;

pub use check::{CheckRun, Protection, Way};
pub use deployment::Deployed;
pub(crate) use git::{Bare, Committer};
pub use grant::Level;
pub use hook::signature;
pub use pull::{Method, Verdict};
pub use state::{APP, Permission};
pub use story::{Comment, GitHub, Review};
