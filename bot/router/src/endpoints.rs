//! What ended at each endpoint of one arm since the block of counting began.
//!
//! A fixed array of slots, probed in line as in `crowd`: a slot is claimed once and keeps its endpoint, so that a request
//! takes no lock. At most sixty-four endpoints have a slot; the rest are counted together. Nothing tells who asked.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use folkops_model::{Ended, Endpoint, LATENCY_BOUNDS_US};

use crate::outcomes::End;

/// So many endpoints of an arm have a row of their own.
pub(crate) const MOST: usize = 64;

/// A power of two, so that a hash becomes a place by masking; half full at most.
const SLOTS: usize = 128;

/// Whose requests may make a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Claims {
    /// Anybody's to which the stack has something to say: a scan for paths that there are not fills no rows.
    #[default]
    Answered,
    /// All: only people who chose this stack reach it.
    All,
}

#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    slots: OnceLock<Slots>,
    claimed: AtomicUsize,
    other: Counts,
}

#[derive(Debug)]
struct Slots {
    keyed: RandomState,
    slots: Box<[OnceLock<Slot>]>,
}

#[derive(Debug)]
struct Slot {
    endpoint: Box<str>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    failed: AtomicU64,
    latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
}

impl Endpoints {
    /// Counts one request at its end; what its visitor gave up says nothing.
    pub(crate) fn note(&self, endpoint: &str, end: End, latency: Option<Duration>, claims: Claims) {
        if end == End::Left {
            return;
        }
        let may_claim = claims == Claims::All || !end.is_unknown_path();
        self.counts(endpoint, may_claim).note(end, latency);
    }

    /// Takes what was counted; endpoints at which nothing ended are left out.
    pub(crate) fn take(&self) -> BTreeMap<Endpoint, Ended> {
        let slots =
            self.slots.get().into_iter().flat_map(|slots| slots.slots.iter()).filter_map(OnceLock::get);
        let named =
            slots.filter_map(|slot| Some((Endpoint::parse(&slot.endpoint).ok()?, slot.counts.take())));
        named
            .chain([(Endpoint::other(), self.other.take())])
            .filter(|(_, ended)| ended.requests > 0)
            .collect()
    }

    fn counts(&self, endpoint: &str, may_claim: bool) -> &Counts {
        let slots = self.slots.get_or_init(Slots::new);
        for slot in slots.from(endpoint) {
            let free = slot.get().is_none();
            if free && (!may_claim || self.claimed.load(Relaxed) >= MOST) {
                return &self.other;
            }
            let taken = slot.get_or_init(|| {
                self.claimed.fetch_add(1, Relaxed);
                Slot { endpoint: endpoint.into(), counts: Counts::default() }
            });
            if *taken.endpoint == *endpoint {
                return &taken.counts;
            }
        }
        &self.other
    }
}

impl Slots {
    fn new() -> Self {
        Self { keyed: RandomState::new(), slots: (0..SLOTS).map(|_| OnceLock::new()).collect() }
    }

    /// The slots in the order in which an endpoint is looked for.
    fn from(&self, endpoint: &str) -> impl Iterator<Item = &OnceLock<Slot>> {
        let start = self.keyed.hash_one(endpoint) as usize & (SLOTS - 1);
        let (behind, ahead) = self.slots.split_at_checked(start).unwrap_or_default();
        ahead.iter().chain(behind)
    }
}

impl Counts {
    fn note(&self, end: End, latency: Option<Duration>) {
        self.requests.fetch_add(1, Relaxed);
        if end.is_failure() {
            self.failed.fetch_add(1, Relaxed);
        }
        let bucket = latency.map(|latency| {
            LATENCY_BOUNDS_US.partition_point(|bound| Duration::from_micros(*bound) < latency)
        });
        if let Some(count) = bucket.and_then(|bucket| self.latency.get(bucket)) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn take(&self) -> Ended {
        let take = |count: &AtomicU64| count.swap(0, Relaxed);
        let latency = (0..).zip(self.latency.iter().map(take)).filter(|(_, count)| *count > 0).collect();
        Ended { requests: take(&self.requests), failed: take(&self.failed), latency }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const OK: End = End::Answered(StatusCode::OK);
    const UNKNOWN: End = End::Answered(StatusCode::NOT_FOUND);

    fn rows(endpoints: &Endpoints) -> BTreeMap<String, u64> {
        endpoints.take().into_iter().map(|(endpoint, ended)| (endpoint.to_string(), ended.requests)).collect()
    }

    #[test]
    fn each_endpoint_has_its_row_until_there_are_too_many_and_the_rest_is_counted_together() {
        let endpoints = Endpoints::default();
        for number in 0..100 {
            endpoints.note(&format!("GET /{number}"), OK, None, Claims::Answered);
            endpoints.note("GET /0", OK, None, Claims::Answered);
        }
        let rows = rows(&endpoints);
        assert_eq!((rows.len(), rows["GET /0"], rows["other"]), (MOST + 1, 101, 36));
    }

    #[test]
    fn a_scan_for_paths_that_there_are_not_fills_no_rows_where_everybody_may_ask() {
        let endpoints = Endpoints::default();
        endpoints.note("GET /wp-admin", UNKNOWN, None, Claims::Answered);
        assert_eq!(rows(&endpoints), BTreeMap::from([("other".to_owned(), 1)]));
        endpoints.note("GET /gone", UNKNOWN, None, Claims::All);
        assert_eq!(rows(&endpoints), BTreeMap::from([("GET /gone".to_owned(), 1)]));
    }

    #[test]
    fn failures_and_latencies_are_told_once_and_what_a_visitor_gave_up_is_not() {
        let endpoints = Endpoints::default();
        let note = |end, micros| {
            endpoints.note("GET /", end, Some(Duration::from_micros(micros)), Claims::Answered);
        };
        note(OK, 1_000);
        note(End::Answered(StatusCode::BAD_GATEWAY), 1_001);
        note(OK, 60_000_001);
        note(End::Left, 1);
        endpoints.note("GET /", End::Timeout, None, Claims::Answered);
        let told = endpoints.take().remove(&Endpoint::parse("GET /").unwrap()).unwrap();
        assert_eq!(told, Ended { requests: 4, failed: 2, latency: [(0, 1), (1, 1), (20, 1)].into() });
        assert!(endpoints.take().is_empty());
    }
}
