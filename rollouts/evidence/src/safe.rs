//! Is the canary at most a margin worse? The mirrored test, which lets a rollout advance.
//!
//! Its null hypothesis is "worse by at least the margin", so reaching 1/β excludes that; a build that is
//! worse by the margin ever advances with probability ≤ β. The arms change places in the e-variable of
//! [`crate::bet`], with the margin put on one of them so that the null hypothesis reads "not above":
//!
//! - [`Margin::ratio`] m, for common failures: E u ≥ m·E v, so v is compared with u/m.
//! - [`Margin::absolute`] δ, for rare ones: E u ≥ E v′ with v′ = δ + (1−δ)v, which stays in `[0,1]` and has
//!   mean E v + δ(1 − E v); v′ is compared with u.
//!
//! How far below the margin the canary lies is unknown, so guesses at ¼, ½, ¾ and the whole of it are mixed.
//!
//! A rollout holds one of these for each margin that a step asks for, and feeds all of them from the start:
//! evidence is carried from step to step, never reset.

use serde::{Deserialize, Serialize};

use crate::bet::{Cap, Guess, Side, View, log_factor};
use crate::block::Block;
use crate::level::{Level, OutOfRange};
use crate::tally::{Baseline, Tally};
use crate::wealth::{Mismatch, log_mean_exp};

/// How much of the margin the canary is guessed to stay below it.
const PARTS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

/// What "worse" must reach before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawMargin", into = "RawMargin")]
pub struct Margin(RawMargin);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawMargin {
    Ratio(f64),
    Absolute(f64),
}

impl Margin {
    /// m times stable's unhealth, m > 1.
    pub fn ratio(m: f64) -> Result<Self, OutOfRange> {
        RawMargin::Ratio(m).try_into()
    }

    /// δ more than stable's unhealth, in (0,1) (exactly: δ of what was well).
    pub fn absolute(delta: f64) -> Result<Self, OutOfRange> {
        RawMargin::Absolute(delta).try_into()
    }

    fn canary_view(self) -> View {
        match self.0 {
            RawMargin::Ratio(m) => View { offset: 0.0, scale: 1.0 / m },
            RawMargin::Absolute(_) => View::PLAIN,
        }
    }

    fn stable_view(self) -> View {
        match self.0 {
            RawMargin::Ratio(_) => View::PLAIN,
            RawMargin::Absolute(delta) => View { offset: delta, scale: 1.0 - delta },
        }
    }

    /// The guess that the canary stays below the margin by this part of it.
    fn guess(self, stable: f64, part: f64) -> Guess {
        let worse = self.stable_view().of(stable);
        let better = match self.0 {
            RawMargin::Ratio(m) => stable * m.powf(-part),
            RawMargin::Absolute(delta) => worse - part * delta * (1.0 - stable),
        };
        Guess { worse, better }
    }
}

impl TryFrom<RawMargin> for Margin {
    type Error = OutOfRange;
    fn try_from(raw: RawMargin) -> Result<Self, OutOfRange> {
        match raw {
            RawMargin::Ratio(m) if m > 1.0 && m.is_finite() => Ok(Self(raw)),
            RawMargin::Absolute(delta) if delta > 0.0 && delta < 1.0 => Ok(Self(raw)),
            RawMargin::Ratio(given) => Err(OutOfRange { given, wanted: "a ratio above 1" }),
            RawMargin::Absolute(given) => Err(OutOfRange { given, wanted: "a difference between 0 and 1" }),
        }
    }
}

impl From<Margin> for RawMargin {
    fn from(margin: Margin) -> Self {
        margin.0
    }
}

/// The evidence against "worse by at least the margin".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Safe {
    margin: Margin,
    baseline: Baseline,
    cap: Cap,
    /// One log-wealth for each part, in nats.
    wealth: [f64; PARTS.len()],
    stable: Tally,
}

impl Safe {
    /// No evidence yet.
    pub fn new(margin: Margin, baseline: Baseline, cap: Cap) -> Self {
        Self { margin, baseline, cap, wealth: [0.0; PARTS.len()], stable: Tally::default() }
    }

    /// Takes in a block; one without visitors in both arms adds no evidence.
    pub fn observe(&mut self, block: &Block) {
        let suspect = Side { sample: &block.stable, view: self.margin.stable_view() };
        let other = Side { sample: &block.canary, view: self.margin.canary_view() };
        let stable = self.baseline.shrink(self.stable);
        for (wealth, part) in self.wealth.iter_mut().zip(PARTS) {
            *wealth += log_factor(suspect, other, self.margin.guess(stable, part), self.cap);
        }
        self.stable += &block.stable;
    }

    /// The margin that is to be excluded.
    pub fn margin(&self) -> Margin {
        self.margin
    }

    /// ln E′_t, in nats; 0 at the start.
    pub fn log_wealth(&self) -> f64 {
        log_mean_exp(self.wealth)
    }

    /// Whether "worse by at least the margin" is excluded at this level.
    pub fn reaches(&self, level: Level) -> bool {
        self.log_wealth() >= level.log_threshold()
    }

    /// Adds the evidence of other blocks of the same rollout.
    ///
    /// # Errors
    /// [`Mismatch`] when margin, baseline or cap differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        if (self.margin, self.baseline, self.cap) != (other.margin, other.baseline, other.cap) {
            return Err(Mismatch);
        }
        self.wealth.iter_mut().zip(other.wealth).for_each(|(sum, more)| *sum += more);
        self.stable += other.stable;
        Ok(())
    }
}
