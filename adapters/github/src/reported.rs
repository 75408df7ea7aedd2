//! What GitHub was told of previews, promotions and heads, beside comments: by subject, from the record.
//!
//! The record knows that something was said only after GitHub answered; what became of a write without an answer is
//! looked up at GitHub before the next one.

use std::fmt;
use std::str::FromStr;

use folkops_engine::{AnyTable, Body, Fold};
use folkops_model::{ChangeRef, Malformed, PreviewId, Sha};
use folkops_record::{Record, Table};
use serde::{Deserialize, Serialize};

use crate::settings::surface;

/// So many subjects are remembered; those that were told longest ago go first.
const ROWS: usize = 2_000;

/// What GitHub is told about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// What of the change.
    pub what: What,
    /// Which change.
    pub change: ChangeRef,
    /// At which commit.
    pub sha: Sha,
}

/// What of a change GitHub is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// How its head stands here: a check run.
    Check,
    /// A preview that it is in: a deployment.
    Preview(PreviewId),
    /// That it goes to everybody: a deployment.
    Production,
}

/// What was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which of the subject's deployments, from 0: a change may be promoted again.
    pub round: u32,
    /// GitHub's number of it; 0 where GitHub refused it.
    pub number: u64,
    /// In one word what was said, and for a check a hash of all of it.
    pub said: String,
    /// The record that says so.
    pub at: u64,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Reported {
    /// By subject.
    pub told: Table<Subject, Told>,
}

impl Default for Reported {
    fn default() -> Self {
        Self { told: Table::new("github-told") }
    }
}

impl Fold for Reported {
    fn apply(&mut self, record: &Record) {
        let Body::Mirrored { surface: of, key, round, number, said } = &record.body else { return };
        let Some(subject) = key.parse::<Subject>().ok().filter(|_| *of == surface()) else { return };
        let at = record.sequence;
        let told = Told { round: *round, number: *number, said: said.clone(), at };
        self.told.put(at, subject, told);
        if self.told.len() > ROWS {
            let oldest = self.told.iter().min_by_key(|(_, told)| told.at).map(|(subject, _)| subject.clone());
            oldest.into_iter().for_each(|subject| drop(self.told.remove(at, &subject)));
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.told]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.told]
    }
}

impl What {
    /// The environment of a deployment.
    pub fn environment(&self) -> Option<String> {
        match self {
            Self::Check => None,
            Self::Preview(preview) => Some(format!("preview/{preview}")),
            Self::Production => Some("production".to_owned()),
        }
    }
}

impl Subject {
    /// The change at its commit, as the key of a check run: `web#41@9f2c…`. Buttons come back with it.
    pub fn head(&self) -> String {
        format!("{}@{}", self.change, self.sha)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Check => write!(f, "check {}", self.head()),
            What::Preview(preview) => write!(f, "{preview} {}", self.head()),
            What::Production => write!(f, "production {}", self.head()),
        }
    }
}

impl FromStr for Subject {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new(text, "something that GitHub is told about");
        let (what, head) = text.split_once(' ').ok_or_else(malformed)?;
        let (change, sha) = head.split_once('@').ok_or_else(malformed)?;
        let what = match what {
            "check" => What::Check,
            "production" => What::Production,
            preview => What::Preview(PreviewId::parse(preview)?),
        };
        Ok(Self { what, change: change.parse()?, sha: Sha::parse(sha)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_as_it_was_written() {
        let head = "web#41@9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2";
        for what in ["check", "production", "p-7kq2xm4"] {
            let text = format!("{what} {head}");
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for bad in ["", "check", "check web#41", &format!("staging {head}"), "check web#41@main"] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }
}
