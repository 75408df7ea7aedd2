//! Templates: what an operator sets for a service, and the steps that follow from it.
//!
//! A canary's steps are sized by information: a step is as wide as n*(Δ) visitors need, with n* the bound for two
//! samples and Δ the rise of failures that it shows. The first shows a crash loop, each next one half of the one before,
//! until the wanted margin; so the weights grow about fourfold.
//!
//! INVARIANT: the control is the same multiple of the share at every step of a rollout. Visitors who come for the first
//! time at a later step then fall to both sides in the same proportion as before, which the allocation check relies on.

use std::time::Duration;

use folkops_evidence::tuning::INEFFICIENCY;
use folkops_evidence::{Level, Share, bounds};
use folkops_model::{BasisPoints, Late, Rung, Soak, Strategy, Timing};
use serde::{Deserialize, Serialize};

/// The rise of failures that the first step of a canary shows.
const CRASH_LOOP: f64 = 0.5;
/// The narrowest step, in basis points: below it hardly anybody is met.
const NARROWEST: u16 = 50;

/// How wide the steps before everybody may be, and how many are compared with them.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The control's share for one of the new build's.
    times: u16,
    /// The widest step, in basis points; it and its control are everybody.
    widest: u16,
}

/// A large control spares visitors of the new build: 1 : 3 costs little more of them than 1 : 99.
const CANARY: Shape = Shape { times: 3, widest: 2_500 };
const LINEAR: Shape = Shape { times: 1, widest: 5_000 };

/// How releases of a service come to everybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// In which way.
    pub strategy: Strategy,
    /// Visitors who come back with their cookie within `lasts`, roughly.
    pub visitors: u64,
    /// How long a step should take.
    pub step: Duration,
    /// The share of visitors who meet a failure anyway, 0 to 1, roughly.
    pub usual: f64,
    /// The rise of that share which must be excluded before everybody gets a release, 0 to 1.
    pub margin: f64,
    /// Visitors who may meet a failure of the new build before it goes back at once.
    pub budget: u64,
    /// Visitors whom the new build must have had before anybody else gets it, whatever the evidence says.
    pub least: u64,
    /// How long a rollout may take before `late` is done.
    pub lasts: Duration,
    /// What is done then.
    pub late: Late,
    /// How long an earlier release carries more visitors before it gets the next on its way back.
    pub settle: Duration,
    /// How long a release is watched after everybody has it; not at all when this is nothing.
    pub soak: Duration,
    /// How visitors are watched.
    pub timing: Timing,
    /// Even steps, for the linear strategy.
    pub even_steps: u16,
}

/// A template that contradicts itself.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WrongTemplate {
    /// A fraction that is none.
    #[error("`{name}` is {given}; give a share between 0 and 1, such as 0.01")]
    NotAShare {
        /// Which key.
        name: &'static str,
        /// What was given.
        given: f64,
    },
    /// Something that may not be nothing.
    #[error("`{0}` is nothing; give at least 1")]
    Nothing(&'static str),
    /// No steps, or more than anybody would watch.
    #[error("`steps` is {0}; give 1 to 50")]
    Steps(u16),
}

impl Template {
    /// What a service of a few thousand visitors an hour needs.
    pub fn ordinary() -> Self {
        Self {
            strategy: Strategy::Canary,
            visitors: 2_000,
            step: Duration::from_secs(360),
            usual: 0.01,
            margin: 0.05,
            budget: 50,
            least: 20,
            lasts: Duration::from_secs(3_600),
            late: Late::Hold,
            settle: Duration::from_secs(3),
            soak: Duration::from_secs(1_800),
            timing: Timing { period_ms: 30_000, block_ms: 5_000, slow_ms: 1_000 },
            even_steps: 5,
        }
    }

