//! Argo Rollouts: `analysis/analysis.go` of argoproj/argo-rollouts.
//!
//! Each measurement fails or not by the user's condition; the run fails when `failed > failureLimit`, counted over the
//! whole run and never windowed. `failureLimit` is 0 by default; the documentation's examples ask for a success rate of
//! at least 0.95, some with a limit of 3. A window without reports is no measurement here, and so no failure.

use crate::peer::{Peer, greatest};
use crate::world::Window;

pub struct Argo {
    pub name: &'static str,
    pub failure_limit: usize,
}

impl Peer for Argo {
    fn name(&self) -> &'static str {
        self.name
    }

    /// The share of failures that a measurement may have.
    fn documented(&self) -> f64 {
        0.05
    }

    fn rolls_back(&self, windows: &[Window], figure: f64) -> Option<usize> {
        let fails = |window: &Window| window.canary.rate().is_some_and(|rate| rate > figure);
        windows
            .iter()
            .enumerate()
            .filter(|(_, window)| fails(window))
            .nth(self.failure_limit)
            .map(|(at, _)| at)
    }

    fn least(&self, windows: &[Window]) -> f64 {
        greatest(windows.iter().filter_map(|window| window.canary.rate()).collect(), self.failure_limit)
    }
}
