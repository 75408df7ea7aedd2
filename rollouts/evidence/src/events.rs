//! Harm from counted events without denominators, such as a counter of errors in a time-series database.
//!
//! With w the canary's share of the exposure, known before the events, an event of a canary that is not worse
//! comes from the canary with probability ≤ w, whatever the traffic does. Against "its rate is r times
//! stable's", where that probability is q = rw/(1−w+rw), each event is a bet:
//!
//! > canary event → q/w,  stable event → (1−q)/(1−w)
//!
//! whose mean under the null hypothesis is ≤ 1, since it rises with the probability and is 1 at w. The rate
//! ratios are those of [`crate::ODDS_RATIOS`]. Events have no owner, so nothing caps what one visitor may weigh:
//! where visitors are known, use [`crate::Harm`].

use serde::{Deserialize, Serialize};

use crate::harm::ODDS_RATIOS;
use crate::level::{Level, Share};
use crate::sample::exact;
use crate::wealth::log_mean_exp;

/// The evidence that events come from the canary more often than its share of exposure explains.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Events {
    /// One log-wealth for each rate ratio, in nats.
    wealth: [f64; ODDS_RATIOS.len()],
}

impl Events {
    /// Takes in the events of one slice, in which the canary had this share of the exposure.
    pub fn observe(&mut self, share: Share, canary: u64, stable: u64) {
        let w = share.get();
        for (wealth, ratio) in self.wealth.iter_mut().zip(ODDS_RATIOS) {
            // q/w = r/(1−w+rw) and (1−q)/(1−w) = 1/(1−w+rw): so written, no share is too small.
            let shrink = (w * (ratio - 1.0)).ln_1p();
            *wealth += exact(canary) * (ratio.ln() - shrink) - exact(stable) * shrink;
        }
    }

    /// ln of the evidence, in nats; 0 at the start.
    pub fn log_wealth(&self) -> f64 {
        log_mean_exp(self.wealth)
    }

    /// Whether the evidence reaches 1/level.
    pub fn reaches(&self, level: Level) -> bool {
        self.log_wealth() >= level.log_threshold()
    }

    /// Adds the evidence of other events of the same rollout.
    pub fn merge(&mut self, other: &Self) {
        self.wealth.iter_mut().zip(other.wealth).for_each(|(sum, more)| *sum += more);
    }
}
