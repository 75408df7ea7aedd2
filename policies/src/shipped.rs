//! The policies that come with FolkOps, and the table of cases that they must satisfy.

use crate::read::Source;

/// The table of cases for the shipped policies, for `folkops policy test` and for this crate's tests.
pub const CASES: &str = include_str!("../tests/shipped.toml");

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../shipped/", $name)))),*]
    };
}

const FILES: [(&str, &str); 9] = files![
    "automation.cedar",
    "identity.cedar",
    "operate.cedar",
    "own-workload.cedar",
    "preview.cedar",
    "read.cedar",
    "release.cedar",
    "safety.cedar",
    "vouch.cedar",
];

/// The shipped policies.
pub fn shipped() -> Vec<Source> {
    FILES.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect()
}
