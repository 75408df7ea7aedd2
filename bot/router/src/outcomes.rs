//! What became of the requests, per arm: the numbers on which the bot decides.
//!
//! Counters only grow while the router runs; `boot` tells a restart, so that whoever reads them can take
//! differences. Counting is a handful of relaxed additions, no lock, and it never delays a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use folkops_model::{Ended, Endpoint};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::crowd::{Crowd, MOST};
use crate::endpoints::{Claims, Endpoints};
use crate::rollout::Witness;
use crate::table::Arm;

/// Upper bounds of the latency buckets in milliseconds; one more bucket takes what is slower.
pub const LATENCY_BOUNDS_MS: [u64; 14] =
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// Everything counted since the router started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Another value after each start of the router.
    pub boot: String,
    /// Upper bounds in milliseconds of `ArmOutcomes::latency`, whose last entry counts what is slower.
    pub latency_bounds_ms: Vec<u64>,
    /// Per arm; an arm that left the table stays until 256 newer ones have left as well.
    pub arms: BTreeMap<Arm, ArmOutcomes>,
}

/// The counts of one arm. Once all is answered, `requests` is the sum of `ends`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmOutcomes {
    /// Requests sent this arm's way.
    pub requests: u64,
    /// How they ended.
    pub ends: Ends,
    /// Different visitors that came back with their cookie, or persons named by a trusted proxy.
    pub visitors: Visitors,
    /// From a request's head to its response's head, per bucket.
    pub latency: Vec<u64>,
}

/// How requests ended; each counts in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// Answered whole with 2xx.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// Answered whole with 3xx.
    #[serde(rename = "3xx")]
    pub redirect: u64,
    /// Answered whole with 4xx.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// Answered whole with 5xx by the upstream.
    #[serde(rename = "5xx")]
    pub server_error: u64,
    /// Changed to another protocol, such as a WebSocket.
    pub upgraded: u64,
    /// The upstream could not be reached, broke off or spoke no HTTP.
    pub reset: u64,
    /// The upstream did not answer in time.
    pub timeout: u64,
    /// The visitor went away first; says nothing about the arm.
    pub left: u64,
}

/// A bounded count of different visitors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitors {
    /// How many.
    pub count: u64,
    /// Whether there are at least so many rather than just so many.
    pub at_least: bool,
}

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Answered(StatusCode),
    Reset,
    Timeout,
    Left,
}

/// The live counters of one arm.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    ends: [AtomicU64; 8],
    latency: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    crowd: Crowd,
    endpoints: Endpoints,
    claims: Claims,
}

/// One request being counted. Dropped before it was settled, it counts as left by the visitor.
pub(crate) struct Tally {
    counters: Arc<Counters>,
    /// Who follows the request for a rollout.
    witness: Option<Box<Witness>>,
    /// What was asked for, where that is counted.
    endpoint: Option<String>,
    /// How long the response's head took.
    latency: Option<Duration>,
    settled: bool,
}

impl Counters {
    /// Counters of an arm whose requests may make rows by these rules.
    pub(crate) fn new(claims: Claims) -> Self {
        Self { claims, ..Self::default() }
    }

    /// A request goes out.
    pub(crate) fn begin(self: &Arc<Self>, mut witness: Option<Box<Witness>>, now: Duration) -> Tally {
        self.requests.fetch_add(1, Relaxed);
        witness.iter_mut().for_each(|witness| witness.begin(now));
        Tally { counters: Arc::clone(self), witness, endpoint: None, latency: None, settled: false }
    }

    /// Takes what ended at each endpoint since the last time.
    pub(crate) fn take_endpoints(&self) -> BTreeMap<Endpoint, Ended> {
        self.endpoints.take()
    }

    pub(crate) fn visited(&self, hash: u64) {
        self.crowd.note(hash);
    }

