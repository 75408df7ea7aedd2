//! All evidence of a rollout put together into one verdict, with the figures that a person would ask for.
//!
//! A verdict is recomputed from the evidence each time and remembers nothing: a rollback that was ordered stays
//! ordered because it was recorded, not because the evidence still says so.

use serde::{Deserialize, Serialize};

use crate::allocation::Allocation;
use crate::block::Stratum;
use crate::interval::{Interval, interval};
use crate::level::Level;
use crate::placebo::Standing;
use crate::safe::Safe;
use crate::strata::Strata;
use crate::tally::Tally;

/// What each kind of verdict may risk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// α: rolling a harmless build back.
    pub roll_back: Level,
    /// Holding a harmless build, or one that was split correctly.
    pub hold: Level,
    /// β: letting a build advance that is worse by the margin.
    pub advance: Level,
}

impl Levels {
    /// 1 in 1,000 to roll back, 1 in 20 to hold, 1 in 20 to advance.
    pub const STANDARD: Self =
        Self { roll_back: Level::ROLL_BACK, hold: Level::HOLD, advance: Level::ADVANCE };
}

/// Whether reports come at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hearing {
    /// Reports come.
    Heard,
    /// The last cohort was silent in both arms.
    Silent,
}

/// Everything a verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Is the canary worse?
    pub harm: &'a Strata,
    /// Is it at most the step's margin worse?
    pub safe: &'a Safe,
    /// Do the shares match the weights?
    pub allocation: &'a Allocation,
    /// May the metric decide?
    pub standing: Standing,
    /// Do reports come?
    pub hearing: Hearing,
    /// What may be risked.
    pub levels: Levels,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The canary is worse.
    RollBack(Evidence),
    /// It is not worse by the step's margin.
    Advance(Evidence),
    /// Neither is known yet.
    Watch(Evidence),
    /// Nothing may be decided, or not without a person.
    Hold(Reason, Evidence),
}

/// Why nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No reports come from either arm.
    Silent,
    /// Visitors do not fall to the arms as the weights say.
    WrongShares {
        /// The canary's share as set.
        wanted: f64,
        /// The canary's share as found.
        found: f64,
    },
    /// The metric differs between two halves of the same build.
    UnsoundMetric,
    /// Harm is likely, and not yet certain enough for a rollback.
    Suspicion,
}

/// The figures behind a verdict. Log-wealths and thresholds are in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Evidence of harm.
    pub harm: f64,
    /// Where it rolls back.
    pub roll_back_at: f64,
    /// Evidence against "worse by the margin".
    pub safe: f64,
    /// Where it advances.
    pub advance_at: f64,
    /// The new build.
    pub canary: ArmRate,
    /// The current build.
    pub stable: ArmRate,
    /// The stratum with the most evidence of harm, when there is any.
    pub worst: Option<Stratum>,
}

/// How one arm fares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ArmRate {
    /// Visitors counted.
    pub visitors: u64,
    /// Their mean unhealth; none before the first.
    pub rate: Option<f64>,
    /// 95 % interval that may be looked at all the time.
    pub interval: Interval,
}

impl From<Tally> for ArmRate {
    fn from(tally: Tally) -> Self {
        Self { visitors: tally.visitors, rate: tally.rate(), interval: interval(tally, Level::HOLD) }
    }
}

impl Case<'_> {
    /// The verdict. What makes the figures unfit to judge comes first, then harm, then safety.
    pub fn judge(&self) -> Verdict {
        let evidence = self.evidence();
        if let Some(reason) = self.unfit() {
            Verdict::Hold(reason, evidence)
        } else if self.harm.reaches(self.levels.roll_back) {
            Verdict::RollBack(evidence)
        } else if self.harm.reaches(self.levels.hold) {
            Verdict::Hold(Reason::Suspicion, evidence)
        } else if self.safe.reaches(self.levels.advance) {
            Verdict::Advance(evidence)
        } else {
            Verdict::Watch(evidence)
        }
    }

    fn unfit(&self) -> Option<Reason> {
        if self.hearing == Hearing::Silent {
            return Some(Reason::Silent);
        }
        if let Some(shares) = self.allocation.wrong(self.levels.hold) {
            return Some(Reason::WrongShares { wanted: shares.wanted, found: shares.found });
        }
        (self.standing == Standing::Signal).then_some(Reason::UnsoundMetric)
    }

    fn evidence(&self) -> Evidence {
        let (canary, stable) = self.harm.tallies();
        Evidence {
            harm: self.harm.log_wealth(),
            roll_back_at: self.levels.roll_back.log_threshold(),
            safe: self.safe.log_wealth(),
            advance_at: self.levels.advance.log_threshold(),
            canary: canary.into(),
            stable: stable.into(),
            worst: self.harm.worst().filter(|(_, wealth)| *wealth > 0.0).map(|(stratum, _)| stratum.clone()),
        }
    }
}

impl Verdict {
    /// The figures.
    pub fn evidence(&self) -> &Evidence {
        match self {
            Self::RollBack(evidence)
            | Self::Advance(evidence)
            | Self::Watch(evidence)
            | Self::Hold(_, evidence) => evidence,
        }
    }
}
