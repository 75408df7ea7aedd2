//! What the commands are told in benches: a service of the demo's size.

use std::time::Duration;

use folkops_commands::Settings;

/// The demo's service and limits.
pub fn settings() -> Settings {
    Settings {
        service: "Potluck".into(),
        previews_a_person: 3,
        places: 8,
        lasts: Duration::from_secs(2 * 3_600),
        lasts_at_most: Duration::from_secs(24 * 3_600),
        sign_in: None,
        rollout: folkops_rollouts::Template {
            strategy: folkops_model::Strategy::AtOnce,
            ..folkops_rollouts::Template::ordinary()
        }
        .into(),
        checklist: Vec::new(),
        carry_over: None,
        release_branches: Default::default(),
    }
}
