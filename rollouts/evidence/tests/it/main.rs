//! Claims about the evidence library, shown by enumeration, by properties and by seeded simulation.
//!
//! `FOLKOPS_SWEEP=full` repeats the simulations as often as the claimed error levels want; otherwise a sample
//! of the same runs shows within seconds that nothing broke.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "tests may fail, and print what they measured"
)]

mod clopper_pearson;
mod crowd;
mod delays;
mod guards;
mod margins;
mod martingale;
mod merging;
mod nulls;
mod oracle;
mod silence;
mod soak;
mod verdicts;