    pub(crate) fn report(&self) -> ArmOutcomes {
        let [success, redirect, client_error, server_error, upgraded, reset, timeout, left] =
            self.ends.each_ref().map(|count| count.load(Relaxed));
        let count = self.crowd.count();
        ArmOutcomes {
            requests: self.requests.load(Relaxed),
            ends: Ends { success, redirect, client_error, server_error, upgraded, reset, timeout, left },
            visitors: Visitors { count: count as u64, at_least: count >= MOST },
            latency: self.latency.iter().map(|count| count.load(Relaxed)).collect(),
        }
    }

    fn end(&self, end: End) {
        if let Some(count) = self.ends.get(end.place()) {
            count.fetch_add(1, Relaxed);
        }
    }
}

impl Tally {
    /// Counts it at this endpoint as well.
    #[must_use]
    pub(crate) fn at(mut self, endpoint: Option<String>) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Notes how long the response's head took, and what it says.
    pub(crate) fn answered_after(&mut self, latency: Duration, status: StatusCode) {
        let bucket = LATENCY_BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < latency);
        if let Some(count) = self.counters.latency.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.latency = Some(latency);
        self.witness.iter_mut().for_each(|witness| witness.answered(latency, status));
    }

    /// Counts how it ended; only the first time.
    pub(crate) fn settle(&mut self, end: End) {
        if !std::mem::replace(&mut self.settled, true) {
            if let Some(endpoint) = &self.endpoint {
                let Counters { endpoints, claims, .. } = &*self.counters;
                endpoints.note(endpoint, end, self.latency, *claims);
            }
            self.counters.end(end);
            // Let go at once: a tunnel may stay for longer than its rollout.
            self.witness.take().into_iter().for_each(|mut witness| witness.end(end));
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.settle(End::Left);
    }
}

impl End {
    /// Whether the arm failed: 5xx, broken off, or too late.
    pub(crate) fn is_failure(self) -> bool {
        match self {
            Self::Answered(status) => status.is_server_error(),
            Self::Reset | Self::Timeout => true,
            Self::Left => false,
        }
    }

    /// Whether the arm knows nothing of what was asked for.
    pub(crate) fn is_unknown_path(self) -> bool {
        matches!(self, Self::Answered(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED))
    }

    /// The place in `Counters::ends`, in the order of `Ends`.
    fn place(self) -> usize {
        match self {
            Self::Answered(StatusCode::SWITCHING_PROTOCOLS) => 4,
            Self::Answered(status) => match status.as_u16() {
                300..=399 => 1,
                400..=499 => 2,
                500.. => 3,
                _ => 0,
            },
            Self::Reset => 5,
            Self::Timeout => 6,
            Self::Left => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_counts_in_its_own_place_and_once() {
        let counters = Arc::new(Counters::default());
        let ends = [200, 302, 404, 500, 101].map(|code| End::Answered(StatusCode::from_u16(code).unwrap()));
        for end in ends.into_iter().chain([End::Reset, End::Timeout]) {
            let mut tally = counters.begin(None, Duration::ZERO);
            tally.settle(end);
            tally.settle(End::Reset);
        }
        drop(counters.begin(None, Duration::ZERO));
        let report = counters.report();
        assert_eq!(report.requests, 8);
        let one = Ends {
            success: 1,
            redirect: 1,
            client_error: 1,
            server_error: 1,
            upgraded: 1,
            reset: 1,
            timeout: 1,
            left: 1,
        };
        assert_eq!(report.ends, one);
    }

    #[test]
    fn a_latency_falls_into_the_first_bucket_that_holds_it() {
        let counters = Arc::new(Counters::default());
        for micros in [1, 1_000, 1_001, 30_000_001] {
            counters
                .begin(None, Duration::ZERO)
                .answered_after(Duration::from_micros(micros), StatusCode::OK);
        }
        let latency = counters.report().latency;
        assert_eq!((latency[0], latency[1], latency[14]), (2, 1, 1));
    }
}
