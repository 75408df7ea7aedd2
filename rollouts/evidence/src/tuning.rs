//! How wide the steps of a rollout should be, how long they take, and what a service cannot show at all.
//!
//! A share w of N reachable visitors shows a rise from `good` to good + Δ when wN ≥ κ n\*(Δ), with
//! n\* = w ln(1/α)/I(w) the bound of [`crate::bounds::two_sample`] and κ what the test needs above it. That is
//! I(w) = κ ln(1/α)/N, which has a smallest w for each Δ, or none: then this service cannot show Δ. Steps begin at a
//! crash loop (half of all visitors fail) and halve Δ from step to step, so that the weights grow about
//! fourfold; time to a verdict is D + κ n\* T/(wN).

use crate::bounds;
use crate::level::{Level, Share};
use crate::sample::exact;

/// κ: how much more than the bound the test needs, in visitors.
pub const INEFFICIENCY: f64 = 1.4;

/// The rate of failure that the first step is to show.
const CRASH_LOOP: f64 = 0.5;

/// What is known of a service before a rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fleet {
    /// Visitors who can be reached within the rollout.
    pub visitors: u64,
    /// The stable build's rate of failure, in (0,1).
    pub good: f64,
    /// The mean time between a visitor's reports, in seconds.
    pub period: f64,
    /// How long a report may take before it counts as failed, in seconds.
    pub deadline: f64,
    /// What a rollback may risk.
    pub level: Level,
}

/// One step of a rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The canary's share.
    pub share: Share,
    /// The rise of the rate of failure that the step can show.
    pub shows: f64,
    /// Canary visitors until it is shown.
    pub canary_visitors: f64,
    /// Seconds until the verdict.
    pub seconds: f64,
}

impl Fleet {
    /// The steps before 100 %, narrowest first, down to a rise of `wanted` or to what the service can show.
    pub fn steps(&self, wanted: f64) -> Vec<Step> {
        let halves = std::iter::successors(Some(CRASH_LOOP - self.good), |rise| Some(rise / 2.0));
        let rises = halves.take_while(|rise| *rise >= wanted && *rise > 0.0);
        rises.map_while(|rise| self.step(rise)).collect()
    }

    /// The smallest share that shows a rise of the rate by `rise`; none when the whole service cannot.
    pub fn step(&self, rise: f64) -> Option<Step> {
        let needed = INEFFICIENCY * self.level.log_threshold() / exact(self.visitors);
        let at = |w| Some(bounds::information(Share::new(w).ok()?, self.good + rise, self.good));
        let widest = 0.5;
        if at(widest)? < needed {
            return None;
        }
        let (_, w) = halve(0.0, widest, |w| at(w).is_some_and(|information| information >= needed));
        let share = Share::new(w).ok()?;
        let canary_visitors =
            INEFFICIENCY * bounds::two_sample(self.level, share, self.good + rise, self.good);
        let seconds = self.deadline + canary_visitors * self.period / (w * exact(self.visitors));
        Some(Step { share, shows: rise, canary_visitors, seconds })
    }

    /// The smallest rise of the rate that half the visitors can show: what is smaller, this service cannot show.
    ///
    /// None when not even a build that fails everybody would be found.
    pub fn smallest_shown(&self) -> Option<f64> {
        let shown = |rise: f64| self.step(rise).is_some();
        let all = 1.0 - self.good;
        shown(all).then(|| halve(0.0, all, shown).1)
    }
}

/// Narrows an interval whose upper end fulfils `enough` and whose lower end does not, to the last bits.
fn halve(low: f64, high: f64, enough: impl Fn(f64) -> bool) -> (f64, f64) {
    (0..60).fold((low, high), |(low, high), _| {
        let middle = f64::midpoint(low, high);
        if enough(middle) { (low, middle) } else { (middle, high) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(visitors: u64) -> Fleet {
        Fleet { visitors, good: 0.01, period: 60.0, deadline: 90.0, level: Level::ROLL_BACK }
    }

    #[test]
    fn steps_grow_about_fourfold_once_the_rise_is_small_and_hold_the_visitors_they_need() {
        let steps = fleet(1_000_000).steps(0.001);
        for pair in steps.windows(2) {
            let growth = pair[1].share.get() / pair[0].share.get();
            assert!((1.5..4.6).contains(&growth), "{growth}");
        }
        for step in &steps {
            let there = step.share.get() * 1_000_000.0;
            assert!((there / step.canary_visitors - 1.0).abs() < 1e-6, "{step:?}");
            assert!((step.seconds - 150.0).abs() < 1e-3, "{step:?}");
        }
        assert!(steps.len() >= 7, "{}", steps.len());
    }

    #[test]
    fn a_small_service_shows_only_gross_harm_and_a_tiny_one_nothing() {
        let small = fleet(300).smallest_shown().unwrap();
        assert!((0.05..0.15).contains(&small), "{small}");
        assert_eq!(fleet(5).smallest_shown(), None);
        assert!(fleet(5).steps(0.001).is_empty());
        assert!(fleet(1_000_000).smallest_shown().unwrap() < 0.001);
    }
}
