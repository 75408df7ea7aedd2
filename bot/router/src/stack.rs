//! A running stack as the router uses it: where it is, its idle connections, its counters.
//!
//! It outlives the table that named it for as long as a request is on it, so that a new table never cuts one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::outcomes::Counters;
use crate::table::Upstream;
use crate::upstream::Wire;

/// One upstream of one arm.
pub(crate) struct Stack {
    pub(crate) upstream: Upstream,
    pub(crate) counters: Arc<Counters>,
    /// One pool a worker, so that a wire stays on the reactor that it was born on.
    pools: Box<[Mutex<Vec<Idle>>]>,
}

struct Idle {
    wire: Box<Wire>,
    since: Duration,
}

impl Stack {
    pub(crate) fn new(upstream: Upstream, counters: Arc<Counters>, workers: usize) -> Self {
        Self { upstream, counters, pools: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// An idle wire on which nothing odd is seen; the one used last, so that the others can grow old.
    pub(crate) fn idle(&self, worker: usize) -> Option<Box<Wire>> {
        loop {
            let mut idle = self.pop(worker)?;
            if idle.wire.is_fit() {
                return Some(idle.wire);
            }
        }
    }

    /// Keeps a wire for the next request, or closes it where enough are kept.
    pub(crate) fn keep(&self, worker: usize, wire: Box<Wire>, most: usize, since: Duration) {
        let Some(pool) = self.pools.get(worker) else { return };
        let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < most {
            pool.push(Idle { wire, since });
        }
    }

    /// Closes what has been idle since before a moment.
    pub(crate) fn sweep(&self, before: Duration) {
        for pool in &self.pools {
            let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
            let young = pool.iter().position(|idle| idle.since >= before).unwrap_or(pool.len());
            pool.drain(..young);
        }
    }

    fn pop(&self, worker: usize) -> Option<Idle> {
        self.pools.get(worker)?.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
