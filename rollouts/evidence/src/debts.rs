//! Who did not report? An assignment opens a debt; unpaid by its deadline it counts as unhealth 1, in both arms.
//!
//! Clients that crash do not report, so a judge who reads only what arrives sees a healthy canary. And who
//! reports early is not like the rest: a debt is settled when it is **due**, never when it is paid, so that
//! quick reporters are not looked at first. Each visitor owes once in a rollout, whatever becomes of their arm.
//!
//! **Silence.** When the reports' way to us is cut, everybody's debt goes unpaid: that is an alarm, not evidence.
//! It may not be told from the values that are being judged, since leaving out unwelcome blocks would spoil
//! the test. So each eighth debt of stable is a *witness*: it is never judged, and only says whether
//! reports come at all. A cohort none of whose witnesses (three at least) reported is frozen: no evidence either way.
//! Given what befell both arms, witnesses are independent of those judged, so the test stays exact; and where no
//! witness was due, a block in which all are silent still cannot raise the evidence, since all its values are equal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::block::Arm;
use crate::sample::Sample;
use crate::unhealth::Unhealth;

/// Of so many debts of stable, one is a witness.
const ONE_WITNESS_IN: u64 = 8;
/// Fewer silent witnesses than this prove nothing.
const FEWEST_WITNESSES: u64 = 3;

/// What visitors of a rollout owe, by an opaque key of theirs. Times are the caller's, in any one unit.
///
/// INVARIANT: a visitor is either in `open` or in `settled`, so nobody is judged twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Debts<K: Ord> {
    open: BTreeMap<K, Debt>,
    /// Judged, or heard as a witness.
    settled: BTreeSet<K>,
    stable_opened: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Debt {
    duty: Duty,
    due: u64,
    paid: Option<Unhealth>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Duty {
    Judged(Arm),
    Witness,
}

/// Visitors whose debts came due together: what becomes one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// Canary outcomes, unpaid debts among them as failures.
    pub canary: Sample,
    /// Stable outcomes likewise.
    pub stable: Sample,
    /// How many of the canary's debts were unpaid.
    pub canary_unpaid: u64,
    /// How many of stable's debts were unpaid.
    pub stable_unpaid: u64,
}

/// What came due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Reports come: judge these.
    Heard(Cohort),
    /// No witness reported: the way of the reports is cut. Hold, raise an alarm, leave the evidence as it is.
    Silent(Cohort),
}

impl<K: Ord> Debts<K> {
    /// Nobody owes anything.
    pub fn new() -> Self {
        Self { open: BTreeMap::new(), settled: BTreeSet::new(), stable_opened: 0 }
    }

    /// Notes that a visitor was given a build and owes a report by `due`. A visitor already known owes no second one.
    pub fn open(&mut self, visitor: K, arm: Arm, due: u64) {
        if self.open.contains_key(&visitor) || self.settled.contains(&visitor) {
            return;
        }
        let duty = self.duty(arm);
        self.open.insert(visitor, Debt { duty, due, paid: None });
    }

    fn duty(&mut self, arm: Arm) -> Duty {
        self.stable_opened += u64::from(arm == Arm::Stable);
        let witness = arm == Arm::Stable && self.stable_opened.is_multiple_of(ONE_WITNESS_IN);
        if witness { Duty::Witness } else { Duty::Judged(arm) }
    }

    /// Takes in a visitor's report of their first period. The first one counts; late and unasked ones do not.
    pub fn pay(&mut self, visitor: &K, outcome: Unhealth) {
        if let Some(debt) = self.open.get_mut(visitor) {
            debt.paid.get_or_insert(outcome);
        }
    }

    /// Settles every debt that is due at `now`; none when nothing is.
    pub fn settle(&mut self, now: u64) -> Option<Settled> {
        let (mut cohort, mut witnesses) = (Cohort::EMPTY, Witnesses::default());
        let before = self.settled.len();
        for (visitor, debt) in self.open.extract_if(.., |_, debt| debt.due <= now) {
            match debt.duty {
                Duty::Judged(arm) => cohort.count(arm, debt.paid),
                Duty::Witness => witnesses.hear(debt.paid),
            }
            self.settled.insert(visitor);
        }
        let settled = if witnesses.silent() { Settled::Silent(cohort) } else { Settled::Heard(cohort) };
        (self.settled.len() > before).then_some(settled)
    }

    /// How many debts are open.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }
}

impl<K: Ord> Default for Debts<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl Cohort {
    const EMPTY: Self =
        Self { canary: Sample::EMPTY, stable: Sample::EMPTY, canary_unpaid: 0, stable_unpaid: 0 };

    fn count(&mut self, arm: Arm, paid: Option<Unhealth>) {
        let (sample, unpaid) = match arm {
            Arm::Canary => (&mut self.canary, &mut self.canary_unpaid),
            Arm::Stable => (&mut self.stable, &mut self.stable_unpaid),
        };
        sample.add(paid.unwrap_or(Unhealth::FAILED), 1);
        *unpaid += u64::from(paid.is_none());
    }
}

#[derive(Default)]
struct Witnesses {
    due: u64,
    heard: u64,
}

impl Witnesses {
    fn hear(&mut self, paid: Option<Unhealth>) {
        self.due += 1;
        self.heard += u64::from(paid.is_some());
    }

    fn silent(&self) -> bool {
        self.heard == 0 && self.due >= FEWEST_WITNESSES
    }
}
