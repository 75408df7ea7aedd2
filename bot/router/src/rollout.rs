//! A rollout under way: who goes where, and what is counted of it.
//!
//! A visitor's side follows from the salt and their id alone, so that no restart and no other worker moves them.
//! Counting never delays a request on a lock that the disk holds, and never decides where a request goes.

mod assign;
mod book;
mod exposed;
mod kind;
mod members;
#[cfg(test)]
mod tests;
mod trial;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::config::{Ports, RouterConfig, Unusable, Waits};
use crate::observed::Sides;
use crate::split::Split;
use crate::stack::Stack;
use crate::table::Service;

pub(crate) use assign::Known;
pub(crate) use exposed::forget_others;
pub(crate) use trial::Trial;
pub(crate) use witness::Witness;

use assign::Place;
use book::{Era, Terms};
use members::{Guest, Side};
use trial::Subject;

/// Where a request goes, and who follows it there.
pub(crate) struct Way {
    pub(crate) stack: Arc<Stack>,
    pub(crate) witness: Option<Box<Witness>>,
}

/// What one table says of a rollout, ready for its requests.
pub(crate) struct Rollout {
    pub(crate) trial: Arc<Trial>,
    split: Split,
    slow: Duration,
    era: Era,
    candidate: Arc<Stack>,
}

impl Way {
    /// A way that is part of no rollout.
    pub(crate) fn to(stack: Arc<Stack>) -> Self {
        Self { stack, witness: None }
    }
}

impl Rollout {
    /// Where a visitor without a mix of their own goes; one who cannot be known again goes to the default.
    pub(crate) fn way(
        self: &Arc<Self>,
        visitor: Option<Known<'_>>,
        headers: &HeaderMap,
        default: &Arc<Stack>,
    ) -> Way {
        let lot = visitor.map(|visitor| visitor.lot(self.split.salt));
        let place = lot.map_or(Place::Between, |lot| lot.place(&self.split));
        let (side, stack) = match place {
            Place::Candidate => (Side::Candidate, &self.candidate),
            // Who cannot be known again gets what everybody has; it is told on the one side that there is.
            Place::Between if Arc::ptr_eq(&self.candidate, default) => (Side::Candidate, default),
            Place::Control | Place::Between => (Side::Stable, default),
        };
        let era = (place != Place::Between).then_some(self.era);
        let guest = lot.map(|lot| Guest { mark: lot.mark, side, kind: kind::of(headers) });
        let witness = Witness::new(self, side, guest, era);
        Way { stack: Arc::clone(stack), witness: Some(witness) }
    }
}

/// Takes up the rollout of a new table: the trial that runs, if it is the same, or a new one. Reads the disk.
pub(crate) fn take_up(
    service: &Service,
    running: Option<&Arc<Trial>>,
    config: &RouterConfig,
    ports: &Ports,
) -> Result<Option<Arc<Trial>>, Unusable> {
    let Some(split) = &service.rollout else { return Ok(None) };
    let arms = Sides { candidate: split.candidate.arm.clone(), stable: service.default.arm.clone() };
    let subject = Subject { salt: split.salt, arms };
    match running.filter(|trial| trial.subject == subject) {
        Some(trial) => Ok(Some(Arc::clone(trial))),
        None => {
            let trial = Trial::open(&config.state_dir, subject, terms(split, &config.waits), ports)?;
            Ok(Some(Arc::new(trial)))
        }
    }
}

/// Lets a rollout hold; cuts the running cohort if it is another one than before.
pub(crate) fn hold(trial: &Arc<Trial>, split: &Split, waits: &Waits, candidate: Arc<Stack>) -> Arc<Rollout> {
    let era = trial.change(terms(split, waits));
    let slow = Duration::from_millis(split.slow_ms);
    Arc::new(Rollout { trial: Arc::clone(trial), split: split.clone(), slow, era, candidate })
}

/// The grace is the longest that a request may take, by which all are told. Where periods are shorter than that, it is
/// one period (or as long as a slow answer may take): a verdict need not wait longer than visitors are watched, and what
/// is still open then failed on both sides alike.
fn terms(split: &Split, waits: &Waits) -> Terms {
    let [period, block, slow] = [split.period_ms, split.block_ms, split.slow_ms].map(Duration::from_millis);
    let grace = (waits.connect + waits.response).min(period.max(slow));
    Terms { weight: split.weight, control: split.control, period, block, slow, grace }
}
