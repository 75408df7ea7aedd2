//! What the edge saw of a rollout's visitors, as it is recorded: by whole numbers, and of nobody in particular.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rollout::BasisPoints;

/// What the edge saw since the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Which life of the edge; its indices begin anew with each.
    pub epoch: String,
    /// The first block of visitors that it will tell next.
    pub next_cohort: u64,
    /// The first block of time that it will tell next.
    pub next_tick: u64,
    /// Blocks of visitors, each watched to the end.
    pub cohorts: Vec<Cohort>,
    /// Blocks of time.
    pub ticks: Vec<Tick>,
}

/// What a visitor's client says it is: all by which visitors are told apart.
///
/// It is known from their first request, before anything became of it, and is the same whichever build they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// A browser on something that is carried.
    Phone,
    /// A browser on anything else.
    Computer,
    /// No browser: a script, a feed reader, a robot.
    Program,
    /// It does not say, or says something unknown.
    Other,
}

impl ClientKind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Phone, Self::Computer, Self::Program, Self::Other];

    /// Many of them, as people say it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Phone => "phones",
            Self::Computer => "computers",
            Self::Program => "programs",
            Self::Other => "other clients",
        }
    }
}

/// The visitors who came in one block of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// When the block ended, UTC; they were watched a while longer.
    pub at: Timestamp,
    /// The new build's share meanwhile.
    pub weight: BasisPoints,
    /// The control's share meanwhile.
    pub control: BasisPoints,
    /// What became of those with the new build.
    pub candidate: Visitors,
    /// What became of the control.
    pub stable: Visitors,
    /// The same visitors by the kind of their client; empty in older records, which told no kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<ClientKind, Compared>,
    /// Of the control, the half that the visitors' hash marks: it should fare like the other one. Empty in older records.
    #[serde(default, skip_serializing_if = "Visitors::is_empty")]
    pub half: Visitors,
}

/// What became of the visitors who are compared with each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Of those with the new build.
    pub candidate: Visitors,
    /// Of the control.
    pub stable: Visitors,
}

impl Cohort {
    /// Its visitors by the kind of their client; those of older records are all of no known one.
    pub fn by_kind(&self) -> BTreeMap<ClientKind, Compared> {
        if !self.kinds.is_empty() {
            return self.kinds.clone();
        }
        let (candidate, stable) = (self.candidate.clone(), self.stable.clone());
        BTreeMap::from([(ClientKind::Other, Compared { candidate, stable })])
    }
}

/// What became of some visitors, each counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitors {
    /// How many there were.
    pub exposed: u64,
    /// How many had which share of failed requests, in thirty-seconds.
    pub failed: BTreeMap<u8, u64>,
    /// How many had which share of slow requests, in thirty-seconds.
    pub slow: BTreeMap<u8, u64>,
}

impl Visitors {
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.exposed == 0
    }

    /// Those who are not in a part of them.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        let rest = |all: &BTreeMap<u8, u64>, part: &BTreeMap<u8, u64>| {
            let left = |(share, count): (&u8, &u64)| {
                (*share, count.saturating_sub(part.get(share).copied().unwrap_or(0)))
            };
            all.iter().map(left).filter(|(_, count)| *count > 0).collect()
        };
        Self {
            exposed: self.exposed.saturating_sub(part.exposed),
            failed: rest(&self.failed, &part.failed),
            slow: rest(&self.slow, &part.slow),
        }
    }

    /// Adds others.
    pub fn add(&mut self, others: &Self) {
        self.exposed += others.exposed;
        for (sum, more) in [(&mut self.failed, &others.failed), (&mut self.slow, &others.slow)] {
            more.iter().for_each(|(share, count)| *sum.entry(*share).or_default() += count);
        }
    }
}

/// One block of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// When it ended, UTC.
    pub at: Timestamp,
    /// The new build's share meanwhile.
    pub weight: BasisPoints,
    /// What ended with the new build.
    pub candidate: Counts,
    /// What ended with the current one.
    pub stable: Counts,
}

/// What ended in a block of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Failed ones.
    pub failed: u64,
    /// Slow ones.
    pub slow: u64,
    /// Visitors who met their first failure.
    pub affected: u64,
    /// Visitors who came for the first time.
    pub visitors: u64,
}

impl Counts {
    /// Adds another block's.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.slow += other.slow;
        self.affected += other.affected;
        self.visitors += other.visitors;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cohort_that_was_recorded_before_there_were_kinds_reads_as_one_of_an_unknown_kind() {
        let side = |exposed| {
            format!(r#"{{"exposed":{exposed},"failed":{{"0":{exposed}}},"slow":{{"0":{exposed}}}}}"#)
        };
        let text = format!(
            r#"{{"at":"2026-03-01T12:00:00Z","weight":100,"control":300,"candidate":{},"stable":{}}}"#,
            side(1),
            side(3)
        );
        let cohort: Cohort = serde_json::from_str(&text).unwrap();
        let (candidate, stable) = (cohort.candidate.clone(), cohort.stable.clone());
        assert_eq!((candidate.exposed, stable.exposed), (1, 3));
        assert_eq!(cohort.by_kind(), BTreeMap::from([(ClientKind::Other, Compared { candidate, stable })]));
        assert_eq!(serde_json::to_string(&cohort).unwrap(), text);
    }
}
