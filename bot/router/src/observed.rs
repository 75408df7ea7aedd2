//! What a rollout showed, as the bot reads it: matured cohorts for the test, ticks for graphs and the guard.
//!
//! A visitor stands in one cohort of a rollout at most, whatever happens to them later; ticks count requests and
//! may count again what a router before this one has counted.

use std::collections::BTreeMap;

use folkops_model::ClientKind;
use serde::{Deserialize, Serialize};

use crate::split::{Salt, Weight};
use crate::table::Arm;

/// How finely a visitor's share of bad requests is told: in thirty-seconds.
pub const UNITS: u8 = 32;

/// What is asked for: everything from these indices on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// Which rollout.
    pub salt: Salt,
    /// The first cohort that is wanted.
    pub cohorts: u64,
    /// The first tick that is wanted.
    pub ticks: u64,
}

/// The state of one rollout. Indices have no gaps; the oldest of more than 10,000 are let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Another value whenever indices begin anew at 0: after a start of the router, or with other arms.
    pub epoch: String,
    /// Which rollout.
    pub salt: Salt,
    /// The build that is tried, and the one that it is compared with.
    pub arms: Sides<Arm>,
    /// Milliseconds since 1970 up to which all ticks are told; where there is none, nothing happened.
    pub told_until_ms: i64,
    /// Whether so many visitors are known (2,000,000) that new ones are no longer counted.
    pub full: bool,
    /// Mature cohorts that the disk did not take yet; they are told once it does.
    pub owed: u64,
    /// Matured cohorts.
    pub cohorts: Vec<Cohort>,
    /// Blocks of time in which anything happened.
    pub ticks: Vec<Tick>,
}

/// One value for each side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides<T> {
    /// Of the next build.
    pub candidate: T,
    /// Of the service's default: in a cohort its control alone, in a tick all of it.
    pub stable: T,
}

/// The visitors whose first request in this rollout fell into one block of time, after they were watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Counts up from 0 within an epoch.
    pub index: u64,
    /// When it began, in milliseconds since 1970.
    pub start_ms: i64,
    /// When it ended; nobody who came at this very moment is in it.
    pub end_ms: i64,
    /// The candidate's share meanwhile.
    pub weight: Weight,
    /// The control's share meanwhile.
    pub control: Weight,
    /// What became of them.
    pub sides: Sides<Outcome>,
    /// The same visitors by the kind of their client; kinds of which nobody came are left out.
    #[serde(default)]
    pub kinds: BTreeMap<ClientKind, Sides<Outcome>>,
    /// Of the control, the half that a bit of the visitors' hash marks which plays no part in the split.
    #[serde(default)]
    pub half: Outcome,
}

/// What became of one side of a cohort. Each histogram has every exposed visitor in it, once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Visitors.
    pub exposed: u64,
    /// Their shares of requests that failed: 5xx, reset, timeout, or no answer by the time the cohort was mature.
    pub failed: Histogram,
    /// Their shares of requests whose response's head took `slow_ms` or longer.
    pub slow: Histogram,
    /// Their shares of requests that were answered 4xx.
    pub refused: Histogram,
}

/// How many visitors had which share, rounded to thirty-seconds (0 to 32); shares that nobody had are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(pub BTreeMap<u8, u64>);

/// One block of time: what ended in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Counts up from 0 within an epoch.
    pub index: u64,
    /// When it began, in milliseconds since 1970.
    pub start_ms: i64,
    /// When it ended.
    pub end_ms: i64,
    /// The candidate's share meanwhile.
    pub weight: Weight,
    /// The counts.
    pub sides: Sides<Counts>,
}

/// What ended on one side in one block of time, visitors without a returning cookie included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests whose response's head came, or of which it became clear that none would.
    pub requests: u64,
    /// Failed ones: 5xx, reset, timeout. One whose body broke off counts when it did.
    pub failed: u64,
    /// Slow ones.
    pub slow: u64,
    /// Those answered 4xx.
    pub refused: u64,
    /// Visitors who met their first failure on this side in this rollout.
    pub affected: u64,
    /// Visitors who came to this side for the first time in this rollout.
    pub visitors: u64,
}

impl Histogram {
    /// Notes one visitor, `bad` of whose `requests` were bad. No more than all can be; of none, all were.
    pub(crate) fn note(&mut self, bad: u64, requests: u64) {
        let share = (2 * u64::from(UNITS) * bad + requests).checked_div(2 * requests);
        let bin = share.map_or(UNITS, |share| u8::try_from(share).unwrap_or(UNITS).min(UNITS));
        *self.0.entry(bin).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_to_the_nearest_thirty_second_and_nothing_is_the_worst() {
        for (bad, requests, bin) in
            [(0, 7, 0), (7, 7, 32), (1, 64, 1), (1, 65, 0), (1, 3, 11), (9, 3, 32), (0, 0, 32)]
        {
            let mut histogram = Histogram::default();
            histogram.note(bad, requests);
            assert_eq!(histogram.0, BTreeMap::from([(bin, 1)]), "{bad} of {requests}");
        }
    }

    #[test]
    fn a_histogram_reads_back_from_json() {
        let histogram = Histogram([(0, 5), (32, 1)].into());
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, r#"{"0":5,"32":1}"#);
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
    }
}
