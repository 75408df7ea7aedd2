//! What the use of a change says beside production's over the same time; pure sums, for people to read.
//!
//! Production is weighted as the change was used: were its endpoints used in other proportions, a slow page that few look
//! at would pass for a slow build. Requests of one person hang together, so nothing here decides anything.

use folkops_model::{Ended, Endpoint, LATENCY_BOUNDS_US};

use crate::folds::{Beside, UsageRow};

/// Under so many people, how much they used a change is not told to anybody.
pub const FEWEST_PEOPLE: u64 = 2;
/// Under so many requests nothing is said of failures and times.
pub const FEWEST_REQUESTS: u64 = 20;

/// What is missing before anything can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// So many people more.
    pub people: u64,
    /// So many requests more, where that may be told.
    pub requests: Option<u64>,
}

/// What was seen of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// By how many people it was used.
    pub people: u64,
    /// How often.
    pub requests: u64,
    /// How many of these failed.
    pub failed: u64,
    /// Of what production served too: here and there. None where that is too little on either side.
    pub beside: Option<(Fares, Fares)>,
}

/// How one side fares at the endpoints that both serve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fares {
    /// The share that failed, 0 to 1.
    pub failed: f64,
    /// So many microseconds at most took the faster half; none where it was slower than the last bucket, or unanswered.
    pub median: Option<u64>,
    /// And so many 95 of 100.
    pub slowest: Option<u64>,
}

impl UsageRow {
    /// How many people used it.
    pub fn people(&self) -> u64 {
        u64::try_from(self.people.len()).unwrap_or(u64::MAX)
    }

    /// What the use says, or what is missing before it says anything.
    pub fn measure(&self) -> Result<Measured, Missing> {
        let (people, requests) = (self.people(), self.requests());
        if people < FEWEST_PEOPLE {
            return Err(Missing { people: FEWEST_PEOPLE - people, requests: None });
        }
        if requests < FEWEST_REQUESTS {
            return Err(Missing { people: 0, requests: Some(FEWEST_REQUESTS - requests) });
        }
        let failed = self.endpoints.values().map(|beside| beside.tried.failed).sum();
        Ok(Measured { people, requests, failed, beside: self.beside_production() })
    }

    /// What was used, most used first.
    pub fn used(&self) -> Vec<(&Endpoint, &Beside)> {
        let mut used: Vec<_> =
            self.endpoints.iter().filter(|(_, beside)| beside.tried.requests > 0).collect();
        used.sort_by_key(|(_, beside)| std::cmp::Reverse(beside.tried.requests));
        used
    }

    /// What production served meanwhile and nobody used on the change, most used first.
    pub fn untouched(&self) -> Vec<(&Endpoint, u64)> {
        let named = self.endpoints.iter().filter(|(endpoint, _)| !endpoint.is_other());
        let untouched =
            named.filter(|(_, beside)| beside.tried.requests == 0 && beside.production.requests > 0);
        let mut untouched: Vec<_> =
            untouched.map(|(endpoint, beside)| (endpoint, beside.production.requests)).collect();
        untouched.sort_by_key(|(_, requests)| std::cmp::Reverse(*requests));
        untouched
    }

    fn beside_production(&self) -> Option<(Fares, Fares)> {
        let both: Vec<&Beside> = self
            .endpoints
            .iter()
            .filter(|(endpoint, _)| !endpoint.is_other())
            .map(|(_, beside)| beside)
            .filter(|beside| beside.tried.requests > 0 && beside.production.requests > 0)
            .collect();
        let sum = |of: fn(&Beside) -> u64| both.iter().map(|beside| of(beside)).sum::<u64>();
        let enough = sum(|beside| beside.tried.requests) >= FEWEST_REQUESTS
            && sum(|beside| beside.production.requests) >= FEWEST_REQUESTS;
        let tried = both.iter().map(|beside| (&beside.tried, beside.tried.requests));
        let production = both.iter().map(|beside| (&beside.production, beside.tried.requests));
        enough.then(|| (Fares::of(tried), Fares::of(production)))
    }
}

