//! The soak after 100 %: has the fleet become worse than it was? An e-detector, for lack of a second arm.
//!
//! Shin, Ramdas and Rinaldo (New England J. Stat. Data Sci. 2, 2024): with L_b an e-value of block b against
//! "not worse than the baseline p₀", M_b = L_b · max(M_{b−1}, 1) (a CUSUM) lies below the Shiryaev-Roberts sum,
//! so stopping at M ≥ c gives an average run length to a false alarm of at least c **blocks**, and so does the
//! mean of several M. For values u in `[0,1]` and a guess θ > p₀ with one of [`crate::ODDS_RATIOS`],
//!
//! > L_b = Π_i [1 + (θ−p₀)(u_i−p₀)/(p₀(1−p₀))],  E L_b ≤ 1 when each mean is ≤ p₀ given the past,
//!
//! θ being drawn towards p₀ until one visitor is worth one nat at most.
//!
//! What it does not bear: a baseline that is too low, and visitors who come back with the same trouble every
//! period as if they were new ones. Feed it first periods, or means over a node's interval. It cannot be merged by
//! addition, since the reset is not additive: one detector sees all blocks of a service, in their order.

use serde::{Deserialize, Serialize};

use crate::harm::ODDS_RATIOS;
use crate::sample::Sample;
use crate::unhealth::Unhealth;
use crate::wealth::log_mean_exp;

/// The running evidence that unhealth rose above the baseline at some time in the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    baseline: Unhealth,
    /// ln M for each odds ratio, in nats.
    height: [f64; ODDS_RATIOS.len()],
    blocks: u64,
}

impl Detector {
    /// Watches for more unhealth than `baseline` (kept off 0 and 1 by one in a million).
    pub fn new(baseline: Unhealth) -> Self {
        Self { baseline, height: [0.0; ODDS_RATIOS.len()], blocks: 0 }
    }

    /// Takes in the next block.
    pub fn observe(&mut self, block: &Sample) {
        let null = self.baseline.get().clamp(1e-6, 1.0 - 1e-6);
        for (height, ratio) in self.height.iter_mut().zip(ODDS_RATIOS) {
            let slope = slope(null, ratio);
            let log: f64 = block.iter().map(|(u, count)| count * (slope * (u - null)).ln_1p()).sum();
            *height = height.max(0.0) + log;
        }
        self.blocks = self.blocks.saturating_add(1);
    }

    /// ln of the mean M, in nats.
    pub fn log_height(&self) -> f64 {
        log_mean_exp(self.height)
    }

    /// Whether to raise the alarm, when false ones may be `run_length` blocks apart on average.
    pub fn alarms(&self, run_length: f64) -> bool {
        self.log_height() >= run_length.ln()
    }

    /// Blocks taken in so far.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }
}

/// (θ−p₀)/(p₀(1−p₀)), with θ ≤ e·p₀ and 1−θ ≥ (1−p₀)/e.
fn slope(null: f64, ratio: f64) -> f64 {
    let e = std::f64::consts::E;
    let guess = ratio * null / (1.0 - null + ratio * null);
    let capped = guess.min(e * null).min(1.0 - (1.0 - null) / e);
    (capped - null) / (null * (1.0 - null))
}
