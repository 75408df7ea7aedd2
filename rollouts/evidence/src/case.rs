//! The judge: everything known of a rollout put together into one [`Verdict`].
//!
//! Several metrics are judged by the average of their evidence of harm, so that α is the risk of the whole
//! rollout and not of each metric; the worst is named. To advance, every metric must exclude its margin: a build
//! that is worse by the margin in one of them passes that one with probability ≤ β. A metric that lost its
//! standing keeps its place in the average and never adds to it, which can only lower the evidence; what it would have
//! said stays unknown, so nothing advances then, and a person decides.
//!
//! A verdict is recomputed from the evidence each time and remembers nothing: a rollback that was ordered stays
//! ordered because it was recorded, not because the evidence still says so.

use crate::allocation::Allocation;
use crate::interval::difference;
use crate::level::Level;
use crate::placebo::Standing;
use crate::safe::Safe;
use crate::strata::{Average, Strata};
use crate::verdict::{Evidence, Hearing, Levels, Reason, StandsOut, Verdict, Worst};

/// What one metric says of the canary.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a> {
    /// As people know it.
    pub name: &'a str,
    /// Is the canary worse?
    pub harm: &'a Strata,
    /// Is it at most the step's margin worse?
    pub safe: &'a Safe,
    /// May the metric decide?
    pub standing: Standing,
}

/// Everything a verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// All metrics that were declared before the rollout.
    pub metrics: &'a [Metric<'a>],
    /// Do the shares match the weights?
    pub allocation: &'a Allocation,
    /// Do reports come?
    pub hearing: Hearing,
    /// What may be risked.
    pub levels: Levels,
}

impl Case<'_> {
    /// The verdict. What makes the figures unfit to judge comes first, then harm, then safety.
    pub fn judge(&self) -> Verdict {
        let evidence = self.evidence();
        let harm = |level: Level| evidence.harm >= level.log_threshold();
        if let Some(reason) = self.unfit() {
            Verdict::Hold(reason, evidence)
        } else if harm(self.levels.roll_back) {
            Verdict::RollBack(evidence)
        } else if !evidence.unsound.is_empty() {
            Verdict::Hold(Reason::UnsoundMetrics, evidence)
        } else if harm(self.levels.hold) {
            Verdict::Hold(Reason::Suspicion, evidence)
        } else if evidence.safe >= evidence.advance_at {
            Verdict::Advance(evidence)
        } else {
            Verdict::Watch(evidence)
        }
    }

    fn unfit(&self) -> Option<Reason> {
        if self.hearing == Hearing::Silent {
            return Some(Reason::Silent);
        }
        let shares = self.allocation.wrong(self.levels.hold)?;
        Some(Reason::WrongShares { wanted: shares.wanted, found: shares.found })
    }

    fn guardrails(&self) -> impl Iterator<Item = &Metric<'_>> {
        self.metrics.iter().filter(|metric| metric.standing == Standing::Guardrail)
    }

    fn signals(&self) -> impl Iterator<Item = &Metric<'_>> {
        self.metrics.iter().filter(|metric| metric.standing == Standing::Signal)
    }

    fn evidence(&self) -> Evidence {
        let harms = Average::of(self.metrics.iter().map(|metric| (metric, metric.log_harm())));
        Evidence {
            harm: harms.log_wealth(),
            roll_back_at: self.levels.roll_back.log_threshold(),
            // No metric, no safety: the least of none is no evidence.
            safe: self.guardrails().map(|metric| metric.safe.log_wealth()).reduce(f64::min).unwrap_or(0.0),
            advance_at: self.levels.advance.log_threshold(),
            worst: harms.worst().map(|(metric, _)| metric.seen()),
            unsound: self.signals().map(|metric| metric.name.to_owned()).collect(),
        }
    }
}

impl Metric<'_> {
    fn log_harm(&self) -> f64 {
        match self.standing {
            Standing::Guardrail => self.harm.log_wealth(),
            Standing::Signal => self.harm.log_wealth().min(0.0),
        }
    }

    fn seen(&self) -> Worst {
        let (canary, stable) = self.harm.tallies();
        let stratum = self.harm.stands_out(Level::HOLD).map(|(stratum, harm)| StandsOut {
            stratum: stratum.clone(),
            canary: harm.canary().into(),
            stable: harm.stable().into(),
        });
        let difference = difference(canary, stable, Level::HOLD);
        Worst {
            metric: self.name.to_owned(),
            stratum,
            canary: canary.into(),
            stable: stable.into(),
            difference,
        }
    }
}
