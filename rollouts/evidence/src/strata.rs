//! Evidence of harm over several strata, or several metrics: the average.
//!
//! The average of e-processes is one under any dependence between them, and costs ln(number) nats at most. So a
//! build that hurts one platform of twenty is found by that platform's own evidence, and named. Harm that is
//! everywhere is found sooner by the strata together: half the weight goes to their product (blocks of
//! different strata are different visitors), half to the average of each alone.
//!
//! INVARIANT: the strata are declared before the first visitor; picking them by what was seen would cost validity.
//!
//! INVARIANT (the caller's): a visitor's outcome becomes known to all of this at once, when the block of their stratum
//! closes. Were the halves fed by differently cut blocks, each would know of outcomes that the other still bets on, and
//! their average would be no e-process (Choe and Ramdas 2024, on combining evidence across filtrations).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::block::{Block, Stratum};
use crate::harm::{Harm, HarmSpec};
use crate::level::Level;
use crate::tally::Tally;
use crate::wealth::{Mismatch, log_mean_exp};

/// Named log-wealths and what they are worth together.
#[derive(Debug, Clone, PartialEq)]
pub struct Average<T> {
    parts: Vec<(T, f64)>,
}

impl<T> Average<T> {
    /// Takes every part that was declared, also those without evidence yet (log-wealth 0).
    pub fn of(parts: impl IntoIterator<Item = (T, f64)>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }

    /// ln of the mean e-value, in nats; 0 without parts.
    pub fn log_wealth(&self) -> f64 {
        if self.parts.is_empty() { 0.0 } else { log_mean_exp(self.parts.iter().map(|(_, wealth)| *wealth)) }
    }

    /// The part with the most evidence.
    pub fn worst(&self) -> Option<&(T, f64)> {
        self.parts.iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// A block came from a stratum that nobody declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stratum `{0}` was not declared before the rollout; declare it next time, or count it in another")]
pub struct UndeclaredStratum(pub Stratum);

/// The evidence of harm in each declared stratum, and in all of them together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strata {
    harms: BTreeMap<Stratum, Harm>,
    spec: HarmSpec,
}

impl Strata {
    /// Declares the strata; one is enough.
    pub fn declare(strata: impl IntoIterator<Item = Stratum>, spec: HarmSpec) -> Self {
        Self { harms: strata.into_iter().map(|stratum| (stratum, Harm::new(spec))).collect(), spec }
    }

    /// Takes in a block of one of the strata.
    ///
    /// # Errors
    /// [`UndeclaredStratum`]; the block is then not counted.
    pub fn observe(&mut self, block: &Block) -> Result<(), UndeclaredStratum> {
        let harm =
            self.harms.get_mut(&block.stratum).ok_or_else(|| UndeclaredStratum(block.stratum.clone()))?;
        harm.observe(block);
        Ok(())
    }

    /// ln of the evidence, in nats; 0 at the start.
    pub fn log_wealth(&self) -> f64 {
        log_mean_exp([self.together().log_wealth(), self.each().log_wealth()])
    }

    /// Whether the evidence reaches 1/level.
    pub fn reaches(&self, level: Level) -> bool {
        self.log_wealth() >= level.log_threshold()
    }

    /// The stratum with the most evidence of harm, and its own log-wealth.
    pub fn worst(&self) -> Option<(&Stratum, f64)> {
        self.each().worst().copied()
    }

    /// The worst stratum with its visitors, where its own evidence reaches 1/level and says more than all strata
    /// together: harm that is everywhere makes none stand out.
    pub fn stands_out(&self, level: Level) -> Option<(&Stratum, &Harm)> {
        let (worst, wealth) = self.worst()?;
        let alone = self.harms.len() > 1 && wealth > self.together().log_wealth();
        self.harms.get_key_value(worst).filter(|_| alone && wealth >= level.log_threshold())
    }

    /// Both arms' visitors, canary first.
    pub fn tallies(&self) -> (Tally, Tally) {
        let all = self.together();
        (all.canary(), all.stable())
    }

    /// Adds the evidence of other blocks of the same rollout, stratum by stratum.
    ///
    /// # Errors
    /// [`Mismatch`] when other strata were declared, or with other settings; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Mismatch> {
        if self.spec != other.spec || !self.harms.keys().eq(other.harms.keys()) {
            return Err(Mismatch);
        }
        self.harms.values_mut().zip(other.harms.values()).try_for_each(|(mine, theirs)| mine.merge(theirs))
    }

    fn each(&self) -> Average<&Stratum> {
        Average::of(self.harms.iter().map(|(stratum, harm)| (stratum, harm.log_wealth())))
    }

    fn together(&self) -> Harm {
        self.harms.values().fold(Harm::new(self.spec), Harm::beside)
    }
}
