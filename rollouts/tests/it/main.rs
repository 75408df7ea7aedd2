//! Claims about whole rollouts, shown by running them over made-up visitors.
#![expect(clippy::unwrap_used, reason = "tests may fail")]

mod failure_modes;
mod placebo;
mod soak;
mod strata;
