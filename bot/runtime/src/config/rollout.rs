//! `[rollout]` and `[component.rollout]`: how releases come to everybody.
//!
//! The same keys in both: what a component does not set is the service's, and what that does not set is built in.

use std::time::Duration;

use folkops_model::{Late, Strategy, Timing};
use folkops_rollouts::Template;
use schemars::JsonSchema;
use serde::Deserialize;

/// How a release comes to everybody, unless `/promote` says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// `canary`, in steps as wide as the harm that each has to exclude needs; `linear`, in even steps; `blue-green`, all
    /// at once; `at-once`, all at once and not watched.
    #[schemars(with = "Option<String>")]
    pub strategy: Option<Strategy>,
    /// Visitors who come with a cookie of ours within `minutes`, roughly. The steps follow from it.
    pub visitors: Option<u64>,
    /// Seconds that a step should take: shorter steps are wider.
    pub step_seconds: Option<u64>,
    /// The share of visitors who meet a failure anyway, 0 to 1, roughly.
    pub usual: Option<f64>,
    /// The rise of that share which must be ruled out before everybody gets a release, 0 to 1.
    pub margin: Option<f64>,
    /// Visitors who may meet a failure of the new build, beyond the usual, before it goes back at once.
    pub budget: Option<u64>,
    /// Visitors whom the new build must have had before it goes to more of them.
    pub least_visitors: Option<u64>,
    /// Minutes that a rollout may take.
    pub minutes: Option<u64>,
    /// What is done when they are over and the numbers have not decided: `hold`, `roll-back` or `advance`.
    #[schemars(with = "Option<String>")]
    pub late: Option<Late>,
    /// Milliseconds for which an earlier release carries a quarter, then a half, on the way back to it; 0 gives it
    /// everybody at once.
    pub settle_ms: Option<u64>,
    /// Minutes that a release is watched after everybody has it; 0 for none.
    pub soak_minutes: Option<u64>,
    /// Milliseconds that each visitor is watched.
    pub period_ms: Option<u64>,
    /// Milliseconds for which visitors are gathered before they are judged together.
    pub block_ms: Option<u64>,
    /// Milliseconds from which on an answer is slow.
    pub slow_ms: Option<u64>,
    /// Even steps, for `linear`; 1 to 50.
    pub steps: Option<u16>,
}

impl Rollout {
    /// A template with these keys in place of its own.
    pub fn over(&self, base: &Template) -> Template {
        let seconds = |given: Option<u64>, base: Duration| given.map_or(base, Duration::from_secs);
        let Timing { period_ms, block_ms, slow_ms } = base.timing;
        Template {
            strategy: self.strategy.unwrap_or(base.strategy),
            visitors: self.visitors.unwrap_or(base.visitors),
            step: seconds(self.step_seconds, base.step),
            usual: self.usual.unwrap_or(base.usual),
            margin: self.margin.unwrap_or(base.margin),
            budget: self.budget.unwrap_or(base.budget),
            least: self.least_visitors.unwrap_or(base.least),
            lasts: seconds(self.minutes.map(|minutes| minutes.saturating_mul(60)), base.lasts),
            late: self.late.unwrap_or(base.late),
            settle: self.settle_ms.map_or(base.settle, Duration::from_millis),
            soak: seconds(self.soak_minutes.map(|minutes| minutes.saturating_mul(60)), base.soak),
            timing: Timing {
                period_ms: self.period_ms.unwrap_or(period_ms),
                block_ms: self.block_ms.unwrap_or(block_ms),
                slow_ms: self.slow_ms.unwrap_or(slow_ms),
            },
            even_steps: self.steps.unwrap_or(base.even_steps),
        }
    }
}
