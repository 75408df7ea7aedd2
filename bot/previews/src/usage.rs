//! From what the edge counted for stacks to what is recorded of changes: whose mixes they were is left out here.
//!
//! What is kept in memory alone, so that no record tells who used what, is who used an endpoint of a change since this
//! process began. After a start that is nobody, so that the number of people at an endpoint is never told too high.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{Ended, Endpoint, PersonId, StackName, Tried, Usage, Used};
use folkops_record::Facts;

use crate::folds::{Candidate, MixStack, Usages};
use crate::ports::UsageBlock;
use crate::reconcile::is_release;
use crate::{Mixes, Raised};

/// What one look at the mixes shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trying {
    /// The changes that serve somebody, at their commits.
    pub candidates: BTreeSet<Candidate>,
    /// The stacks that serve them.
    pub stacks: BTreeSet<StackName>,
    /// How many requests are recorded of them.
    pub recorded: u64,
}

impl Trying {
    /// Who tries what now.
    pub fn now(facts: &Facts<'_>) -> Self {
        let Some((mixes, usages)) = facts.fold::<Mixes>().zip(facts.fold::<Usages>()) else {
            return Self::default();
        };
        let serving: Vec<&Raised> =
            facts.rows(&mixes.mixes).filter_map(|(_, mix)| mix.serving.as_ref()).collect();
        let changes =
            serving.iter().flat_map(|raised| raised.parts.iter().filter_map(|part| part.change.clone()));
        let candidates: BTreeSet<_> = changes.map(|(change, sha)| Candidate { change, sha }).collect();
        let recorded = candidates.iter().filter_map(|key| facts.row(&usages.rows, key));
        Self {
            recorded: recorded.map(crate::UsageRow::requests).sum(),
            stacks: serving.iter().map(|raised| raised.stack.clone()).collect(),
            candidates,
        }
    }

    /// Whether so many requests more are worth a record: a twentieth of what is known, and one at the least.
    pub fn is_moved_by(&self, more: u64) -> bool {
        more >= (self.recorded / 20).max(1)
    }
}

/// Makes records of blocks.
#[derive(Debug, Default)]
pub struct Observer {
    used: BTreeMap<(Candidate, Endpoint), BTreeSet<PersonId>>,
}

impl Observer {
    /// What a block says of changes, where it says anything; `trying` are those that served somebody all the while.
    pub fn observe(&mut self, facts: &Facts<'_>, trying: &Trying, block: &UsageBlock) -> Option<Usage> {
        let usages = facts.fold::<Usages>()?;
        let mut tried: BTreeMap<Candidate, Tried> =
            trying.candidates.iter().map(|key| (key.clone(), nothing_yet(key))).collect();
        let mut production = BTreeMap::new();
        for (stack, endpoints) in &block.stacks {
            if is_release(stack) {
                endpoints.iter().for_each(|(endpoint, ended)| add(&mut production, endpoint, ended));
            }
            let Some(mix) = facts.row(&usages.stacks, stack) else { continue };
            for (change, sha) in &mix.changes {
                let key = Candidate { change: change.clone(), sha: sha.clone() };
                let known = usages.of(facts, change, sha).is_some_and(|row| row.people.contains(&mix.person));
                let row = tried.entry(key.clone()).or_insert_with(|| nothing_yet(&key));
                row.newcomers.extend(Some(&mix.person).filter(|_| !known).cloned());
                self.used(&key, mix, endpoints, row);
            }
        }
        self.used.retain(|(key, _), _| tried.contains_key(key));
        let moved = !production.is_empty() || tried.values().any(|row| !row.endpoints.is_empty());
        let usage = Usage {
            epoch: block.epoch.clone(),
            next: block.index + 1,
            tried: tried.into_values().collect(),
            production,
        };
        (moved && !usage.tried.is_empty()).then_some(usage)
    }

    fn used(
        &mut self,
        key: &Candidate,
        mix: &MixStack,
        endpoints: &BTreeMap<Endpoint, Ended>,
        row: &mut Tried,
    ) {
        for (endpoint, ended) in endpoints {
            let people = self.used.entry((key.clone(), endpoint.clone())).or_default();
            people.insert(mix.person.clone());
            let used = row.endpoints.entry(endpoint.clone()).or_default();
            used.people = u64::try_from(people.len()).unwrap_or(u64::MAX);
            used.ended.add(ended);
        }
    }
}

fn nothing_yet(key: &Candidate) -> Tried {
    Tried {
        change: key.change.clone(),
        sha: key.sha.clone(),
        newcomers: BTreeSet::new(),
        endpoints: BTreeMap::<Endpoint, Used>::new(),
    }
}

fn add(sums: &mut BTreeMap<Endpoint, Ended>, endpoint: &Endpoint, ended: &Ended) {
    sums.entry(endpoint.clone()).or_default().add(ended);
}
