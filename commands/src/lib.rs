//! The commands, one file each. To add one: its file, and its line in `all`.
//!
//! `docs/commands.md` is written from these declarations; a test refuses one that is out of date.

mod can_i;
mod deploy_preview;
mod docs;
mod expire;
mod freeze;
mod help;
mod keep;
mod ok_to_test;
mod opt_in;
mod opt_out;
mod promote;
mod raise;
mod rebase;
mod restore;
mod rollback;
mod status;
mod stop_preview;
mod subject;
mod unfreeze;
mod whoami;
mod why;

use std::sync::Arc;

use folkops_engine::Command;

pub use docs::markdown;

/// What a service's operator sets for all commands.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the service is called in replies.
    pub service: String,
    /// Previews that one person may have at a time.
    pub previews_a_person: usize,
    /// Previews and mixes that there may be at a time.
    pub places: usize,
    /// How long a preview or a mix lasts, unless it is kept.
    pub lasts: std::time::Duration,
    /// How long one may last from any moment on.
    pub lasts_at_most: std::time::Duration,
}

/// Every command, in the order in which help shows them.
pub fn all(settings: &Settings) -> Vec<Arc<dyn Command>> {
    let settings = Arc::new(settings.clone());
    vec![
        Arc::new(help::Help),
        Arc::new(whoami::Whoami),
        Arc::new(can_i::CanI),
        Arc::new(why::Why),
        Arc::new(status::Status(settings.clone())),
        Arc::new(deploy_preview::DeployPreview(settings.clone())),
        Arc::new(ok_to_test::OkToTest),
        Arc::new(keep::Keep(settings.clone())),
        Arc::new(stop_preview::StopPreview),
        Arc::new(opt_in::OptIn(settings.clone())),
        Arc::new(rebase::Rebase(settings.clone())),
        Arc::new(opt_out::OptOut),
        Arc::new(promote::Promote),
        Arc::new(rollback::Rollback(settings.clone())),
        Arc::new(freeze::FreezeAll),
        Arc::new(unfreeze::Unfreeze),
        Arc::new(restore::Restore(settings)),
        Arc::new(expire::Expire),
    ]
}
