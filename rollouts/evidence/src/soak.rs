//! The soak after a rollout: is the build worse than the control was, now that there is no control any more?
//!
//! [`Detector`] wants to be told a baseline, and bears none that is too low; the control has shown one, but not exactly.
//! So every baseline is considered, each with how much the control speaks against it. Let K(p) be the mixture of
//! [`crate::interval`] over the control, an e-value against "the control fails at p", and M(p) the detector's height
//! against "not more than p". The evidence of the soak is the least of K(p)·M(p) over all p: a baseline at which the soak
//! would be nothing unusual is one that the control would have had to be lucky for.
//!
//! What is promised is more than a run length. With the Shiryaev-Roberts sum R ≥ M of Shin, Ramdas and Rinaldo (New
//! England J. Stat. Data Sci. 2, 2024), R_b − b is a supermartingale under "not more than p"; so for τ the first alarm or
//! the last of B blocks E R_τ ≤ E τ ≤ B, and since E K(p) ≤ 1 (Ville 1939; K is known when the soak begins)
//!
//! > P(an alarm within B blocks) ≤ B / c   for the true baseline p, when the alarm is at K·M ≥ c.
//!
//! An average run length of c alone would say nothing of a soak that is shorter than c. The mean of several metrics'
//! evidence keeps the promise.
//!
//! The p are cut into cells at which K grows by one nat each, up to the c that is wanted: within a cell K is at least its
//! value at the lower end, and M at the upper end is valid for all of it. It does not bear a baseline that moves: an
//! incident of everybody looks like the build's fault, since nothing is left to compare it with.

use serde::{Deserialize, Serialize};

use crate::detector::Detector;
use crate::interval::{interval, log_mixture};
use crate::level::Level;
use crate::sample::Sample;
use crate::tally::Tally;
use crate::unhealth::Unhealth;

/// The running evidence that a build became worse, at some time of its soak, than its control had been.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    cells: Vec<Cell>,
    seen: Tally,
}

/// Baselines that the control speaks against about alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cell {
    /// ln K at least, in nats.
    against: f64,
    /// At the highest of these baselines.
    detector: Detector,
}

/// The height c at which an alarm within so many blocks is false with this probability at most.
pub fn height(blocks: u64, risk: Level) -> f64 {
    crate::sample::exact(blocks.max(1)) / risk.get()
}

impl Soak {
    /// After a control that fared like this; `height` is what the evidence will be asked to reach.
    pub fn after(control: Tally, height: f64) -> Self {
        let Some(mean) = control.rate() else { return Self::beside(Unhealth::FAILED) };
        let upper = |nats: f64| Level::new((-nats).exp()).map_or(1.0, |level| interval(control, level).high);
        let steps = std::iter::successors(Some(0.0), |nats| Some(nats + 1.0));
        let steps = steps.take_while(|nats| *nats < height.ln());
        // Below the first of these ends K is least at the mean.
        let first = log_mixture(control, mean.clamp(1e-6, 1.0 - 1e-6)).min(0.0);
        let cell = |nats: f64| {
            let detector = Detector::new(Unhealth::new(upper(nats + 1.0)).unwrap_or(Unhealth::FAILED));
            Cell { against: if nats > 0.0 { nats } else { first }, detector }
        };
        Self { cells: steps.map(cell).collect(), seen: Tally::default() }
    }

    /// Beside a baseline that somebody answers for.
    pub fn beside(baseline: Unhealth) -> Self {
        let cells = vec![Cell { against: 0.0, detector: Detector::new(baseline) }];
        Self { cells, seen: Tally::default() }
    }

    /// Takes in the next block.
    pub fn observe(&mut self, block: &Sample) {
        self.cells.iter_mut().for_each(|cell| cell.detector.observe(block));
        self.seen += block;
    }

    /// ln of the evidence, in nats.
    pub fn log_height(&self) -> f64 {
        let heights = self.cells.iter().map(|cell| cell.against + cell.detector.log_height());
        heights.reduce(f64::min).unwrap_or(0.0)
    }

    /// Who was seen, and how they fared.
    pub fn seen(&self) -> Tally {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Tally {
        Tally { unhealth: 9.0, visitors: 900 }
    }

    #[test]
    fn cells_cover_all_baselines_that_the_control_does_not_rule_out_alone() {
        let height = height(362, Level::ROLL_BACK);
        let soak = Soak::after(control(), height);
        let against: Vec<f64> = soak.cells.iter().map(|cell| cell.against).collect();
        assert!(against.windows(2).all(|pair| pair[0] < pair[1]) && against[0] < 0.0, "{against:?}");
        assert!(against.last().unwrap() + 1.0 >= height.ln());
    }

    #[test]
    fn a_control_of_nobody_rules_nothing_out_and_nothing_is_ever_unusual_beside_it() {
        let mut soak = Soak::after(Tally::default(), 1e6);
        (0..100).for_each(|_| soak.observe(&Sample::of_failures(50, 0)));
        assert!(soak.log_height() < 1.0, "{}", soak.log_height());
    }

    #[test]
    fn as_many_failures_say_less_beside_a_control_that_was_seen_less() {
        let after = |visitors: u64| {
            let mut soak = Soak::after(Tally { unhealth: visitors as f64 / 100.0, visitors }, 1e6);
            (0..20).for_each(|_| soak.observe(&Sample::of_failures(4, 46)));
            soak.log_height()
        };
        assert!(after(100) < after(1_000) && after(1_000) < after(10_000));
        let mut known = Soak::beside(Unhealth::ONE_IN_A_HUNDRED);
        (0..20).for_each(|_| known.observe(&Sample::of_failures(4, 46)));
        assert!(after(10_000) < known.log_height());
    }
}
