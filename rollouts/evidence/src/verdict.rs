//! What a rollout may be told, with the figures that a person would ask for.

use serde::{Deserialize, Serialize};

use crate::block::Stratum;
use crate::interval::{Interval, interval};
use crate::level::Level;
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
    /// A metric differs between two halves of the same build, and nothing else shows harm.
    UnsoundMetrics,
    /// Harm is likely, and not yet certain enough for a rollback.
    Suspicion,
}

/// The figures behind a verdict. Log-wealths and thresholds are in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Evidence of harm, over all metrics.
    pub harm: f64,
    /// Where it rolls back.
    pub roll_back_at: f64,
    /// Evidence against "worse by the margin", of the metric that has least.
    pub safe: f64,
    /// Where it advances.
    pub advance_at: f64,
    /// What stands out; none without a metric.
    pub worst: Option<Worst>,
    /// The metrics that are not judged, because two halves of the same build differ in them.
    pub unsound: Vec<String>,
}

/// The metric with the most evidence of harm, in the words and figures of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// Its name.
    pub metric: String,
    /// The stratum that stands out within it, when one does.
    pub stratum: Option<StandsOut>,
    /// The new build.
    pub canary: ArmRate,
    /// The current build.
    pub stable: ArmRate,
    /// How much worse the new build is: a 95 % interval to draw, of which no verdict is made.
    pub difference: Option<Interval>,
}

/// A part of the population that the canary harms more than the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandsOut {
    /// Which.
    pub stratum: Stratum,
    /// The new build within it.
    pub canary: ArmRate,
    /// The current build within it.
    pub stable: ArmRate,
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

impl Evidence {
    /// The probability that a harmless canary would ever look as bad as this, at most: 1/E, no more than 1.
    pub fn false_alarm_risk(&self) -> f64 {
        (-self.harm).exp().min(1.0)
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
