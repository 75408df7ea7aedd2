//! A stopwatch.

#![allow(dead_code, reason = "each bench takes what it needs of this")]

use std::time::{Duration, Instant};

/// Runs from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What it shows.
    pub fn shows(&self) -> Duration {
        self.0.elapsed()
    }

    /// What it shows, in seconds.
    pub fn seconds(&self) -> f64 {
        self.shows().as_secs_f64()
    }

    /// What it shows, in milliseconds.
    pub fn ms(&self) -> f64 {
        self.seconds() * 1e3
    }
}
