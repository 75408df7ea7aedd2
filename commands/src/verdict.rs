//! A rollback that nobody asked for: whether it is still called for when its turn comes.
//!
//! The numbers say it again until they see it done, so what is over, or on its way already, is not begun once more.

use folkops_engine::{Call, Facts, Operations};
use folkops_model::Principal;
use folkops_previews::Releases;

use crate::advance::live;
use crate::promote::LOCK;

/// Whether it is said by itself, and not by the note of what was done while nobody was there.
pub fn is_said(call: &Call<'_>) -> bool {
    *call.principal == Principal::Automation && call.args.release("release").is_none()
}

/// Whether what was asked for by itself is still to be done: there is a rollout, or somebody who is not back yet; and
/// nobody is on that way already.
pub fn is_called_for(facts: &Facts<'_>) -> bool {
    let is_half_gone = facts.fold::<Releases>().is_some_and(|releases| releases.leaving(facts).is_some());
    (is_half_gone || live(facts).is_some()) && !is_on_its_way(facts)
}

fn is_on_its_way(facts: &Facts<'_>) -> bool {
    let Some(operations) = facts.fold::<Operations>() else { return false };
    let holding = crate::stop_preview::holding(facts, LOCK);
    let mut rows = holding.iter().filter_map(|holder| facts.row(&operations.operations, holder));
    rows.any(|row| row.action.command == "rollback")
}
