//! GitHub as a surface and as a forge, as a GitHub App.
//!
//! In: proven deliveries (`webhook`, `signature`, `event`), what they mean (`words`, `intake`), and what was never
//! delivered (`scan`). Out: one comment for each pull request (`sink`, `sticky`, `markdown`), marks, merges, within what
//! GitHub allows to be written (`budget`). Beside comments, the
//! record is mirrored as deployments and check runs (`mirror`, `wanted`, `reported`). `client` asks, `github` is the whole as others see it.
//!
//! This crate must never obey a program, believe a name or an association, run what was edited, or repeat a write whose
//! outcome is unknown without having looked.

mod branch;
mod budget;
mod check;
mod client;
mod codeowners;
mod deployment;
mod event;
mod exchange;
mod github;
mod intake;
mod manifest;
mod markdown;
mod marks;
mod mirror;
mod oauth;
mod owners;
mod pull;
mod reported;
mod revert;
mod say;
mod scan;
mod settings;
mod signature;
mod sink;
mod sticky;
mod vetting;
mod wanted;
mod webhook;
mod words;

pub use branch::Branches;
pub use budget::Urgency;
pub use client::Client;
pub use codeowners::{CodeOwners, LARGEST as LARGEST_CODEOWNERS, PLACES as CODEOWNERS};
pub use event::{Author, Event, Hand, Pressed, Said, Source, Unreadable, read as read_event};
pub use exchange::Wrong;
pub use github::GitHub;
pub use intake::{Intake, Later};
pub use manifest::{EVENTS, Keep, Making, NewApp, PERMISSIONS, make, manifest};
pub use marks::Mark;
pub use mirror::{Left, Mirror};
pub use oauth::{Door, SignInSettings};
pub use pull::{MergedPull, Pull};
pub use reported::{Reported, Subject, Told, What};
pub use say::{Button, Checked, Conclusion, Deployed, Say, State, Step};
pub use scan::Scan;
pub use settings::{
    Bare, BranchName, GITHUB, MergeMethod, RepositoryName, Settings, TeamName, place, surface,
};
pub use signature::Verifier;
pub use sink::Sink;
pub use wanted::steps;
pub use webhook::routes;
