//! Flagger: `pkg/controller/scheduler.go` and `scheduler_metrics.go` of fluxcd/flagger.
//!
//! Every interval, a metric outside its range adds one to `failedChecks`, and so does one without a value; a good check
//! takes nothing away. It rolls back at `failedChecks >= threshold`. The documentation's examples ask for a success rate
//! of at least 99 % each minute, with a threshold of 5.

use crate::peer::{Peer, greatest};
use crate::world::Window;

const THRESHOLD: usize = 5;

pub struct Flagger;

impl Peer for Flagger {
    fn name(&self) -> &'static str {
        "Flagger, 99 %, threshold 5"
    }

    /// The share of failures that a check may have.
    fn documented(&self) -> f64 {
        0.01
    }

    fn rolls_back(&self, windows: &[Window], figure: f64) -> Option<usize> {
        let fails = |window: &Window| window.canary.rate().is_none_or(|rate| rate > figure);
        windows.iter().enumerate().filter(|(_, window)| fails(window)).nth(THRESHOLD - 1).map(|(at, _)| at)
    }

    fn least(&self, windows: &[Window]) -> f64 {
        let share = |window: &Window| window.canary.rate().unwrap_or(f64::INFINITY);
        greatest(windows.iter().map(share).collect(), THRESHOLD - 1)
    }
}