    /// Checks what types alone cannot say.
    ///
    /// # Errors
    /// [`WrongTemplate`] names the key and what would do.
    pub fn check(&self) -> Result<(), WrongTemplate> {
        for (name, given) in [("usual", self.usual), ("margin", self.margin)] {
            if !(given > 0.0 && given < 1.0) {
                return Err(WrongTemplate::NotAShare { name, given });
            }
        }
        let whole = [
            ("visitors", self.visitors),
            ("budget", self.budget),
            ("minutes", self.lasts.as_secs()),
            ("step_seconds", self.step.as_secs()),
            ("period_ms", self.timing.period_ms),
            ("block_ms", self.timing.block_ms),
        ];
        match whole.into_iter().find(|(_, given)| *given == 0) {
            Some((name, _)) => Err(WrongTemplate::Nothing(name)),
            None if self.even_steps == 0 || self.even_steps > 50 => {
                Err(WrongTemplate::Steps(self.even_steps))
            }
            None => Ok(()),
        }
    }

    /// The steps before everybody; none for a strategy that has none.
    pub fn rungs(&self) -> Vec<Rung> {
        match self.strategy {
            Strategy::BlueGreen | Strategy::AtOnce => Vec::new(),
            Strategy::Canary => self.canary(),
            Strategy::Linear => self.linear(),
        }
    }

    /// How a release is watched after everybody has it; `salt` decides nothing then but who was counted.
    pub fn soak(&self, salt: String) -> Option<Soak> {
        let lasts_ms = u64::try_from(self.soak.as_millis()).unwrap_or(u64::MAX);
        let is_watched = lasts_ms > 0 && self.strategy != Strategy::AtOnce;
        is_watched.then(|| Soak { lasts_ms, usual_ppm: ppm(self.usual), salt })
    }

    /// The smallest rise of failing visitors that this service can show within `lasts`; 1 when it cannot even show that
    /// a build fails everybody.
    pub fn smallest_shown(&self) -> f64 {
        let reached = f64::from(CANARY.widest) / 1e4 * self.visitors();
        let shown = |rise: &f64| self.needed(*rise).is_some_and(|needed| needed <= reached);
        let rises = std::iter::successors(Some(1.0 - self.usual), |rise| Some(rise * 0.9));
        rises.take_while(shown).take(200).last().unwrap_or(1.0)
    }

    /// The share of a step's visitors that shows a rise of failures; above 1 when so many do not come.
    fn share(&self, rise: f64) -> Option<f64> {
        let come = self.visitors() * self.step.as_secs_f64() / self.lasts.as_secs_f64();
        self.needed(rise).map(|needed| needed / come).filter(|share| share.is_finite())
    }

    /// The visitors of the new build that show a rise of failures.
    fn needed(&self, rise: f64) -> Option<f64> {
        let compared = Share::new(1.0 / f64::from(1 + CANARY.times)).ok()?;
        let bad = (self.usual + rise).min(1.0);
        let needed = INEFFICIENCY * bounds::two_sample(Level::ROLL_BACK, compared, bad, self.usual);
        Some(needed).filter(|needed| needed.is_finite())
    }

    fn visitors(&self) -> f64 {
        f64::from(u32::try_from(self.visitors).unwrap_or(u32::MAX))
    }

    fn canary(&self) -> Vec<Rung> {
        let mut rungs: Vec<Rung> = Vec::new();
        let rises = std::iter::successors(Some(CRASH_LOOP), |rise| Some(rise / 2.0));
        for rise in rises.take_while(|rise| *rise > self.margin) {
            let Some(share) = self.share(rise) else { break };
            let weight = BasisPoints::nearest(share).get().max(NARROWEST);
            if weight >= CANARY.widest {
                break;
            }
            let next = rung(weight, CANARY, rise);
            match rungs.last_mut() {
                // Two steps of the same width are one, which excludes the smaller harm.
                Some(last) if last.weight == next.weight => *last = next,
                _ => rungs.push(next),
            }
        }
        // The last step is as wide as the margin needs, and at most as wide as can be compared.
        let narrowest = rungs.last().map_or(NARROWEST, |last| last.weight.get() + 1);
        let wanted = self.share(self.margin).map_or(CANARY.widest, |share| BasisPoints::nearest(share).get());
        rungs.push(rung(wanted.clamp(narrowest, CANARY.widest), CANARY, self.margin));
        rungs
    }

