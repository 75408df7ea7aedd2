//! Is the metric sound? A comparison of stable with itself, all the time.
//!
//! The hash cuts the stable arm into two halves that differ in nothing. A metric that finds a difference
//! between them has outcomes that hang together (one node, one network, one visitor counted often) and may
//! not roll anything back: from then on it is shown as a signal only.

use serde::{Deserialize, Serialize};

use crate::block::{Block, Stratum};
use crate::harm::{Harm, HarmSpec};
use crate::level::Level;
use crate::sample::Sample;
use crate::wealth::{Mismatch, log_mean_exp};

/// What a metric may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It may hold and roll back.
    Guardrail,
    /// It is shown, and decides nothing.
    Signal,
}

/// The evidence that two halves of the stable arm differ, in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placebo {
    first: Harm,
    second: Harm,
    /// The highest log-wealth so far: who lost its standing does not get it back by waiting.
    peak: f64,
}

impl Placebo {
    /// No evidence yet; the settings are those of the test that is being checked.
    pub fn new(spec: HarmSpec) -> Self {
        Self { first: Harm::new(spec), second: Harm::new(spec), peak: 0.0 }
    }

    /// Takes in one block's stable visitors, in the two halves that the hash made of them.
    pub fn observe(&mut self, first: &Sample, second: &Sample) {
        let against = |canary: &Sample, stable: &Sample| {
            let stratum = Stratum::new("placebo");
            Block { canary: canary.clone(), stable: stable.clone(), stratum }
        };
        self.first.observe(&against(first, second));
        self.second.observe(&against(second, first));
        self.peak = self.peak.max(self.log_wealth());
    }

    /// ln of the evidence, in nats; 0 at the start.
    pub fn log_wealth(&self) -> f64 {
        log_mean_exp([self.first.log_wealth(), self.second.log_wealth()])
    }

    /// What the metric may do, when a sound one may be demoted with this probability.
    pub fn standing(&self, level: Level) -> Standing {
        if self.peak >= level.log_threshold() { Standing::Signal } else { Standing::Guardrail }
    }

    /// Adds the evidence of other blocks.
    ///
    /// # Errors
    /// [`Mismatch`] when the two were set up differently; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        self.first.merge(&other.first)?;
        self.second.merge(&other.second)?;
        self.peak = self.peak.max(other.peak).max(self.log_wealth());
        Ok(())
    }
}
