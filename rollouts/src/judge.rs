//! A rollout's evidence: what its visitors showed, put through the library that knows how to judge it.
//!
//! All margins are watched from the first visitor on, so that evidence is carried from step to step and never reset.
//!
//! Harm is looked for in everybody and in each kind of client, half the weight on either, so that a build that hurts
//! phones alone is found by the phones. That harm is excluded is asked of everybody together: a kind of few visitors could
//! not show it within any rollout's time.

use std::collections::BTreeMap;

use folkops_evidence::{
    Allocation, Baseline, Block, Cap, Case, HarmSpec, Hearing, Level, Levels, Margin, Metric, Placebo, Safe,
    Sample, Share, Strata, Stratum, Tally, Unhealth, Verdict, Waiting,
};
use folkops_model::{ClientKind, Cohort, Rollout};
use serde::{Deserialize, Serialize};

/// Answers that took long, as people know the metric.
pub const SLOW: &str = "slow answers";
/// Answers that did not come or were errors.
pub const FAILURES: &str = "failures";

/// So many visitors of the current build tell whether it fails most of them.
const AT_LEAST: u64 = 10;

/// The evidence of one rollout so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    failed: Seen,
    slow: Seen,
    allocation: Allocation,
    control: Control,
}

/// Whether the current build is fit to be compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Control {
    /// The failures of its last visitors.
    recent: Sample,
    standing: Fitness,
}

/// How the current build's last visitors fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Fitness {
    /// Most are well.
    Sound,
    /// Most of a few failed.
    Doubtful,
    /// Most failed.
    Fails,
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
        Self {
            failed: nothing.clone(),
            slow: nothing,
            allocation: Allocation::default(),
            control: Control { recent: Sample::EMPTY, standing: Fitness::Sound },
        }
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
        self.control.look(&sample(&stable.failed));
        let beside = self.control.standing;
        self.failed.exclude(&candidate.failed, &stable.failed, beside);
        self.slow.exclude(&candidate.slow, &stable.slow, beside);
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

    /// Whether most of the current build's visitors fail, so that any build would look sound beside it.
    pub fn nothing_sound(&self) -> bool {
        self.control.standing == Fitness::Fails
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

impl Control {
    fn look(&mut self, visitors: &Sample) {
        if self.recent.visitors() >= AT_LEAST {
            self.recent = Sample::EMPTY;
        }
        self.recent += visitors;
        let most = 0.5 * f64::from(u32::try_from(self.recent.visitors()).unwrap_or(u32::MAX));
        let fail = self.recent.total() > most;
        self.standing = match (fail, self.recent.visitors()) {
            (true, AT_LEAST..) => Fitness::Fails,
            (true, 2..) => self.standing.max(Fitness::Doubtful),
            (false, AT_LEAST..) => Fitness::Sound,
            _ => self.standing,
        };
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

    fn exclude(&mut self, canary: &Histogram, stable: &Histogram, beside: Fitness) {
        if let Some(block) = self.everybody.join(&sample(canary), &sample(stable)) {
            self.safe.iter_mut().for_each(|safe| exclude(safe, &block, beside));
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

/// Beside a current build that fails most of its visitors any build looks sound, and that is no evidence that it is.
/// INVARIANT: what is left out could only have spoken for the new build, so the evidence keeps its level.
fn exclude(safe: &mut Safe, block: &Block, beside: Fitness) {
    let before = safe.clone();
    safe.observe(block);
    if beside > Fitness::Sound && safe.log_wealth() > before.log_wealth() {
        *safe = before;
    }
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
