//! Which of somebody's groups count for one action: those given here, and those that sources of rights said.
//!
//! Sources speak of components, so what they say of one never counts for another. What they said counts for a minute.
//! After that it counts no longer, but for what makes things safer: that rests on what was said within a day, so that an
//! outage of a forge does not stand in the way of a rollback, and then the action tells so.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{Action, Class, ComponentName, Group, OldRights, Principal, Resource, SurfaceName};
use folkops_record::Facts;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::folds::People;
use crate::ports::Rights;

/// How long what a source said counts.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// After how long it is asked again. Sooner than `FRESH`, so that no answer gets too old on the way to a decision.
pub const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(50);

/// How long it counts for what makes things safer, while the source does not answer.
pub const SAFETY: SignedDuration = SignedDuration::from_hours(24);

/// What a source said of somebody last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When, UTC.
    pub at: Timestamp,
    /// The groups in each component that it governs.
    pub rights: Rights,
}

impl Said {
    /// Whether it was said within this time. A time to come is not trusted either: the clock was set back since.
    pub fn is_within(&self, now: Timestamp, age: SignedDuration) -> bool {
        now.duration_since(self.at).abs() <= age
    }
}

/// What an action is about, as far as rights go.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Its class.
    pub class: Class,
    /// About what.
    pub resource: &'a Resource,
    /// Which components it touches beside the resource's own.
    pub also: &'a BTreeSet<ComponentName>,
}

impl<'a> Scope<'a> {
    /// Of an action.
    pub fn of(action: &'a Action) -> Self {
        Self { class: action.class, resource: &action.resource, also: &action.also }
    }

    /// The service as a whole, as a question of this class.
    pub fn whole(class: Class) -> Self {
        static NONE: BTreeSet<ComponentName> = BTreeSet::new();
        Scope { class, resource: &Resource::Service, also: &NONE }
    }

    fn components(&self) -> impl Iterator<Item = &ComponentName> {
        let own = match self.resource {
            Resource::Component(name) => Some(name),
            Resource::Change(change) => Some(&change.component),
            Resource::Service | Resource::Preview(_) | Resource::Workload(_) => None,
        };
        own.into_iter().chain(self.also)
    }

    /// The groups that count, of those held in each component: held in all that are touched, or in all there are when
    /// the service is meant as a whole. One component is enough to make the whole safer.
    fn counted(&self, rights: &Rights) -> BTreeSet<Group> {
        let nothing = BTreeSet::new();
        let mut touched = self.components().map(|name| rights.get(name).unwrap_or(&nothing)).peekable();
        match (touched.peek().is_some(), self.class) {
            (true, _) => in_all(touched),
            (false, Class::Safety) => rights.values().flatten().copied().collect(),
            (false, _) => in_all(rights.values()),
        }
    }
}

/// The groups of somebody that count for one action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The groups.
    pub groups: BTreeSet<Group>,
    /// What they rest on, where it is older than it may be for anything but safety.
    pub as_of: Option<OldRights>,
}

impl Standing {
    /// In which groups a principal stands for an action. Somebody in none is a stranger.
    pub fn of(facts: &Facts<'_>, principal: &Principal, scope: Scope<'_>) -> Self {
        let Some((known, said)) = known(facts, principal) else { return Self::default() };
        let now = with(&known, scope, &within(&said, facts.now(), FRESH));
        if scope.class != Class::Safety {
            return Self { groups: or_stranger(now), as_of: None };
        }
        let lately = with(&known, scope, &within(&said, facts.now(), SAFETY));
        let rests = said
            .iter()
            .filter(|(_, said)| said.is_within(facts.now(), SAFETY) && !said.is_within(facts.now(), FRESH));
        let oldest = rests.min_by_key(|(_, said)| said.at).filter(|_| lately != now);
        let as_of = oldest.map(|(source, said)| OldRights { source: source.clone(), at: said.at });
        Self { groups: or_stranger(lately), as_of }
    }

    /// In which groups somebody stood within a day: who could probably do it, if they asked now.
    pub fn lately(facts: &Facts<'_>, principal: &Principal, scope: Scope<'_>) -> BTreeSet<Group> {
        let Some((known, said)) = known(facts, principal) else { return BTreeSet::new() };
        or_stranger(with(&known, scope, &within(&said, facts.now(), SAFETY)))
    }
}

/// The groups given here and what sources said last, of a person.
fn known(facts: &Facts<'_>, principal: &Principal) -> Option<(BTreeSet<Group>, BTreeMap<SurfaceName, Said>)> {
    let (person, people) = principal.person().zip(facts.fold::<People>())?;
    let person = people.now(facts, person);
    let row = facts.row(&people.people, person);
    let given = row.map(|row| row.groups.clone()).unwrap_or_default();
    let mut said = facts.row(&people.rights, person).cloned().unwrap_or_default();
    said.retain(|source, _| row.is_some_and(|row| row.accounts.iter().any(|a| a.surface == *source)));
    Some((given, said))
}

/// What the sources said within this time, together.
fn within(said: &BTreeMap<SurfaceName, Said>, now: Timestamp, age: SignedDuration) -> Rights {
    let mut rights = Rights::new();
    for said in said.values().filter(|said| said.is_within(now, age)) {
        for (component, groups) in &said.rights {
            rights.entry(component.clone()).or_default().extend(groups);
        }
    }
    rights
}

fn with(given: &BTreeSet<Group>, scope: Scope<'_>, rights: &Rights) -> BTreeSet<Group> {
    given.union(&scope.counted(rights)).copied().collect()
}

// INVARIANT: what is held in all of no components is nothing, not everything.
fn in_all<'a>(mut sets: impl Iterator<Item = &'a BTreeSet<Group>>) -> BTreeSet<Group> {
    let first = sets.next().cloned().unwrap_or_default();
    sets.fold(first, |held, set| held.intersection(set).copied().collect())
}

fn or_stranger(groups: BTreeSet<Group>) -> BTreeSet<Group> {
    if groups.is_empty() { BTreeSet::from([Group::Stranger]) } else { groups }
}
