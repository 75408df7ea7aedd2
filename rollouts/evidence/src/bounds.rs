//! How fast anybody could know: lower bounds to measure a test against.
//!
//! Rates are probabilities of failing in (0,1): `bad` the canary's, `good` the stable one's. Where the two
//! agree there is nothing to find, and the bound is infinite.

use crate::level::{Level, Share};

/// Relative entropy of two coins, in nats: a ln(a/b) + (1−a) ln((1−a)/(1−b)).
pub fn kl(a: f64, b: f64) -> f64 {
    let part = |x: f64, y: f64| if x > 0.0 { x * (x / y).ln() } else { 0.0 };
    part(a, b) + part(1.0 - a, 1.0 - b)
}

/// Canary visitors needed on average when stable's rate is known: ln(1/α)/kl(bad, good) (Wald 1945).
pub fn wald(level: Level, bad: f64, good: f64) -> f64 {
    level.log_threshold() / kl(bad, good)
}

/// Information in one visitor of either arm, in nats, at canary share w:
/// I(w) = w kl(bad, m) + (1−w) kl(good, m), m = w bad + (1−w) good (cf. Garivier and Kaufmann 2016).
pub fn information(share: Share, bad: f64, good: f64) -> f64 {
    let w = share.get();
    let mean = w * bad + (1.0 - w) * good;
    w * kl(bad, mean) + (1.0 - w) * kl(good, mean)
}

/// Canary visitors needed on average when stable's rate is learnt beside it: w ln(1/α)/I(w).
pub fn two_sample(level: Level, share: Share, bad: f64, good: f64) -> f64 {
    share.get() * level.log_threshold() / information(share, bad, good)
}

/// Canary visitors needed on average until "worse by `delta`" is excluded at β, when both arms fail at `rate`:
/// the same bound, for the canary at `rate` against stable with the margin, at δ + (1−δ) `rate`.
pub fn advance(level: Level, share: Share, rate: f64, delta: f64) -> f64 {
    two_sample(level, share, rate, delta + (1.0 - delta) * rate)
}

/// Visitors from a change to its alarm, at worst, when false alarms are γ = `run_length` apart on average:
/// ln γ/kl(bad, good) (Lorden 1971). It holds in the limit of large γ; for blocks of n visitors γ counts blocks,
/// and the result divided by n is the delay in blocks.
pub fn lorden(run_length: f64, bad: f64, good: f64) -> f64 {
    run_length.ln() / kl(bad, good)
}

/// Failures that the change causes before anybody can know of it: (bad − good) ln(1/α)/kl(bad, good).
///
/// Small regressions hurt more people than large ones.
pub fn excess_failures(level: Level, bad: f64, good: f64) -> f64 {
    (bad - good) * wald(level, bad, good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table_is_met() {
        // bad, good, and for α = .001: known baseline, w = 1 %, 10 %, 50 %, excess failures.
        let table = [
            (0.5, 0.001, 3.0, 3.0, 6.0, 16.0, 1.2),
            (0.05, 0.001, 47.0, 50.0, 75.0, 223.0, 2.3),
            (0.10, 0.01, 48.0, 49.0, 62.0, 154.0, 4.3),
            (0.05, 0.01, 167.0, 171.0, 203.0, 462.0, 6.7),
            (0.01, 0.001, 491.0, 505.0, 636.0, 1609.0, 4.4),
            (0.03, 0.01, 525.0, 533.0, 613.0, 1295.0, 10.5),
            (0.10, 0.05, 334.0, 339.0, 382.0, 753.0, 16.7),
            (0.02, 0.01, 1765.0, 1788.0, 2017.0, 4006.0, 17.7),
        ];
        let level = Level::ROLL_BACK;
        for (bad, good, known, w1, w10, w50, excess) in table {
            let at = |w| two_sample(level, Share::new(w).unwrap(), bad, good);
            for (got, wanted) in
                [(wald(level, bad, good), known), (at(0.01), w1), (at(0.1), w10), (at(0.5), w50)]
            {
                assert!((got.ceil() - wanted).abs() <= 1.0, "{bad} {good}: {got} for {wanted}");
            }
            assert!((excess_failures(level, bad, good) - excess).abs() < 0.06, "{bad} {good}");
        }
    }

    #[test]
    fn nothing_to_find_takes_for_ever_and_certain_rates_are_no_trouble() {
        let half = Share::new(0.5).unwrap();
        assert_eq!(wald(Level::HOLD, 0.1, 0.1), f64::INFINITY);
        assert!(two_sample(Level::HOLD, half, 1.0, 0.0).is_finite());
        assert!((lorden(1000.0, 0.1, 0.01) - wald(Level::ROLL_BACK, 0.1, 0.01)).abs() < 1e-9);
    }
}