    fn linear(&self) -> Vec<Rung> {
        let steps = (1..=self.even_steps).map(|step| LINEAR.widest / self.even_steps * step);
        steps.map(|weight| rung(weight, LINEAR, self.margin)).collect()
    }
}

fn rung(weight: u16, shape: Shape, margin: f64) -> Rung {
    let points = |share: u16| BasisPoints::nearest(f64::from(share) / 10_000.0);
    let control = weight.saturating_mul(shape.times).min(10_000 - weight);
    Rung { weight: points(weight), control: points(control), margin_ppm: ppm(margin) }
}

/// The nearest whole number of parts per million, at least one.
fn ppm(share: f64) -> u32 {
    let wanted = (share.clamp(0.0, 1.0) * 1e6).round();
    // Found by halving, because a float is never cast here.
    let (mut low, mut high) = (1_u32, 1_000_000_u32);
    while low < high {
        let middle = low.midpoint(high);
        if f64::from(middle) < wanted { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, proptest};

    fn template(visitors: u64, strategy: Strategy) -> Template {
        Template { strategy, visitors, margin: 0.02, ..Template::ordinary() }
    }

    #[test]
    fn a_larger_service_begins_with_a_smaller_share() {
        let first = |visitors| template(visitors, Strategy::Canary).rungs().first().unwrap().weight;
        assert!(first(20_000) < first(2_000));
        assert!(first(2_000) < first(1_000));
    }

    #[test]
    fn even_steps_are_even_and_the_last_leaves_a_control_as_wide() {
        let rungs = template(1_000, Strategy::Linear).rungs();
        let weights: Vec<u16> = rungs.iter().map(|rung| rung.weight.get()).collect();
        assert_eq!(weights, [1_000, 2_000, 3_000, 4_000, 5_000]);
        assert_eq!(rungs.last().unwrap().control.get(), 5_000);
    }

    #[test]
    fn a_wrong_key_is_named_with_what_would_do() {
        let wrong = Template { margin: 2.0, ..template(100, Strategy::Canary) }.check().unwrap_err();
        assert_eq!(wrong.to_string(), "`margin` is 2; give a share between 0 and 1, such as 0.01");
    }

    #[test]
    fn parts_per_million_are_the_nearest() {
        for (share, wanted) in [(0.02, 20_000), (0.5, 500_000), (0.0, 1), (1.0, 1_000_000), (0.000_001_4, 1)]
        {
            assert_eq!(ppm(share), wanted);
        }
    }

    proptest! {
        #[test]
        fn steps_only_widen_margins_only_narrow_and_both_sides_fit(
            visitors in 1_u64..10_000_000, usual in 0.001_f64..0.2, margin in 0.001_f64..0.3
        ) {
            for strategy in [Strategy::Canary, Strategy::Linear] {
                let rungs = Template { usual, margin, ..template(visitors, strategy) }.rungs();
                prop_assert!(!rungs.is_empty());
                for rung in &rungs {
                    prop_assert!(rung.weight.get() > 0 && rung.control.get() > 0);
                    prop_assert!(rung.weight.get() + rung.control.get() <= 10_000);
                }
                for pair in rungs.windows(2) {
                    prop_assert!(pair[1].weight > pair[0].weight);
                    prop_assert!(pair[1].margin_ppm <= pair[0].margin_ppm);
                }
                prop_assert!(f64::from(rungs.last().unwrap().margin_ppm) <= margin * 1e6 + 1.0);
            }
        }
    }
}
