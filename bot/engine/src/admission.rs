//! Admission: limits that stand before the journal, so that a flood costs nothing durable.
//!
//! Each principal and each network may burst and then speaks at a rate; the safety verbs have a bucket of their own, so
//! that nobody's flood, not even one's own, stands in the way of a rollback.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use folkops_model::{Class, CommandSpec};

/// How much is let in.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages at once from one person.
    pub person_burst: u32,
    /// Then one message each this long.
    pub person_every: Duration,
    /// Messages at once from one network.
    pub surface_burst: u32,
    /// Then one message each this long.
    pub surface_every: Duration,
    /// Requests that may wait to be handled.
    pub queue: usize,
}

impl Default for Limits {
    /// What a room of a few hundred people needs on one small machine.
    fn default() -> Self {
        Self {
            person_burst: 20,
            person_every: Duration::from_millis(500),
            surface_burst: 400,
            surface_every: Duration::from_millis(5),
            queue: 1_024,
        }
    }
}

/// Token buckets (generic cell rate algorithm: ITU-T I.371), one a key.
#[derive(Debug, Default)]
pub struct Buckets {
    full_at: Mutex<BTreeMap<String, Duration>>,
}

/// How many keys are remembered; beyond it, those that are full again are forgotten.
const REMEMBERED: usize = 10_000;

impl Buckets {
    /// Takes one token for a key at the monotonic time `now`, or says how long until there is one.
    pub fn take(&self, key: &str, now: Duration, burst: u32, every: Duration) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > REMEMBERED {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.get(key).copied().unwrap_or(now).max(now) + every;
        let room = every * burst;
        if full_at > now + room {
            return Err(full_at - now - room);
        }
        buckets.insert(key.to_owned(), full_at);
        Ok(())
    }
}

/// Whether a command goes by the lane that is kept free for safety.
pub fn is_safety(spec: &CommandSpec) -> bool {
    spec.class == Class::Safety
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_in_and_then_one_at_a_time() {
        let buckets = Buckets::default();
        let every = Duration::from_secs(1);
        let take = |at| buckets.take("ana", Duration::from_secs(at), 3, every);
        assert_eq!([take(0), take(0), take(0)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(take(0), Err(every));
        assert_eq!(take(1), Ok(()));
        assert_eq!(buckets.take("ben", Duration::ZERO, 3, every), Ok(()));
    }
}
