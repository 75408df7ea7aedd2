//! Do visitors fall to the arms as the weights say? The sequential multinomial test of Lindon and Malek (2022).
//!
//! > E = Γ(Σa)/Γ(Σa+n) · Π Γ(a_i+n_i)/Γ(a_i) / Π θ_i^{n_i},  a_i = κ θ_i
//!
//! With θ the weights and n the counts this is a martingale under a correct split; at ≥ 1/α something in the
//! assignment is broken, and nothing that was measured may be judged. Each weight of the rollout has its own
//! E, and the product over the weights is again one.

use libm::lgamma;
use serde::{Deserialize, Serialize};

use crate::level::{Level, Share};
use crate::sample::exact;
use crate::wealth::Mismatch;

/// κ: how close to the weights a wrong split is expected, in visitors; Lindon and Malek's figures use the same order.
const CONCENTRATION: f64 = 100.0;

/// The evidence that the split is wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Allocation {
    /// What the weights before the current one have shown, in nats.
    closed: f64,
    current: Option<Split>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Split {
    share: Share,
    canary: u64,
    stable: u64,
}

/// The shares that were found, when they are not the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrongShares {
    /// What the canary should have had.
    pub wanted: f64,
    /// What it had at the current weight.
    pub found: f64,
}

impl Allocation {
    /// Takes in newly assigned visitors, assigned at this share.
    pub fn observe(&mut self, share: Share, canary: u64, stable: u64) {
        let more = Split { share, canary, stable };
        self.current = Some(match self.current {
            Some(split) if split.share == share => split.plus(more),
            Some(split) => {
                self.closed += split.log_wealth();
                more
            }
            None => more,
        });
    }

    /// ln of the evidence, in nats; 0 at the start.
    pub fn log_wealth(&self) -> f64 {
        self.closed + self.current.map_or(0.0, Split::log_wealth)
    }

    /// The canary's share as set, and as found, since it was last set; none before the first visitor.
    pub fn shares(&self) -> Option<(f64, f64)> {
        let split = self.current?;
        let all = exact(split.canary) + exact(split.stable);
        (all > 0.0).then(|| (split.share.get(), exact(split.canary) / all))
    }

    /// What is wrong with the shares, when the evidence reaches 1/level.
    pub fn wrong(&self, level: Level) -> Option<WrongShares> {
        let split = self.current.filter(|_| self.log_wealth() >= level.log_threshold())?;
        let all = exact(split.canary) + exact(split.stable);
        Some(WrongShares { wanted: split.share.get(), found: exact(split.canary) / all.max(1.0) })
    }

    /// Adds the visitors whom another router assigned, at the same weights in the same order.
    ///
    /// # Errors
    /// [`Mismatch`] when the two stand at different weights.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        self.current = match (self.current, other.current) {
            (Some(mine), Some(theirs)) if mine.share == theirs.share => Some(mine.plus(theirs)),
            (Some(_), Some(_)) => return Err(Mismatch),
            (mine, theirs) => mine.or(theirs),
        };
        self.closed += other.closed;
        Ok(())
    }
}

impl Split {
    fn plus(self, more: Self) -> Self {
        let (canary, stable) =
            (self.canary.saturating_add(more.canary), self.stable.saturating_add(more.stable));
        Self { share: self.share, canary, stable }
    }

    fn log_wealth(self) -> f64 {
        let of_arm = |share: f64, count: u64| {
            let (prior, n) = (CONCENTRATION * share, exact(count));
            lgamma(prior + n) - lgamma(prior) - n * share.ln()
        };
        let n = exact(self.canary) + exact(self.stable);
        let w = self.share.get();
        lgamma(CONCENTRATION) - lgamma(CONCENTRATION + n)
            + of_arm(w, self.canary)
            + of_arm(1.0 - w, self.stable)
    }
}
