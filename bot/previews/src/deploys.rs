//! Which promotions the automation may begin: of pull requests against a release branch, and of nothing else.
//!
//! Pure. Each is a line that goes through the whole pipeline, in the place of the pull request; whether it may is policy's
//! to say. INVARIANT: by itself, no commit is promoted twice: not after it failed, and not after it was rolled back.

use std::collections::BTreeSet;

use folkops_model::{Cause, ChangeRef, ComponentName, Sha, Target};
use folkops_record::Facts;

use crate::folds::{Changes, Landings};
use crate::tidings::{Tiding, is_news};

/// A promotion that the automation may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// What it says, and where.
    pub tiding: Tiding,
    /// Whether it says so before it is known what policy says.
    pub when: When,
}

/// When a promotion is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once, so that whoever merged it hears what becomes of it.
    Told,
    /// As soon as policy permits it.
    PolicyHolds,
}

/// Promotions that may be asked for, given in which components an open pull request is enough.
pub fn deploys(facts: &Facts<'_>, unasked: &BTreeSet<ComponentName>) -> Vec<Deploy> {
    let Some((changes, landings)) = facts.fold::<Changes>().zip(facts.fold::<Landings>()) else {
        return Vec::new();
    };
    let fresh = landings
        .waiting
        .iter()
        .filter(|(_, waiting)| waiting.landing.target == Target::Release && is_news(facts, waiting.at));
    let merged: Vec<_> = fresh.map(|(change, waiting)| (change, &waiting.landing.head)).collect();
    let open = changes.open.iter().filter(|(change, row)| {
        let allowed = changes.allowed(facts, change, &row.head).is_some();
        row.target == Target::Release && unasked.contains(&change.component) && allowed
    });
    let told = merged.clone().into_iter().map(|it| (it, When::Told));
    let held = merged
        .into_iter()
        .chain(open.map(|(change, row)| (change, &row.head)))
        .map(|it| (it, When::PolicyHolds));
    let minute = facts.now().as_second() / 60;
    let untried = told.chain(held).filter(|((change, head), _)| !is_tried(facts, change, head));
    let deploy = |((change, head), when): ((&ChangeRef, &Sha), When)| {
        let key = match when {
            When::Told => format!("deploy-{change}-{head}"),
            When::PolicyHolds => format!("deploy-{change}-{head}-{minute}"),
        };
        let line = format!("/promote {change}");
        Deploy { tiding: Tiding { change: change.clone(), line, cause: Cause::News, key }, when }
    };
    untried.map(deploy).collect()
}

/// Whether a promotion of a change at this commit has begun before.
pub fn is_tried(facts: &Facts<'_>, change: &ChangeRef, head: &Sha) -> bool {
    facts.fold::<Landings>().is_some_and(|landings| facts.row(&landings.tried, change) == Some(head))
}
