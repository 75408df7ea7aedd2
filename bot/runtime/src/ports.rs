//! The real clock and the real dice. The only place that asks the system for either.

use std::time::{Duration, Instant};

use folkops_model::ports::{Clock, Entropy};
use jiff::Timestamp;

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the port's real implementation")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's real implementation")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The system's randomness.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the port's real implementation")]
    fn fill(&self, bytes: &mut [u8]) {
        // A system without randomness cannot make secrets; ending at once is the only safe answer.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
