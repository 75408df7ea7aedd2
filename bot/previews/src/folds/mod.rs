//! What the records add up to in this room.

mod changes;
mod landings;
mod mixes;
mod previews;
mod releases;
mod taken_back;
mod tidings;
mod usage;

pub use changes::{Allowed, Carried, ChangeRow, Changes, Pushed, Stood, Ticked};
pub use landings::{Landings, Promoting, Waiting};
pub use mixes::{LinkRow, Mix, Mixes, Raised};
pub use previews::{Preview, PreviewState, Previews};
pub use releases::{Became, Course, Freeze, Leaving, Production, Releases, Trial};
pub use taken_back::{Moot, TakenBack};
pub use tidings::{Tidings, ToldUse};
pub use usage::{Beside, Candidate, MixStack, UsageRow, Usages};
