//! A rollout's evidence: what its visitors showed, put through the library that knows how to judge it.
//!
//! All margins are watched from the first visitor on, so that evidence is carried from step to step and never reset.
//!
//! Harm is looked for in everybody and in each kind of client, half the weight on either, so that a build that hurts
//! phones alone is found by the phones. That harm is excluded is asked of everybody together: a kind of few visitors could
//! not show it within any rollout's time.

use std::collections::BTreeMap;

use folkops_evidence::{
    Allocation, Baseline, Cap, Case, HarmSpec, Hearing, Level, Levels, Margin, Metric, Placebo, Safe, Sample,
    Share, Strata, Stratum, Tally, Unhealth, Verdict, Waiting,
};
use folkops_model::{ClientKind, Cohort, Rollout};
use serde::{Deserialize, Serialize};

/// Answers that took long, as people know the metric.
pub const SLOW: &str = "slow answers";
/// Answers that did not come or were errors.
pub const FAILURES: &str = "failures";

/// The evidence of one rollout so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    failed: Seen,
    slow: Seen,
    allocation: Allocation,
}

/// The evidence of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    harm: Strata,
    /// Of each kind, who is not compared yet.
    kinds: BTreeMap<ClientKind, Waiting>,
    /// For each step, the evidence that its margin is excluded.
    safe: Vec<Safe>,
    /// Of everybody, who is not compared yet.
    everybody: Waiting,
    /// The control compared with itself.
    placebo: Placebo,
    /// Of its halves, who is not compared yet.
    halves: Waiting,
}

/// The visitors' shares of bad requests, in thirty-seconds.
type Histogram = BTreeMap<u8, u64>;

impl Judged {
    /// Nothing seen yet.
    pub fn of(rollout: &Rollout) -> Self {
        let nothing = Seen::of(rollout);
        Self { failed: nothing.clone(), slow: nothing, allocation: Allocation::default() }
    }

    /// Takes in one block of visitors.
    ///
    /// Where few come, blocks are joined until both sides have somebody: by counts, never by how anybody fared. A block
    /// with one side alone would show nothing.
    pub fn observe(&mut self, cohort: &Cohort) {
        for (kind, compared) in cohort.by_kind() {
            self.failed.suspect(kind, &compared.candidate.failed, &compared.stable.failed);
            self.slow.suspect(kind, &compared.candidate.slow, &compared.stable.slow);
        }
        let (candidate, stable) = (&cohort.candidate, &cohort.stable);
        self.failed.exclude(&candidate.failed, &stable.failed);
        self.slow.exclude(&candidate.slow, &stable.slow);
        let (half, other) = (&cohort.half, stable.without(&cohort.half));
        self.failed.audit(&half.failed, &other.failed);
        self.slow.audit(&half.slow, &other.slow);
        let (weight, control) = (cohort.weight.fraction(), cohort.control.fraction());
        if let Ok(share) = Share::new(weight / (weight + control)) {
            self.allocation.observe(share, candidate.exposed, stable.exposed);
        }
    }

    /// What the evidence says on a step; none for a step that there is not.
    pub fn verdict(&self, rung: u32) -> Option<Verdict> {
        // Of two that stand out alike, the last is told.
        let metrics = [self.slow.metric(SLOW, rung)?, self.failed.metric(FAILURES, rung)?];
        let case = Case {
            metrics: &metrics,
            allocation: &self.allocation,
            hearing: Hearing::Heard,
            levels: Levels::STANDARD,
        };
        Some(case.judge())
    }

    /// How the new build's visitors and the control's fared: their shares of failures.
    pub fn tallies(&self) -> (Tally, Tally) {
        self.failed.harm.tallies()
    }

    /// Which share of those who are compared should have the new build on this step, and which has; none before the
    /// first.
    pub fn shares(&self) -> Option<(f64, f64)> {
        self.allocation.shares()
    }

    /// How the control's visitors fared: their failures, and their slow answers.
    pub fn control(&self) -> (Tally, Tally) {
        let stable = |seen: &Seen| seen.harm.tallies().1;
        (stable(&self.failed), stable(&self.slow))
    }

    /// The visitors of the new build that are still needed for a step's margin, if they fare as those before; none
    /// when nothing can be said yet.
    pub fn still_needed(&self, rung: u32) -> Option<f64> {
        let needed = [self.failed.still_needed(rung)?, self.slow.still_needed(rung)?];
        Some(needed.into_iter().fold(0.0, f64::max))
    }
}

impl Seen {
    fn of(rollout: &Rollout) -> Self {
        let margin = |ppm: u32| Margin::absolute(f64::from(ppm.clamp(1, 999_999)) / 1e6).ok();
        let margins = rollout.rungs.iter().filter_map(|rung| margin(rung.margin_ppm));
        Self {
            harm: Strata::declare(ClientKind::ALL.map(stratum), HarmSpec::PLAIN),
            kinds: ClientKind::ALL.map(|kind| (kind, Waiting::of(stratum(kind)))).into(),
            safe: margins.map(|margin| Safe::new(margin, Baseline::UNKNOWN, Cap::ONE_NAT)).collect(),
            everybody: Waiting::of(Stratum::new("everybody")),
            placebo: Placebo::new(HarmSpec::PLAIN),
            halves: Waiting::of(Stratum::new("control")),
        }
    }

    fn suspect(&mut self, kind: ClientKind, canary: &Histogram, stable: &Histogram) {
        let Some(waiting) = self.kinds.get_mut(&kind) else { return };
        if let Some(block) = waiting.join(&sample(canary), &sample(stable)) {
            let seen = self.harm.observe(&block);
            debug_assert!(seen.is_ok(), "every kind was declared");
        }
    }

    fn exclude(&mut self, canary: &Histogram, stable: &Histogram) {
        if let Some(block) = self.everybody.join(&sample(canary), &sample(stable)) {
            self.safe.iter_mut().for_each(|safe| safe.observe(&block));
        }
    }

    fn audit(&mut self, half: &Histogram, other: &Histogram) {
        if let Some(block) = self.halves.join(&sample(half), &sample(other)) {
            self.placebo.observe(&block.canary, &block.stable);
        }
    }

    fn metric<'a>(&'a self, name: &'a str, rung: u32) -> Option<Metric<'a>> {
        let safe = self.safe.get(usize::try_from(rung).ok()?)?;
        Some(Metric { name, harm: &self.harm, safe, standing: self.placebo.standing(demotion()) })
    }

    fn still_needed(&self, rung: u32) -> Option<f64> {
        let safe = self.safe.get(usize::try_from(rung).ok()?)?;
        let (canary, _) = self.harm.tallies();
        let (have, need) = (safe.log_wealth(), Level::ADVANCE.log_threshold());
        let visitors = f64::from(u32::try_from(canary.visitors).ok()?);
        (have > 0.1 && visitors > 0.0).then(|| ((need - have) / have * visitors).max(0.0))
    }
}

/// The risk that a sound metric ever loses its standing: less than that of a hold, since a person has to end this one, and
/// more than that of a rollback, since it has to come first.
fn demotion() -> Level {
    Level::new(0.01).unwrap_or(Level::HOLD)
}

fn stratum(kind: ClientKind) -> Stratum {
    Stratum::new(kind.plural())
}

pub(crate) fn sample(histogram: &Histogram) -> Sample {
    let mut sample = Sample::EMPTY;
    for (thirty_seconds, count) in histogram {
        if let Ok(unhealth) = Unhealth::new(f64::from(*thirty_seconds) / 32.0) {
            sample.add(unhealth, *count);
        }
    }
    sample
}
