//! A composition: a frozen base release plus changes, named by the hash of its content.
//!
//! The same changes at the same commits on the same release are the same composition, whoever asks and however often.

use std::collections::BTreeMap;

use folkops_model::{ChangeRef, ComponentName, CompositionId, Part, Release, ReleaseNumber, Sha};
use sha2::{Digest as _, Sha256};

/// A frozen base and changes on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composition {
    /// Its name: SHA-256 over its parts.
    pub id: CompositionId,
    /// The release it is frozen on.
    pub base: ReleaseNumber,
    /// Every component, in order of name.
    pub parts: Vec<Part>,
}

/// Changes that cannot stand together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// Both change the same component; one stack runs one build of it.
    #[error("{0} and {1} change the same component")]
    SameComponent(ChangeRef, ChangeRef),
    /// The release has no such component.
    #[error("production has no component `{0}`")]
    NoComponent(ComponentName),
}

impl Composition {
    /// Composes changes onto a release.
    pub fn of(base: &Release, changes: &[(ChangeRef, Sha)]) -> Result<Self, Impossible> {
        let mut by_component: BTreeMap<&ComponentName, &(ChangeRef, Sha)> = BTreeMap::new();
        for pinned in changes {
            if !base.components.contains_key(&pinned.0.component) {
                return Err(Impossible::NoComponent(pinned.0.component.clone()));
            }
            if let Some(other) = by_component.insert(&pinned.0.component, pinned) {
                return Err(Impossible::SameComponent(other.0.clone(), pinned.0.clone()));
            }
        }
        let part = |(component, released): (&ComponentName, &folkops_model::ReleasedComponent)| Part {
            component: component.clone(),
            onto: released.commit.clone(),
            change: by_component.get(component).map(|pinned| (*pinned).clone()),
            landed: None,
        };
        let parts: Vec<Part> = base.components.iter().map(part).collect();
        Ok(Self { id: id(base.number, &parts), base: base.number, parts })
    }

    /// The changes in it, pinned.
    pub fn changes(&self) -> impl Iterator<Item = &(ChangeRef, Sha)> {
        self.parts.iter().filter_map(|part| part.change.as_ref())
    }
}

#[expect(clippy::expect_used, reason = "64 lower-case hex characters are a composition id by construction")]
fn id(base: ReleaseNumber, parts: &[Part]) -> CompositionId {
    let mut hash = Sha256::new();
    hash.update(format!("composition 1\nbase {base}\n"));
    for part in parts {
        hash.update(format!("{} {}", part.component, part.onto));
        if let Some((change, sha)) = &part.change {
            hash.update(format!(" {change} {sha}"));
        }
        hash.update("\n");
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    CompositionId::parse(&hex).expect("a SHA-256 in hex is a composition id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkops_model::{ChangeNumber, Digest, ReleasedComponent, TreeId};

    fn release() -> Release {
        let component = |letter: &str| ReleasedComponent {
            commit: Sha::parse(&letter.repeat(40)).unwrap(),
            tree: TreeId::parse(&letter.repeat(40)).unwrap(),
            digest: Digest::parse(&format!("sha256:{}", letter.repeat(64))).unwrap(),
        };
        let name = |text| ComponentName::parse(text).unwrap();
        let components = BTreeMap::from([(name("web"), component("a")), (name("api"), component("b"))]);
        Release { number: ReleaseNumber(218), components, changes: Vec::new() }
    }

    fn change(component: &str, number: u32, letter: &str) -> (ChangeRef, Sha) {
        let component = ComponentName::parse(component).unwrap();
        (ChangeRef { component, number: ChangeNumber(number) }, Sha::parse(&letter.repeat(40)).unwrap())
    }

    #[test]
    fn the_same_changes_in_any_order_are_the_same_composition() {
        let (web, api) = (change("web", 41, "c"), change("api", 43, "d"));
        let one = Composition::of(&release(), &[web.clone(), api.clone()]).unwrap();
        let two = Composition::of(&release(), &[api, web]).unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn another_commit_of_the_same_change_is_another_composition() {
        let one = Composition::of(&release(), &[change("web", 41, "c")]).unwrap();
        let two = Composition::of(&release(), &[change("web", 41, "d")]).unwrap();
        assert_ne!(one.id, two.id);
    }

    #[test]
    fn two_changes_of_one_component_cannot_stand_together() {
        let refused =
            Composition::of(&release(), &[change("web", 41, "c"), change("web", 57, "d")]).unwrap_err();
        assert_eq!(refused.to_string(), "web#41 and web#57 change the same component");
    }
}
