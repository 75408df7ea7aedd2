//! How a rollout divides the visitors: who gets the candidate, who is the control, and how long each is watched.
//!
//! A part of the table, parsed at its border. It never says who a visitor is: that is the salt's affair.

use std::fmt;

use folkops_model::Malformed;
use folkops_model::ports::Entropy;
use serde::{Deserialize, Serialize};

use crate::names::{Arm, as_text};
use crate::table::{Backend, Contradiction};

/// One rollout as the router serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The next build.
    pub candidate: Backend,
    /// The share of all visitors that the candidate gets.
    pub weight: Weight,
    /// The share that stays on the default and is compared with the candidate's; at most what `weight` leaves.
    pub control: Weight,
    /// Decides who is who. Drawn anew for each rollout, so that no two rollouts try the same people first.
    pub salt: Salt,
    /// How long a visitor is watched from their first request in this rollout on, in milliseconds.
    pub period_ms: u64,
    /// For how long visitors are gathered into one cohort, and how long a tick is, in milliseconds.
    pub block_ms: u64,
    /// From here on the wait for the head of a response is a slow one, in milliseconds.
    pub slow_ms: u64,
}

/// A share of all visitors in basis points: 10,000 is everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Weight(u16);

/// 128 random bits in thirty-two lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt(u128);

impl Split {
    /// Whether everybody gets the candidate, so that there is nothing to divide and only something to count.
    pub(crate) fn is_everybody(&self) -> bool {
        self.weight == Weight::ALL
    }

    /// Checks what types alone cannot say, beside the arm of the service's default.
    pub(crate) fn check(&self, default: &Arm) -> Result<(), Contradiction> {
        let (weight, control) = (self.weight, self.control);
        if weight.0 + control.0 > Weight::ALL.0 {
            return Err(Contradiction::MoreThanAll { weight, control });
        }
        for (name, value) in [("period_ms", self.period_ms), ("block_ms", self.block_ms)] {
            if value == 0 {
                return Err(Contradiction::NoTime(name));
            }
        }
        // What everybody has is no second arm: it is only counted.
        match self.candidate.arm == *default && !self.is_everybody() {
            true => Err(Contradiction::SameArm(default.clone())),
            false => Ok(()),
        }
    }
}

impl Weight {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(10_000);

    /// A share of at most 10,000 basis points.
    pub fn new(basis_points: u16) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(&basis_points.to_string(), "a share of 0 to 10000 basis points");
        Some(Self(basis_points)).filter(|weight| *weight <= Self::ALL).ok_or_else(wrong)
    }

    /// In basis points, 0 to 10,000.
    pub fn basis_points(self) -> u16 {
        self.0
    }
}

impl Salt {
    /// A fresh one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes);
        Self(u128::from_be_bytes(bytes))
    }

    /// Parses thirty-two lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let bits = Some(text).filter(|text| text.len() == 32 && text.bytes().all(hex));
        let bits = bits.and_then(|text| u128::from_str_radix(text, 16).ok());
        bits.map(Self).ok_or_else(|| Malformed::new(text, "a salt of thirty-two lower-case hex digits"))
    }

    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

as_text!(Salt);

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

impl TryFrom<u16> for Weight {
    type Error = Malformed;
    fn try_from(basis_points: u16) -> Result<Self, Malformed> {
        Self::new(basis_points)
    }
}

impl From<Weight> for u16 {
    fn from(weight: Weight) -> u16 {
        weight.0
    }
}
