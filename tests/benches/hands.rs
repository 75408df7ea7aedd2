//! Hands that do nothing and say that it is done, so that what is measured is ours: the pipeline and the record.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Due, Hands, Lookout, Unavailable};
use folkops_model::{ComponentName, Digest, Effect, Outcome, Sha, TreeId};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The components of the service.
pub const COMPONENTS: [&str; 2] = ["web", "recipes-api"];

/// Says that every effect has happened.
pub struct IdleHands;

impl Hands for IdleHands {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        let outcome = outcome(due.effect());
        async move { Ok(outcome) }.boxed()
    }
}

impl Lookout for IdleHands {
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async { Ok(()) }.boxed()
    }
}

fn outcome(effect: &Effect) -> Outcome {
    match effect.clone() {
        Effect::Resolve => {
            let head = |name: &str| (component(name), (sha(name), tree(name)));
            Outcome::Resolved { heads: COMPONENTS.map(head).into() }
        }
        Effect::Compose { parts } => {
            let merged = |part: &folkops_model::Part| (part.component.clone(), tree(part.component.as_str()));
            let trees = parts.iter().map(merged).collect::<BTreeMap<_, _>>();
            Outcome::Composed { trees, gone: BTreeSet::new() }
        }
        Effect::Build { component, tree, .. } => {
            let digest = Digest::parse(&format!("sha256:{}", hex(tree.as_str(), 64))).expect("a digest");
            Outcome::Built { component, digest }
        }
        Effect::Run { .. } => Outcome::Running,
        Effect::Route => Outcome::Routed,
        Effect::Settle { .. } => Outcome::Settled,
        Effect::Stop { .. } => Outcome::Stopped,
        Effect::Extend { .. } => Outcome::Extended,
        Effect::Merge { component, head, .. } => Outcome::Merged { component, commit: head },
        Effect::Revert { change, head, .. } => Outcome::Reverted { revert: change, commit: head },
        Effect::Withdraw { .. } => Outcome::Withdrawn,
    }
}

/// A component by name.
pub fn component(name: &str) -> ComponentName {
    ComponentName::parse(name).expect("a component's name")
}

/// The commit that a word stands for.
pub fn sha(word: &str) -> Sha {
    Sha::parse(&hex(word, 40)).expect("40 hex digits")
}

/// The tree that a word stands for.
pub fn tree(word: &str) -> TreeId {
    TreeId::parse(&hex(word, 40)).expect("40 hex digits")
}

/// A word's bytes as hex, again and again.
fn hex(word: &str, length: usize) -> String {
    let digits = word.bytes().cycle().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.take(length).map(|digit| char::from_digit(u32::from(digit), 16).expect("a hex digit")).collect()
}
