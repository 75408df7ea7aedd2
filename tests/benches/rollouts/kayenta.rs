//! Kayenta: `NetflixACAJudge` and `MannWhitneyClassifier.scala` of spinnaker/kayenta.
//!
//! The shares of failures of all windows so far, canary against control: Hodges and Lehmann's estimate of the shift and
//! its 98 % interval. The metric is High when the interval's lower end is above a quarter of the estimate **and** the
//! ratio of means is at least `allowedIncrease` (1 by default); then the canary fails. Identical data pass, windows
//! without reports are dropped, nothing left passes. Nothing is corrected for looking again.
//!
//! In short form: the interval by order statistics with the variance corrected for ties, where the original searches a
//! root and adds noise to degenerate data; no removal of outliers, which is off by default.

use crate::peer::Peer;
use crate::world::Window;

/// The 0.99 quantile of the normal distribution.
const Z: f64 = 2.326_348;
const TOLERANCE: f64 = 0.25;

/// When it is looked at.
pub enum Looks {
    /// Every ten minutes.
    Often,
    /// When the rollout's time is over.
    Once,
}

pub struct Kayenta {
    pub name: &'static str,
    pub looks: Looks,
}

impl Kayenta {
    fn looks(&self, windows: usize) -> Vec<usize> {
        match self.looks {
            Looks::Often => (10..=windows).step_by(10).collect(),
            Looks::Once => vec![windows],
        }
    }
}

impl Peer for Kayenta {
    fn name(&self) -> &'static str {
        self.name
    }

    fn documented(&self) -> f64 {
        1.0
    }

    fn rolls_back(&self, windows: &[Window], figure: f64) -> Option<usize> {
        let is_high = |look: &usize| high(&windows[..*look]).is_some_and(|ratio| ratio >= figure);
        self.looks(windows.len()).into_iter().find(is_high).map(|look| look - 1)
    }

    fn least(&self, windows: &[Window]) -> f64 {
        let ratios = self.looks(windows.len()).into_iter().filter_map(|look| high(&windows[..look]));
        // The rule is "at least", so the figure lies just above the greatest ratio.
        ratios.fold(0.0, f64::max) * (1.0 + 1e-12)
    }
}

/// The ratio of means, when the shift is High.
fn high(windows: &[Window]) -> Option<f64> {
    let shares = |rate: fn(&Window) -> Option<f64>| -> Vec<f64> { windows.iter().filter_map(rate).collect() };
    let (canary, stable) = (shares(|window| window.canary.rate()), shares(|window| window.stable.rate()));
    if canary.is_empty() || stable.is_empty() || canary == stable {
        return None;
    }
    let mut shifts: Vec<f64> =
        canary.iter().flat_map(|one| stable.iter().map(move |other| one - other)).collect();
    let count = shifts.len();
    let half = Z * deviation(&canary, &stable);
    let rank = (count as f64 / 2.0 - half).floor();
    let low = if rank < 1.0 {
        f64::NEG_INFINITY
    } else {
        *shifts.select_nth_unstable_by(rank as usize - 1, f64::total_cmp).1
    };
    let estimate = *shifts.select_nth_unstable_by(count / 2, f64::total_cmp).1;
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    (low > TOLERANCE * estimate.abs()).then(|| mean(&canary) / mean(&stable))
}

/// The standard deviation of Mann and Whitney's U, corrected for ties.
fn deviation(canary: &[f64], stable: &[f64]) -> f64 {
    let mut all = [canary, stable].concat();
    all.sort_by(f64::total_cmp);
    let (m, n, total) = (canary.len() as f64, stable.len() as f64, all.len() as f64);
    let ties: f64 = all
        .chunk_by(|one, other| one == other)
        .map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64)
        .sum();
    (m * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)))).sqrt()
}
