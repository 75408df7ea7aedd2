//! Who is known here, with names opened for showing.
//!
//! A name whose key was erased stays closed for ever; that person is "somebody" everywhere, also in old cards.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Facts, Keyring, People, Scope, Standing};
use folkops_model::{Class, Group, PersonId, Principal, Sealed};
use sha2::{Digest as _, Sha256};

/// How many colours there are for avatars.
const HUES: u8 = 6;

/// Everybody who is known.
#[derive(Debug, Default)]
pub(crate) struct Faces(BTreeMap<PersonId, Known>);

#[derive(Debug)]
struct Known {
    sealed: Sealed,
    name: Option<String>,
    groups: BTreeSet<Group>,
}

/// One person as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// The name, or "somebody".
    pub(crate) name: String,
    /// The colour of the avatar, 1 to 6: the same for the same person always.
    pub(crate) hue: u8,
    /// What they are here, in one word or two.
    pub(crate) standing: &'static str,
}

impl Face {
    /// The first letter of the name.
    pub(crate) fn initial(&self) -> String {
        self.name.chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
    }
}

impl Faces {
    pub(crate) fn read(facts: &Facts<'_>) -> Self {
        let people = facts.fold::<People>().map(|people| people.people.iter());
        let known = |(id, person): (&PersonId, &folkops_engine::Person)| {
            let groups = Standing::lately(facts, &Principal::Person(id.clone()), Scope::whole(Class::Read));
            (id.clone(), Known { sealed: person.name.clone(), name: None, groups })
        };
        Self(people.into_iter().flatten().map(known).collect())
    }

    pub(crate) fn open(&mut self, keyring: &dyn Keyring) {
        for known in self.0.values_mut() {
            known.name = keyring.open(&known.sealed).filter(|name| !name.is_empty());
        }
    }

    /// Everybody, in order of their ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PersonId> {
        self.0.keys()
    }

    /// One person as shown.
    pub(crate) fn of(&self, id: &PersonId) -> Face {
        let known = self.0.get(id);
        Face {
            name: known.and_then(|known| known.name.clone()).unwrap_or_else(|| "somebody".to_owned()),
            hue: hue(id),
            standing: known.map_or("", |known| standing(&known.groups)),
        }
    }
}

fn hue(id: &PersonId) -> u8 {
    let hash = Sha256::digest(id.as_str().as_bytes());
    // Any byte would do; with this one the five people of the demo differ.
    hash.get(9).map_or(1, |byte| byte % HUES + 1)
}

/// The group that says most about somebody.
pub(crate) fn standing(groups: &BTreeSet<Group>) -> &'static str {
    let words = [
        (Group::OnCall, "on call"),
        (Group::Maintainer, "maintainer"),
        (Group::Operator, "operator"),
        (Group::Contributor, "contributor"),
        (Group::User, "user"),
    ];
    words.into_iter().find(|(group, _)| groups.contains(group)).map_or("stranger", |(_, word)| word)
}
