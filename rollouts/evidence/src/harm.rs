//! Is the canary worse? The blocked two-sample e-process, with a mixture over the size of the effect.
//!
//! > E_t = mean over k of Π_{b≤t} S_b^(k),  odds ratio r_k ∈ {1.5, 2, 3, 5, 8, 15, 40}
//!
//! S_b is the e-variable of [`crate::bet`]; θ_y is the shrunk stable rate of **earlier** blocks and θ_x the rate
//! with r_k times its odds. Roll back when E_t ≥ 1/α: Ville (1939) bounds by α the probability that this ever
//! happens to a canary that is not worse, however often one looks.
//!
//! The first block with both arms never decides alone: until a second came, the evidence is held at 1 at most,
//! which can only lower it.

use serde::{Deserialize, Serialize};

use crate::bet::{Cap, Guess, Side, Tolerance, View, log_factor};
use crate::block::Block;
use crate::level::Level;
use crate::tally::{Baseline, Tally};
use crate::wealth::{Mismatch, log_mean_exp};

/// How many times the stable odds of failing the canary's may be: the guesses that are mixed.
pub const ODDS_RATIOS: [f64; 7] = [1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 40.0];

/// What is fixed before the first visitor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HarmSpec {
    /// How much worse is still not harm.
    pub tolerance: Tolerance,
    /// What is known of the stable build.
    pub baseline: Baseline,
    /// What one visitor may weigh.
    pub cap: Cap,
}

impl HarmSpec {
    /// No tolerance, nothing known, one nat a visitor.
    pub const PLAIN: Self =
        Self { tolerance: Tolerance::NONE, baseline: Baseline::UNKNOWN, cap: Cap::ONE_NAT };
}

/// The evidence that the canary is worse than stable (times the tolerance), of one pair of builds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Harm {
    spec: HarmSpec,
    /// One log-wealth for each odds ratio, in nats.
    wealth: [f64; ODDS_RATIOS.len()],
    canary: Tally,
    stable: Tally,
    /// Blocks in which both arms had somebody.
    blocks: u64,
}

impl Harm {
    /// No evidence yet.
    pub fn new(spec: HarmSpec) -> Self {
        let nobody = Tally::default();
        Self { spec, wealth: [0.0; ODDS_RATIOS.len()], canary: nobody, stable: nobody, blocks: 0 }
    }

    /// Takes in a block. One without visitors in both arms adds no evidence, only to what is known of stable.
    pub fn observe(&mut self, block: &Block) {
        self.bet_on(block);
        self.blocks += u64::from(block.canary.visitors() > 0 && block.stable.visitors() > 0);
        self.canary += &block.canary;
        self.stable += &block.stable;
    }

    /// INVARIANT: the guesses are made from earlier blocks alone, so this runs before the tallies move.
    fn bet_on(&mut self, block: &Block) {
        let suspect = Side { sample: &block.canary, view: self.spec.tolerance.view() };
        let other = Side { sample: &block.stable, view: View::PLAIN };
        let better = self.spec.baseline.shrink(self.stable);
        for (wealth, ratio) in self.wealth.iter_mut().zip(ODDS_RATIOS) {
            *wealth += log_factor(suspect, other, Guess::by_odds(better, ratio), self.spec.cap);
        }
    }

    /// ln E_t, in nats; 0 at the start, and never above it before the second block.
    pub fn log_wealth(&self) -> f64 {
        let wealth = log_mean_exp(self.wealth);
        if self.blocks > 1 { wealth } else { wealth.min(0.0) }
    }

    /// Whether the evidence reaches 1/level.
    pub fn reaches(&self, level: Level) -> bool {
        self.log_wealth() >= level.log_threshold()
    }

    /// The canary's visitors so far.
    pub fn canary(&self) -> Tally {
        self.canary
    }

    /// The stable build's visitors so far.
    pub fn stable(&self) -> Tally {
        self.stable
    }

    /// Adds the evidence of other blocks of the same rollout (another router's, another shard's).
    ///
    /// # Errors
    /// [`Mismatch`] when the two were set up differently. That no block is in both is the caller's to see to.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        if self.spec != other.spec {
            return Err(Mismatch);
        }
        self.add(other);
        Ok(())
    }

    /// The evidence of other visitors of the same moments, known to be of the same setting: their first blocks came
    /// together, and so do not make two.
    pub(crate) fn beside(self, other: &Self) -> Self {
        let blocks = self.blocks.max(other.blocks);
        let mut sum = self;
        sum.add(other);
        Self { blocks, ..sum }
    }

    fn add(&mut self, other: &Self) {
        self.wealth.iter_mut().zip(other.wealth).for_each(|(sum, more)| *sum += more);
        self.canary += other.canary;
        self.stable += other.stable;
        self.blocks = self.blocks.saturating_add(other.blocks);
    }
}
