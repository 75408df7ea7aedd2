//! The soak: everybody has the release, and for a while it is watched on, against what its own rollout showed.
//!
//! There is no control any more, so what is asked is whether visitors fare worse than the control did: how far that can
//! be trusted, and what an incident of everybody does to it, is said in [`folkops_evidence::soak`]. Each visitor counts
//! once more, with their first period since everybody has it. Nobody coming is no reason for anything.

use folkops_evidence::soak::height;
use folkops_evidence::{Average, Level, Soak, Tally, Unhealth};
use folkops_model::{Cohort, Counts, Rollout};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::judge::{FAILURES, Judged, SLOW, sample};

/// Blocks that may end in a soak beside those that lie in it whole: the first, and one cut short by its end.
const BORDERS: u64 = 2;

/// What a release has shown since everybody has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soaked {
    /// Until when it is watched, UTC.
    pub until: Timestamp,
    /// What ended since.
    pub counts: Counts,
    failed: Watched,
    slow: Watched,
    /// Blocks that may still be judged.
    left: u64,
    /// The most evidence there ever was, in nats.
    most: f64,
    alarm_at: f64,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watched {
    evidence: Soak,
    /// The share of visitors before, 0 to 1.
    before: f64,
}

/// What stands out in a soak.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// In which metric, as people know it.
    pub metric: &'static str,
    /// The share of visitors before, 0 to 1: the control's, or the usual one where none was seen.
    pub before: f64,
    /// Visitors since, and how they fared.
    pub now: Tally,
    /// The most evidence of harm there ever was, in nats.
    pub evidence: f64,
    /// Where it goes back, in nats.
    pub alarm_at: f64,
}

impl Soaked {
    /// Begins a soak after what was judged up to now; none for a rollout that has none.
    pub fn begin(rollout: &Rollout, judged: &Judged, now: Timestamp) -> Option<Self> {
        let soak = rollout.soak.as_ref()?;
        let lasts = SignedDuration::from_millis(i64::try_from(soak.lasts_ms).unwrap_or(i64::MAX));
        let left = soak.lasts_ms / rollout.timing.block_ms.max(1) + BORDERS;
        let height = height(left, Level::ROLL_BACK);
        let usual = f64::from(soak.usual_ppm.min(1_000_000)) / 1e6;
        let (failed, slow) = judged.control();
        Some(Self {
            until: now.checked_add(lasts).unwrap_or(Timestamp::MAX),
            counts: Counts::default(),
            failed: Watched::after(failed, usual, height),
            slow: Watched::after(slow, usual, height),
            left,
            most: 0.0,
            alarm_at: height.ln(),
        })
    }

    /// Takes in the visitors of one block.
    ///
    /// INVARIANT: no more blocks than the height was made for; the risk of a false alarm grows with their number.
    pub fn observe(&mut self, cohort: &Cohort) {
        if cohort.candidate.exposed == 0 || self.left == 0 {
            return;
        }
        self.left -= 1;
        self.failed.evidence.observe(&sample(&cohort.candidate.failed));
        self.slow.evidence.observe(&sample(&cohort.candidate.slow));
        self.most = self.most.max(self.together().log_wealth());
    }

    /// Whether it got worse. Once it did, it stays said: the promise is of the first time.
    pub fn alarms(&self) -> bool {
        self.most >= self.alarm_at
    }

    /// What stands out.
    pub fn found(&self) -> Found {
        let is_slow = self.together().worst().is_some_and(|(metric, _)| *metric == SLOW);
        let (metric, watched) = if is_slow { (SLOW, &self.slow) } else { (FAILURES, &self.failed) };
        let (before, now) = (watched.before, watched.evidence.seen());
        Found { metric, before, now, evidence: self.most, alarm_at: self.alarm_at }
    }

    fn together(&self) -> Average<&'static str> {
        // Of two that stand out alike, the last is told.
        let metrics = [(SLOW, &self.slow), (FAILURES, &self.failed)];
        Average::of(metrics.map(|(name, watched)| (name, watched.evidence.log_height())))
    }
}

impl Watched {
    /// Beside what the control showed; beside what is usual, where there was none.
    fn after(control: Tally, usual: f64, height: f64) -> Self {
        match control.rate() {
            Some(before) => Self { evidence: Soak::after(control, height), before },
            None => {
                let baseline = Unhealth::new(usual).unwrap_or(Unhealth::ONE_IN_A_HUNDRED);
                Self { evidence: Soak::beside(baseline), before: usual }
            }
        }
    }
}
