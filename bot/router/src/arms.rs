//! The counters of every arm since the router started, found by name.
//!
//! Looked at when a table is swapped in and when the bot asks, never on the way of a request. Arms that left the
//! table are kept for the bot to read their last numbers, but not without end.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use folkops_model::{Ended, Endpoint};

use crate::endpoints::Claims;
use crate::outcomes::{Counters, LATENCY_BOUNDS_MS, Outcomes};
use crate::table::Arm;

/// So many arms that left the table are remembered.
const REMEMBERED: usize = 256;

#[derive(Default)]
pub(crate) struct Arms(Mutex<Known>);

#[derive(Default)]
struct Known {
    counters: HashMap<Arm, Arc<Counters>>,
    left: VecDeque<Arm>,
}

impl Arms {
    /// The counters of one arm; they stay the same while the router runs.
    pub(crate) fn of(&self, arm: &Arm, claims: Claims) -> Arc<Counters> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.counters.entry(arm.clone()).or_insert_with(|| Arc::new(Counters::new(claims))))
    }

    /// Notes which arms a new table names, and forgets those that left it long ago.
    pub(crate) fn keep(&self, named: &HashSet<&Arm>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { counters, left } = &mut *known;
        left.retain(|arm| !named.contains(arm));
        let gone = counters.keys().filter(|arm| !named.contains(arm) && !left.contains(arm)).cloned();
        left.extend(gone.collect::<Vec<_>>());
        let surplus = left.len().saturating_sub(REMEMBERED);
        for arm in left.drain(..surplus) {
            counters.remove(&arm);
        }
    }

    /// Takes what ended at each endpoint of each arm since the last time.
    pub(crate) fn take_endpoints(&self) -> BTreeMap<Arm, BTreeMap<Endpoint, Ended>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = known.counters.iter().map(|(arm, counters)| (arm.clone(), counters.take_endpoints()));
        taken.filter(|(_, endpoints)| !endpoints.is_empty()).collect()
    }

    pub(crate) fn report(&self, boot: &str) -> Outcomes {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let arms = known.counters.iter().map(|(arm, counters)| (arm.clone(), counters.report())).collect();
        Outcomes { boot: boot.to_owned(), latency_bounds_ms: LATENCY_BOUNDS_MS.to_vec(), arms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_keeps_its_counts_when_it_leaves_and_comes_back() {
        let arms = Arms::default();
        let one = Arm::parse("release-1").unwrap();
        drop(arms.of(&one, Claims::All).begin(None, std::time::Duration::ZERO));
        arms.keep(&HashSet::new());
        arms.keep(&HashSet::from([&one]));
        assert_eq!(arms.report("b").arms[&one].requests, 1);
    }

    #[test]
    fn arms_that_left_are_forgotten_oldest_first_and_not_before_there_are_many() {
        let arms = Arms::default();
        let name = |number: usize| Arm::parse(&format!("release-{number}")).unwrap();
        for number in 0..300 {
            arms.of(&name(number), Claims::All);
            arms.keep(&HashSet::from([&name(number)]));
        }
        let known = arms.report("b").arms;
        assert_eq!(known.len(), REMEMBERED + 1);
        assert!(!known.contains_key(&name(0)) && known.contains_key(&name(299)));
    }
}
