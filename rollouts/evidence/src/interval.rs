//! Intervals for display, which may be drawn after every visitor: of one arm's rate, and of the difference.
//!
//! **A rate.** The beta mixture of Robbins (1970) and Lai (1976); for values in `[0,1]` with sum S among n it stays valid,
//! because each factor (θ/m)^u ((1−θ)/(1−m))^(1−u) is convex in u and so at most its chord, whose mean is 1:
//!
//! > M_n(m) = B(½+S, ½+n−S)/B(½,½) / (m^S (1−m)^(n−S)),  interval = { m : M_n(m) < 1/α }
//!
//! With probability ≥ 1−α the interval covers the mean of independent outcomes at all times together
//! (Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 49, 2021, for sub-Bernoulli processes). Where the rate moves
//! over the day it shows roughly where the rate was; verdicts never rest on it, but on the comparison.
//!
//! **The difference.** The normal mixture of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (arXiv 2103.06476, eq. 9
//! and 161), tuned to be narrowest at 5,000 visitors as GrowthBook's is. It is right only in the limit of many
//! visitors, and so is drawn, and never decides:
//!
//! > d ± s √( 2(Nρ²+1)/(Nρ)² · ln(√(Nρ²+1)/α) ),  ρ² = (−2 ln α + ln(1 − 2 ln α))/5000,  s² = N Σ p(1−p)/n

use libm::lgamma;
use serde::{Deserialize, Serialize};

use crate::level::Level;
use crate::sample::exact;
use crate::tally::Tally;

/// The number of visitors, of both arms, at which the interval of the difference is narrowest.
const TUNED_FOR: f64 = 5000.0;

/// Both ends of an interval: of a rate within `[0,1]`, of a difference around 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The interval of an arm's mean unhealth that may be looked at all the time; all of `[0,1]` at first.
pub fn interval(tally: Tally, level: Level) -> Interval {
    let Some(mean) = tally.rate() else { return Interval { low: 0.0, high: 1.0 } };
    let outside = |m: f64| log_mixture(tally, m) >= level.log_threshold();
    Interval { low: border(mean, 0.0, outside), high: border(mean, 1.0, outside) }
}

/// The interval of canary minus stable unhealth; none while an arm is empty, or has shown only one extreme.
///
/// The variance is taken as if every outcome were 0 or 1, which is the most that it can be.
pub fn difference(canary: Tally, stable: Tally, level: Level) -> Option<Interval> {
    let (bad, good) = (canary.rate()?, stable.rate()?);
    let variance =
        |rate: f64, tally: Tally| Some(rate * (1.0 - rate) / exact(tally.visitors)).filter(|it| *it > 0.0);
    let visitors = exact(canary.visitors) + exact(stable.visitors);
    let spread = visitors * (variance(bad, canary)? + variance(good, stable)?);
    let log = level.log_threshold();
    let tuned = visitors * (2.0 * log + (2.0 * log).ln_1p()) / TUNED_FOR;
    let width = (spread * 2.0 * (tuned + 1.0) / (visitors * tuned) * (0.5 * tuned.ln_1p() + log)).sqrt();
    Some(Interval { low: bad - good - width, high: bad - good + width })
}

/// ln M_n(m), in nats.
pub(crate) fn log_mixture(tally: Tally, m: f64) -> f64 {
    let (bad, n) = (tally.unhealth, exact(tally.visitors));
    let well = (n - bad).max(0.0);
    let mixture = lgamma(bad + 0.5) + lgamma(well + 0.5) - lgamma(n + 1.0) - std::f64::consts::PI.ln();
    mixture - times_log(bad, m) - times_log(well, 1.0 - m)
}

fn times_log(count: f64, rate: f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * rate.ln() }
}

/// Where, between the mean and this end, the mixture crosses the threshold: ln M falls to the mean and rises after it.
fn border(mean: f64, end: f64, outside: impl Fn(f64) -> bool) -> f64 {
    if !outside(end) {
        return end;
    }
    // Sixty halvings reach the last bit of an f64.
    let (inner, _) = (0..60).fold((mean, end), |(inner, outer), _| {
        let middle = f64::midpoint(inner, outer);
        if outside(middle) { (inner, middle) } else { (middle, outer) }
    });
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unhealth: f64, visitors: u64) -> Interval {
        interval(Tally { unhealth, visitors }, Level::HOLD)
    }

    #[test]
    fn nobody_says_nothing_and_everybody_well_leaves_zero_possible() {
        assert_eq!(of(0.0, 0), Interval { low: 0.0, high: 1.0 });
        let well = of(0.0, 1000);
        assert!(well.low == 0.0 && well.high > 0.001 && well.high < 0.01, "{well:?}");
        let failed = of(1000.0, 1000);
        assert!(failed.high == 1.0 && failed.low < 0.999 && failed.low > 0.99, "{failed:?}");
    }

    #[test]
    fn it_holds_the_mean_and_narrows() {
        let (few, many) = (of(10.0, 100), of(10_000.0, 100_000));
        for it in [few, many] {
            assert!(it.low < 0.1 && it.high > 0.1, "{it:?}");
        }
        assert!(many.high - many.low < 0.05 * (few.high - few.low));
    }
}
