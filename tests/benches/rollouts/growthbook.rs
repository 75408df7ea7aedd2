//! GrowthBook: `SequentialTwoSidedTTest` of gbstats, the package of growthbook/growthbook, and its safe rollouts.
//!
//! An interval of the difference of failure rates that may be looked at all the time, by a normal mixture tuned for 5,000
//! visitors; a guardrail fails, and the rollout goes back, when the interval lies wholly on the bad side. α is 0.05. An
//! arm without variance gives no result. What the interval gives was compared with the package itself in the tests of our
//! evidence library; the formula is written out again here.

use crate::peer::Peer;
use crate::world::{Seen, Window};

const TUNED_FOR: f64 = 5_000.0;

pub struct GrowthBook;

impl Peer for GrowthBook {
    fn name(&self) -> &'static str {
        "GrowthBook, α = 0.05"
    }

    /// ln(1/α).
    fn documented(&self) -> f64 {
        20_f64.ln()
    }

    fn rolls_back(&self, windows: &[Window], figure: f64) -> Option<usize> {
        sums(windows).position(|(canary, stable)| low(canary, stable, figure) > 0.0)
    }

    fn least(&self, windows: &[Window]) -> f64 {
        sums(windows).fold(0.0, |least, (canary, stable)| {
            if low(canary, stable, least) <= 0.0 {
                return least;
            }
            let halve = |(inside, outside): (f64, f64), _| {
                let middle = f64::midpoint(inside, outside);
                if low(canary, stable, middle) > 0.0 { (middle, outside) } else { (inside, middle) }
            };
            (0..40).fold((least, 1e4), halve).1
        })
    }
}

fn sums(windows: &[Window]) -> impl Iterator<Item = (Seen, Seen)> {
    windows.iter().scan((Seen::default(), Seen::default()), |(canary, stable), window| {
        canary.add(window.canary);
        stable.add(window.stable);
        Some((*canary, *stable))
    })
}

/// The lower end of the interval of canary − stable, at α = e^−log.
fn low(canary: Seen, stable: Seen, log: f64) -> f64 {
    let (Some(bad), Some(good)) = (canary.rate(), stable.rate()) else { return f64::NEG_INFINITY };
    let variances = (bad * (1.0 - bad) / canary.reports, good * (1.0 - good) / stable.reports);
    if variances.0 <= 0.0 || variances.1 <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let n = canary.reports + stable.reports;
    let rho2 = (2.0 * log + (2.0 * log).ln_1p()) / TUNED_FOR;
    let spread = n * (variances.0 + variances.1);
    let width = 2.0 * (n * rho2 + 1.0) * (0.5 * (n * rho2).ln_1p() + log) / (n * n * rho2);
    bad - good - (spread * width).sqrt()
}
