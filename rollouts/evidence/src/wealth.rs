//! Log-wealths of several bets, and what they are worth together.
//!
//! The mean of non-negative supermartingales that start at 1 is one itself, whatever binds them together, so
//! a crowd of guesses about an unknown effect costs at most the logarithm of their number (in nats).

/// Evidence of different tests cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the two pieces of evidence answer different questions; merge only those of one rollout and one setting"
)]
pub struct Mismatch;

/// ln of the mean of e^x over the list, computed without overflow; −∞ for an empty list.
pub(crate) fn log_mean_exp(logs: impl IntoIterator<Item = f64, IntoIter: Clone>) -> f64 {
    let logs = logs.into_iter();
    let (top, count) =
        logs.clone().fold((f64::NEG_INFINITY, 0.0), |(top, count), x| (top.max(x), count + 1.0));
    if !top.is_finite() {
        return top;
    }
    let sum: f64 = logs.map(|x| (x - top).exp()).sum();
    top + (sum / count).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_right_for_huge_and_tiny_logarithms() {
        assert!((log_mean_exp([0.0, 0.0]) - 0.0).abs() < 1e-12);
        assert!((log_mean_exp([4000.0, -4000.0]) - (4000.0 - 2_f64.ln())).abs() < 1e-9);
        assert!((log_mean_exp([-4000.0, -4000.0]) + 4000.0).abs() < 1e-9);
        assert_eq!(log_mean_exp([]), f64::NEG_INFINITY);
    }
}