impl Fares {
    /// How these fare, each counted as if so many requests had come to it.
    fn of<'a>(all: impl Iterator<Item = (&'a Ended, u64)>) -> Self {
        let (mut total, mut failed) = (0.0, 0.0);
        let mut buckets = [0.0; LATENCY_BOUNDS_US.len() + 1];
        for (ended, weight) in all.filter(|(ended, _)| ended.requests > 0) {
            let each = float(weight) / float(ended.requests);
            total += float(weight);
            failed += float(ended.failed) * each;
            for (bucket, count) in &ended.latency {
                if let Some(sum) = buckets.get_mut(usize::from(*bucket)) {
                    *sum += float(*count) * each;
                }
            }
        }
        let within = |share: f64| {
            let sums = buckets.iter().scan(0.0, |sum, bucket| {
                *sum += bucket;
                Some(*sum)
            });
            // What was never answered is slower than everything.
            let at = sums.zip(LATENCY_BOUNDS_US).find(|(sum, _)| *sum >= share * total - 1e-9);
            at.map(|(_, bound)| bound)
        };
        Self { failed: failed / total, median: within(0.5), slowest: within(0.95) }
    }
}

/// Counts of requests are far below 2⁵², where every whole number is a float.
#[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use folkops_model::PersonId;
    use jiff::Timestamp;

    use super::*;

    fn ended(requests: u64, failed: u64, latency: &[(u8, u64)]) -> Ended {
        Ended { requests, failed, latency: latency.iter().copied().collect() }
    }

    fn row(people: &[&str], endpoints: &[(&str, Ended, Ended)]) -> UsageRow {
        let beside = |(name, tried, production): &(&str, Ended, Ended)| {
            let beside = Beside { people: 2, tried: tried.clone(), production: production.clone() };
            (Endpoint::parse(name).unwrap(), beside)
        };
        UsageRow {
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            people: people.iter().map(|id| PersonId::parse(id).unwrap()).collect::<BTreeSet<_>>(),
            days: 1,
            last_day: 0,
            endpoints: endpoints.iter().map(beside).collect(),
            epoch: "a".into(),
            gaps: 0,
        }
    }

    #[test]
    fn too_little_is_no_evidence_and_says_what_is_missing() {
        let of = |people: &[&str], requests| {
            row(people, &[("GET /", ended(requests, 0, &[]), Ended::default())]).measure().err()
        };
        assert_eq!(of(&[], 0), Some(Missing { people: 2, requests: None }));
        assert_eq!(of(&["ana"], 5_000), Some(Missing { people: 1, requests: None }));
        assert_eq!(of(&["ana", "ben"], 7), Some(Missing { people: 0, requests: Some(13) }));
        assert_eq!(of(&["ana", "ben"], 20), None);
    }

    #[test]
    fn production_is_weighted_as_the_change_was_used() {
        // On the change the slow, failing page is used nine times as often as in production.
        let measured = row(
            &["ana", "ben"],
            &[
                ("GET /fast", ended(10, 0, &[(0, 10)]), ended(900, 0, &[(0, 900)])),
                ("GET /slow", ended(90, 9, &[(10, 90)]), ended(100, 10, &[(10, 100)])),
            ],
        )
        .measure()
        .unwrap();
        let (here, there) = measured.beside.unwrap();
        assert!(
            (here.failed - 0.09).abs() < 1e-9 && (there.failed - 0.09).abs() < 1e-9,
            "{here:?} {there:?}"
        );
        assert_eq!((here.median, there.median), (Some(320_000), Some(320_000)));
    }

    #[test]
    fn only_what_both_serve_is_compared_and_what_was_never_answered_is_slow() {
        let tried = row(
            &["ana", "ben"],
            &[
                ("GET /", ended(20, 2, &[(3, 18)]), ended(40, 0, &[(2, 20), (4, 20)])),
                ("GET /new", ended(30, 30, &[]), Ended::default()),
                ("POST /recipes", Ended::default(), ended(5, 5, &[])),
                ("other", ended(5, 0, &[]), ended(5, 5, &[])),
            ],
        );
        let measured = tried.measure().unwrap();
        assert_eq!((measured.requests, measured.failed), (55, 32));
        let (here, there) = measured.beside.unwrap();
        assert!((here.failed - 0.1).abs() < 1e-9 && there.failed == 0.0, "{here:?} {there:?}");
        assert_eq!((here.median, here.slowest), (Some(5_600), None));
        assert_eq!((there.median, there.slowest), (Some(3_200), Some(10_000)));
        assert_eq!(tried.untouched(), [(&Endpoint::parse("POST /recipes").unwrap(), 5)]);
    }

    #[test]
    fn without_enough_in_production_there_is_nothing_beside() {
        let tried = row(&["ana", "ben"], &[("GET /", ended(50, 0, &[(3, 50)]), ended(19, 0, &[(3, 19)]))]);
        assert_eq!(tried.measure().unwrap().beside, None);
    }
}
