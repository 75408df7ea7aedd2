//! The commands, one file each. To add one: its file, and its line in the registry below.
//!
//! `docs/commands.md` is written from these declarations; a test refuses one that is out of date.

mod alert;
mod along;
mod approval;
mod carrying;
mod checklist;
mod checks;
mod docs;
mod explain;
mod raise;
mod release_branch;
mod since;
mod soak;
mod subject;
mod telling;
mod thread;
mod trial;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use folkops_engine::Command;
use folkops_model::ComponentName;

pub use carrying::CarryOver;
pub use checklist::Point;
pub use docs::markdown;
pub use moved::proposals;

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
    /// Where people sign in who have an account of another network; by that they get an account in the service.
    pub sign_in: Option<String>,
    /// How a release comes to everybody, unless `/promote` says otherwise.
    pub rollout: folkops_rollouts::Templates,
    /// What maintainers answer for before a promotion.
    pub checklist: Vec<Point>,
    /// Which pushes keep an allowance; none where there is nothing here.
    pub carry_over: Option<CarryOver>,
    /// How the branch is called that production follows, of components in which that is not the default one.
    pub release_branches: BTreeMap<ComponentName, String>,
}

/// Makes the module of each command and the list of all of them from the same line: its file, its type, and what it is
/// made with.
macro_rules! registry {
    (|$settings:ident| $($file:ident :: $command:ident $(($given:ident))?,)*) => {
        $(mod $file;)*

        /// Every command, in the order in which help shows them.
        pub fn all($settings: &Settings) -> Vec<Arc<dyn Command>> {
            let $settings = Arc::new($settings.clone());
            vec![$(Arc::new($file::$command $(($given.clone()))?)),*]
        }
    };
}

registry! { |settings|
    help::Help,
    whoami::Whoami,
    link::Link,
    unlink::Unlink,
    can_i::CanI,
    why::Why(settings),
    status::Status(settings),
    deploy_preview::DeployPreview(settings),
    ok_to_test::OkToTest,
    tick::Tick(settings),
    untick::Untick(settings),
    keep::Keep(settings),
    stop_preview::StopPreview,
    opt_in::OptIn(settings),
    rebase::Rebase(settings),
    opt_out::OptOut,
    evidence::Evidence,
    promote::Promote(settings),
    rollback::Rollback(settings),
    pause::Pause,
    resume::Resume(settings),
    health::Health,
    revert::Revert,
    withdraw::Withdraw,
    pardon::Pardon,
    freeze::FreezeAll,
    unfreeze::Unfreeze,
    restore::Restore(settings),
    expire::Expire,
    moved::Moved(settings),
    carry_over::CarryOn(settings),
    advance::Advance(settings),
    welcome::Welcome(settings),
    news::News,
}
