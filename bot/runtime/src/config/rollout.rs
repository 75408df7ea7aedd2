//! `[rollout]`: how releases come to everybody.

use folkops_model::{Late, Strategy, Timing};
use folkops_rollouts::Template;
use schemars::JsonSchema;
use serde::Deserialize;

/// How a release comes to everybody, unless `/promote` says otherwise.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// `canary`, in steps as wide as the harm that each has to exclude needs; `linear`, in even steps; `blue-green`, all
    /// at once.
    #[schemars(with = "String")]
    pub strategy: Strategy,
    /// Visitors who come with a cookie of ours within `minutes`, roughly. The steps follow from it.
    pub visitors: u64,
    /// Seconds that a step should take: shorter steps are wider.
    pub step_seconds: u64,
    /// The share of visitors who meet a failure anyway, 0 to 1, roughly.
    pub usual: f64,
    /// The rise of that share which must be ruled out before everybody gets a release, 0 to 1.
    pub margin: f64,
    /// Visitors who may meet a failure of the new build, beyond the usual, before it goes back at once.
    pub budget: u64,
    /// Minutes that a rollout may take.
    pub minutes: u64,
    /// What is done when they are over and the numbers have not decided: `hold`, `roll-back` or `advance`.
    #[schemars(with = "String")]
    pub late: Late,
    /// Milliseconds that each visitor is watched.
    pub period_ms: u64,
    /// Milliseconds for which visitors are gathered before they are judged together.
    pub block_ms: u64,
    /// Milliseconds from which on an answer is slow.
    pub slow_ms: u64,
    /// Even steps, for `linear`; 1 to 50.
    pub steps: u16,
}

impl Default for Rollout {
    /// What a service of a few thousand visitors an hour needs.
    fn default() -> Self {
        let Template { strategy, visitors, step, usual, margin, budget, lasts, late, timing, even_steps } =
            Template::ordinary();
        let Timing { period_ms, block_ms, slow_ms } = timing;
        let (minutes, step_seconds) = (lasts.as_secs() / 60, step.as_secs());
        Self {
            strategy,
            visitors,
            step_seconds,
            usual,
            margin,
            budget,
            minutes,
            late,
            period_ms,
            block_ms,
            slow_ms,
            steps: even_steps,
        }
    }
}

impl Rollout {
    /// As commands take it.
    pub fn template(&self) -> Template {
        Template {
            strategy: self.strategy,
            visitors: self.visitors,
            step: std::time::Duration::from_secs(self.step_seconds),
            usual: self.usual,
            margin: self.margin,
            budget: self.budget,
            lasts: std::time::Duration::from_secs(self.minutes * 60),
            late: self.late,
            timing: Timing { period_ms: self.period_ms, block_ms: self.block_ms, slow_ms: self.slow_ms },
            even_steps: self.steps,
        }
    }
}
