//! A block: a slice of time and population in which both arms lived through the same.
//!
//! INVARIANT (the caller's): a block closes on counts and clock, never on values, and no visitor is in two
//! blocks of one rollout. Everything that is said about error probabilities rests on this.
//!
//! A block in which one arm is empty shows nothing, so a stratum with few visitors closes its blocks later. One
//! or two canary visitors are enough: short blocks keep what befell both arms together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// Which build a visitor was assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The new build.
    Canary,
    /// The current build.
    Stable,
}

/// A part of the population that is compared within itself, such as a platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stratum(String);

impl Stratum {
    /// Names a stratum; any text will do, the caller declares which ones there are.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stratum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Visitors of one stratum who wait until the other arm has somebody to compare them with.
///
/// Slices are joined by counts, never by how anybody fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting(Block);

/// Visitors of one slice of time and one stratum, in both arms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Those whom the hash gave the new build.
    pub canary: Sample,
    /// Those eligible in the same slice whom it left on the current build.
    pub stable: Sample,
    /// The part of the population that they are.
    pub stratum: Stratum,
}

impl Waiting {
    /// Nobody waits.
    pub fn of(stratum: Stratum) -> Self {
        Self(Block { canary: Sample::EMPTY, stable: Sample::EMPTY, stratum })
    }

    /// Takes in the next slice's visitors; everybody as a block, once both arms have somebody.
    pub fn join(&mut self, canary: &Sample, stable: &Sample) -> Option<Block> {
        self.0.canary += canary;
        self.0.stable += stable;
        let both = self.0.canary.visitors() > 0 && self.0.stable.visitors() > 0;
        let stratum = self.0.stratum.clone();
        both.then(|| std::mem::replace(self, Self::of(stratum)).0)
    }
}
