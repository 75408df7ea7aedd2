//! Rollouts as they are decided and recorded: who is moved in which steps, and what was seen meanwhile.
//!
//! Whole numbers only, so that records compare and read back exactly: shares in basis points, margins in parts per
//! million, times in milliseconds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{Malformed, OperationId, ReleaseNumber};

/// A share of all visitors in basis points: 10,000 is everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct BasisPoints(u16);

impl BasisPoints {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(10_000);

    /// A share of at most 10,000 basis points.
    pub fn new(share: u16) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(&share.to_string(), "a share of 0 to 10000 basis points");
        Some(Self(share)).filter(|share| *share <= Self::ALL).ok_or_else(wrong)
    }

    /// The nearest share to a fraction; below 0 is nobody, above 1 everybody.
    pub fn nearest(fraction: f64) -> Self {
        let share = (fraction.clamp(0.0, 1.0) * 10_000.0).round();
        // A clamped fraction of ten thousand is a whole number that fits.
        Self((0..=10_000_u16).rev().find(|whole| f64::from(*whole) <= share).unwrap_or(0))
    }

    /// In basis points, 0 to 10,000.
    pub fn get(self) -> u16 {
        self.0
    }

    /// As a fraction, 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = Malformed;
    fn try_from(share: u16) -> Result<Self, Malformed> {
        Self::new(share)
    }
}

impl From<BasisPoints> for u16 {
    fn from(share: BasisPoints) -> Self {
        share.0
    }
}

/// In per cent, as people read it.
impl std::fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0..1_000 => write!(f, "{} %", f64::from(self.0.div_ceil(10)) / 10.0),
            share => write!(f, "{} %", (share + 50) / 100),
        }
    }
}

/// How a release comes to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In steps, each as wide as the harm that it has to exclude needs.
    Canary,
    /// In even steps.
    Linear,
    /// Beside what runs, then all at once; what ran stays up, and the new build is watched.
    BlueGreen,
    /// Beside what runs, then all at once, and nobody watches.
    AtOnce,
}

/// What is done when time is up and the numbers have not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// It stays as it is and people are asked.
    Hold,
    /// It goes back.
    RollBack,
    /// It goes on: nothing spoke against it.
    Advance,
}

/// One step of a rollout: how many get the new build, and what must be excluded before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// The share that gets the new build.
    pub weight: BasisPoints,
    /// The share that stays and is compared with it.
    pub control: BasisPoints,
    /// The rise of the share of failing visitors that must be excluded, in parts per million.
    pub margin_ppm: u32,
}

impl Rung {
    /// After the last step.
    pub const EVERYBODY: Self = Self { weight: BasisPoints::ALL, control: BasisPoints::NONE, margin_ppm: 0 };
}

/// How a release is watched after everybody has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// For so long, in milliseconds.
    pub lasts_ms: u64,
    /// The share of visitors who meet a failure anyway, in parts per million, where no control shows it.
    pub usual_ppm: u32,
    /// Under this word visitors are counted anew, each once: thirty-two hex digits.
    pub salt: String,
}

/// How visitors are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How long each is watched from their first request on, in milliseconds.
    pub period_ms: u64,
    /// How long visitors are gathered into one block, in milliseconds.
    pub block_ms: u64,
    /// From here on an answer is slow, in milliseconds.
    pub slow_ms: u64,
}

/// One rollout, as it was decided. Nothing of it changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The release that is tried.
    pub release: ReleaseNumber,
    /// The release that it is compared with, and gone back to.
    pub from: ReleaseNumber,
    /// The changes that it brings.
    pub changes: Vec<ChangeRef>,
    /// The operation whose card tells of it.
    pub operation: OperationId,
    /// How it was asked for.
    pub strategy: Strategy,
    /// Its steps before everybody, narrowest first; none for a release that everybody gets at once.
    pub rungs: Vec<Rung>,
    /// How many visitors may meet a failure of the new build before it goes back at once.
    pub budget: u64,
    /// How many visitors must have had the new build before it goes to more of them.
    #[serde(default, skip_serializing_if = "nobody")]
    pub least: u64,
    /// When the numbers must have decided, UTC.
    pub deadline: Timestamp,
    /// What is done then.
    pub late: Late,
    /// Decides which visitors are tried first: thirty-two hex digits, other ones for each rollout.
    pub salt: String,
    /// How visitors are watched.
    pub timing: Timing,
    /// How it is watched after everybody has it; not at all without this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutEnd {
    /// Everybody has it.
    Live,
    /// Nobody has it any more.
    RolledBack,
    /// A newer release is tried instead.
    Superseded,
}

/// Why a rollout stands still by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// No visitors come, to neither build.
    Silent,
    /// Visitors do not fall to the builds as they should.
    WrongShares,
    /// Harm is likely, and not certain enough to go back.
    Suspicion,
    /// Time is up.
    Late,
    /// Two halves of the current build's visitors differ in what is judged: something else than the build decides.
    Unsound,
    /// The current build fails most of its visitors: there is nothing sound to compare with.
    NothingSound,
}

impl Held {
    /// Whether somebody may let it go to everybody all the same: where more visitors may never bring the answer.
    pub fn may_be_overruled(self) -> bool {
        matches!(self, Self::Late | Self::Unsound | Self::NothingSound)
    }
}

/// Left out of a record, which then reads as those did that had no such limit.
fn nobody(visitors: &u64) -> bool {
    *visitors == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_reads_as_people_say_it() {
        for (share, said) in
            [(0, "0 %"), (7, "0.1 %"), (50, "0.5 %"), (430, "4.3 %"), (2_500, "25 %"), (10_000, "100 %")]
        {
            assert_eq!(BasisPoints::new(share).unwrap().to_string(), said);
        }
        assert!(BasisPoints::new(10_001).is_err());
        assert_eq!(BasisPoints::nearest(0.25), BasisPoints::new(2_500).unwrap());
        assert_eq!(BasisPoints::nearest(7.0), BasisPoints::ALL);
    }
}
