//! The rollout engine: how a release comes to everybody in steps that the numbers decide, and goes back when it hurts.
//!
//! Pure. The fold keeps what is known of each rollout, evidence included; `plan` says what comes next and what it waits
//! for; `check` refuses a step that must never be taken. What is planned is said as a line of the automation and goes
//! through the whole pipeline: judged, recorded, then done. The statistics are a library of their own,
//! `folkops-evidence`.
//!
//! What it must never do: take silence for health, a step without evidence, or a rollback for something that needs
//! anybody's permission.

pub mod back;
pub mod check;
pub mod course;
pub mod fold;
pub mod judge;
pub mod plan;
pub mod simulate;
pub mod soak;
pub mod spec;
pub mod stage;
pub mod templates;
pub mod words;

pub use course::{Fares, Moment};
pub use fold::{Point, Rollouts, Row, Totals};
pub use folkops_evidence::{ArmRate, Evidence, Interval, Level, Tally, interval};
pub use judge::Judged;
pub use plan::{Move, Planned, Waits, plan};
pub use soak::{Found, Soaked};
pub use spec::{Template, WrongTemplate};
pub use stage::{Event, IllegalTransition, Stage};
pub use templates::Templates;
