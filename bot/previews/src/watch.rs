//! What is new among the changes of a repository, compared with what the record knows.
//!
//! A change that is not there any more is noted as gone; nothing that runs is stopped because of it, and an error while
//! looking is never taken for an empty list.

use folkops_model::{ChangeNumber, ChangeRef, ComponentName, ObservedChange};
use folkops_record::Facts;

use crate::folds::Changes;

/// What is new.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Changes seen for the first time, or at another commit.
    pub observed: Vec<ObservedChange>,
    /// Changes that are not open any more.
    pub gone: Vec<ChangeNumber>,
}

/// Compares what was seen with what is known.
pub fn news(facts: &Facts<'_>, component: &ComponentName, seen: Vec<ObservedChange>) -> News {
    let Some(changes) = facts.fold::<Changes>() else { return News::default() };
    let here = changes.open.iter().filter(|(change, _)| change.component == *component);
    let gone = here.filter(|(change, _)| !seen.iter().any(|other| other.number == change.number));
    let gone = gone.map(|(change, _)| change.number).collect();
    let is_news = |observed: &ObservedChange| {
        let key = ChangeRef { component: component.clone(), number: observed.number };
        changes.open.get(&key).is_none_or(|row| {
            row.head != observed.head || row.base != observed.base || row.target != observed.target
        })
    };
    News { observed: seen.into_iter().filter(is_news).collect(), gone }
}
