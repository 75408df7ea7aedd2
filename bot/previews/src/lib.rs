//! Compositions, previews, opt-ins and releases: what should run for whom, and how it comes to run.
//!
//! The folds here are pure and belong to this room; the ports say what the room needs of the world. Nothing here
//! decides whether somebody may: that is policy's, before any of this is asked.

pub mod composition;
pub mod deploys;
pub mod evidence;
pub mod folds;
pub mod perform;
pub mod ports;
pub mod reconcile;
pub mod tidings;
pub mod usage;
pub mod watch;

pub use composition::Composition;
pub use folds::{
    Allowed, Became, Beside, Candidate, Carried, ChangeRow, Changes, Course, Freeze, Landings, Leaving,
    LinkRow, Mix, MixStack, Mixes, Moot, Preview, PreviewState, Previews, Production, Promoting, Pushed,
    Raised, Releases, Stood, TakenBack, Ticked, Tidings, ToldUse, Trial, UsageRow, Usages, Waiting,
};
pub use perform::Performer;
pub use reconcile::{Proposal, routes};
