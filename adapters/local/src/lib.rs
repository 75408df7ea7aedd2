//! The local target: builds trees, keeps the results by digest, and runs them as supervised processes on this
//! machine, strangers' code behind a wall.
//!
//! Every running component (a unit) has a keeper: a small process of this same program that outlives the bot, so
//! the truth about what runs is on disk and in `/proc`, never in our memory. Unmerged code is built and run behind
//! [`Wall`] or not at all; that refusal is [`NoWall`], which says what to install.

pub mod confine;
pub mod keep;

mod builder;
mod digest;
mod disk;
mod found;
mod frames;
mod health;
mod layout;
mod log;
mod machine;
mod plan;
mod probe;
mod process;
mod redact;
mod spec;
mod store;
mod target;
mod units;
mod wall;

pub use builder::{BuildError, BuildRequest, Builder, Built};
pub use digest::Changed;
pub use found::{RunningUnit, UnitState};
pub use machine::{Machine, Places};
pub use probe::{NoWall, Search};
pub use process::ProcessId;
pub use spec::{DataMount, Health, Limits, Recipe, Toolchain, UnitKey, UnitSpec};
pub use store::{Store, StoreError};
pub use target::{ComponentPlan, State, Target};
pub use units::{RunError, Swept, Units};
pub use wall::Wall;
