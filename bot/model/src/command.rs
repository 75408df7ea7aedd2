//! How a command is declared: one declaration feeds grammar, help, suggestions, autocomplete, policy and docs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::ChangeName;
use crate::ids::{PreviewId, ReleaseNumber, Sha};
use crate::sealed::Sealed;

/// What kind of act a command is; shipped policies permit by class, so a new command needs no new policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Looks and changes nothing.
    Read,
    /// Runs unmerged changes beside production.
    Preview,
    /// Changes what handles one's own requests.
    OwnWorkload,
    /// Vouches for a commit.
    Vouch,
    /// Changes what everybody gets.
    Release,
    /// Makes things safer: takes back, stops, freezes.
    Safety,
    /// Runs FolkOps itself.
    Operate,
    /// Says which accounts are one's own.
    Identity,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Preview,
        Self::OwnWorkload,
        Self::Vouch,
        Self::Release,
        Self::Safety,
        Self::Operate,
        Self::Identity,
    ];

    /// As written in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Preview => "preview",
            Self::OwnWorkload => "own-workload",
            Self::Vouch => "vouch",
            Self::Release => "release",
            Self::Safety => "safety",
            Self::Operate => "operate",
            Self::Identity => "identity",
        }
    }
}

/// What an argument's words must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArgKind {
    /// A pull request's number.
    Change,
    /// A full commit id.
    Sha,
    /// A release's number.
    Release,
    /// A preview's name.
    Preview,
    /// A name of ours: lower-case letters, digits and `-`.
    Name,
    /// All the rest of the line, as it stands.
    Rest,
    /// A length of time such as `90m` or `2h`; at most a week.
    Duration,
    /// `--name` or `--name=word`, given or not.
    Flag,
}

/// How often an argument stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arity {
    /// Exactly once.
    One,
    /// Once or not at all.
    Optional,
    /// At least once.
    Many,
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArgSpec {
    /// Its name in help and errors.
    pub name: &'static str,
    /// What it is, in a few words.
    pub help: &'static str,
    /// What its words must be.
    pub kind: ArgKind,
    /// How often it stands.
    pub arity: Arity,
}

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CommandSpec {
    /// Its name, without the slash.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// What it does, in a few words that follow its name.
    pub summary: &'static str,
    /// A line somebody would type.
    pub example: &'static str,
    /// What kind of act it is.
    pub class: Class,
    /// Its arguments in order; flags anywhere.
    pub args: &'static [ArgSpec],
    /// For the automation only: no person can say it and no help names it.
    #[serde(default)]
    pub internal: bool,
}

/// What a person typed freely. Records keep only the sealed form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FreeText {
    /// The words, while they are being handled; never written down.
    #[serde(skip)]
    pub clear: String,
    /// The words at rest, once the pipeline has sealed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}

/// One parsed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// A pull request.
    Change(ChangeName),
    /// A full commit id.
    Sha(Sha),
    /// A release's number.
    Release(ReleaseNumber),
    /// A preview's name.
    Preview(PreviewId),
    /// A name of ours.
    Name(String),
    /// A rest of line.
    Text(FreeText),
    /// A length of time in seconds.
    Seconds(u64),
    /// A flag that was given, with the word after its `=`, if any: lower-case letters, digits and `-`.
    Given(Option<String>),
}

/// The parsed arguments of one command, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Args(BTreeMap<String, Vec<Value>>);

impl Args {
    /// Adds one value.
    pub fn push(&mut self, name: &str, value: Value) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// All values of one argument.
    pub fn all(&self, name: &str) -> &[Value] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a flag was given.
    pub fn given(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    /// The word that a flag was given with.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.all(name)
            .iter()
            .find_map(|value| if let Value::Given(word) = value { word.as_deref() } else { None })
    }

    /// The changes named, in order and without repetition.
    pub fn changes(&self, name: &str) -> Vec<ChangeName> {
        let mut seen = Vec::new();
        for value in self.all(name) {
            if let Value::Change(change) = value
                && !seen.contains(change)
            {
                seen.push(change.clone());
            }
        }
        seen
    }

    /// The commit named.
    pub fn sha(&self, name: &str) -> Option<&Sha> {
        self.all(name).iter().find_map(|value| if let Value::Sha(sha) = value { Some(sha) } else { None })
    }

    /// The release named.
    pub fn release(&self, name: &str) -> Option<ReleaseNumber> {
        self.all(name)
            .iter()
            .find_map(|value| if let Value::Release(number) = value { Some(*number) } else { None })
    }

    /// The preview named.
    pub fn preview(&self, name: &str) -> Option<&PreviewId> {
        self.all(name).iter().find_map(|value| if let Value::Preview(id) = value { Some(id) } else { None })
    }

    /// The name given.
    pub fn name(&self, name: &str) -> Option<&str> {
        self.all(name)
            .iter()
            .find_map(|value| if let Value::Name(word) = value { Some(word.as_str()) } else { None })
    }

    /// The free text given.
    pub fn text(&self, name: &str) -> Option<&FreeText> {
        self.all(name).iter().find_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
    }

    /// Every free text.
    pub fn texts(&self) -> impl Iterator<Item = &FreeText> {
        self.0
            .values()
            .flatten()
            .filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
    }

    /// Every free text, for the pipeline to seal.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut FreeText> {
        self.0
            .values_mut()
            .flatten()
            .filter_map(|value| if let Value::Text(t) = value { Some(t) } else { None })
    }

    /// The length of time given, in seconds.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        self.all(name).iter().find_map(|value| if let Value::Seconds(s) = value { Some(*s) } else { None })
    }
}
