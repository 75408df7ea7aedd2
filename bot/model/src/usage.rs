//! What the edge saw of people who try changes, as it is recorded: sums by endpoint, and of nobody in particular.
//!
//! INVARIANT: nothing here says which person used which endpoint, when, or how often.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{Malformed, PersonId, Sha};

/// Upper bounds of the latency buckets in microseconds, four to a decade; one more bucket takes what is slower.
pub const LATENCY_BOUNDS_US: [u64; 20] = [
    1_000, 1_800, 3_200, 5_600, 10_000, 18_000, 32_000, 56_000, 100_000, 180_000, 320_000, 560_000,
    1_000_000, 1_800_000, 3_200_000, 5_600_000, 10_000_000, 18_000_000, 32_000_000, 60_000_000,
];

/// The longest endpoint, in bytes.
const LONGEST: usize = 220;

/// What was asked for, without what would say of whom: a method and a template of the path, such as `GET /recipes/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

impl Endpoint {
    /// All that have no row of their own.
    pub fn other() -> Self {
        Self("other".to_owned())
    }

    /// Parses printable ASCII of at most 220 bytes.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| Malformed::new(text, "an endpoint such as `GET /recipes/{id}`"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for all that have no row of their own.
    pub fn is_other(&self) -> bool {
        self.0 == "other"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Endpoint {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = Malformed;
    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.0
    }
}

/// What ended at one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Requests, without those that the visitor gave up before there was an answer.
    pub requests: u64,
    /// Of these: 5xx answers, resets and timeouts.
    pub failed: u64,
    /// Those with an answer by the bucket of the time to its head, as in [`LATENCY_BOUNDS_US`]; empty buckets are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latency: BTreeMap<u8, u64>,
}

impl Ended {
    /// Adds what ended elsewhere or later.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        other.latency.iter().for_each(|(bucket, count)| *self.latency.entry(*bucket).or_default() += count);
    }
}

/// What the edge saw since the last time, while somebody tried changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Which life of the edge; its blocks are numbered anew in each.
    pub epoch: String,
    /// The first block that it will tell next.
    pub next: u64,
    /// Each change at a commit that somebody tried, by component, number and commit.
    pub tried: Vec<Tried>,
    /// What everybody else's requests came to meanwhile.
    pub production: BTreeMap<Endpoint, Ended>,
}

/// What came to one change at one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Which change.
    pub change: ChangeRef,
    /// At which commit.
    pub sha: Sha,
    /// Who used it for the first time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub newcomers: BTreeSet<PersonId>,
    /// What they asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<Endpoint, Used>,
}

/// What came to one endpoint of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// By how many people at least, since the bot started; never by whom.
    pub people: u64,
    /// What ended.
    pub ended: Ended,
}
