//! Releases: what production runs, what it ran before, what was taken back, and whether it is frozen.

use folkops_model::{
    BasisPoints, ChangeRef, Intent, OperationId, PersonId, Principal, Release, ReleaseNumber, Rollout,
    RolloutEnd, Rung, Sealed, Sha, Topic,
};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::landings::Promoting;
use super::taken_back::{Moot, TakenBack};

/// So much stays to be told; what is oldest is not told any more.
const UNTOLD: usize = 1_000;

/// What production should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Production {
    /// Now.
    pub release: ReleaseNumber,
    /// Since when, UTC.
    pub since: Timestamp,
    /// By whom; nobody, when it came about by itself.
    pub by: Option<PersonId>,
    /// What ran before, newest last, without what was taken back.
    pub before: Vec<ReleaseNumber>,
}

/// Nothing is promoted; rollback stays possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// By whom.
    pub by: Option<PersonId>,
    /// Why, in their words.
    pub reason: Option<Sealed>,
    /// Since when, UTC.
    pub since: Timestamp,
    /// Until when, UTC; without it, until lifted.
    pub until: Option<Timestamp>,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Releases {
    /// All releases.
    pub releases: Table<ReleaseNumber, Release>,
    /// One row, `now`.
    pub production: Table<String, Production>,
    /// Changes on the default branch that a rollback took back.
    pub taken_back: Table<ChangeRef, TakenBack>,
    /// Changes that take the lines of another one back out of the default branch, with that one and the commit that does,
    /// until they are merged.
    pub reverts: Table<ChangeRef, (ChangeRef, Sha)>,
    /// Changes that take back what may stay after all, since it was pardoned or is live again.
    pub moot: Table<ChangeRef, Moot>,
    /// Promotions that are not over, with the commits they were judged for.
    pub promoting: Table<OperationId, Promoting>,
    /// One row, `now`, while a freeze is in force.
    pub freeze: Table<String, Freeze>,
    /// One row, `now`, while a release is tried with some visitors.
    pub trial: Table<String, Trial>,
    /// One row, `now`, while everybody goes back and some are not back yet.
    pub leaving: Table<String, Leaving>,
    /// One row, `now`, while a release that everybody has is watched on.
    pub soak: Table<String, Rollout>,
    /// One row, `now`: releases in a row that were taken back by the numbers.
    pub bad: Table<String, u32>,
    /// What became of changes last, until it was told where they stand.
    pub untold: Table<ChangeRef, Course>,
}

/// What became of a change in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// What.
    pub became: Became,
    /// In which release, or back to which.
    pub release: ReleaseNumber,
    /// By which operation.
    pub operation: Option<OperationId>,
    /// When, UTC.
    pub at: Timestamp,
    /// The record by which.
    pub since: u64,
}

/// What can become of a change in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// Everybody has it.
    Live,
    /// Nobody has it any more.
    TakenBack,
}

/// A release that some visitors get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// How it is rolled out.
    pub rollout: Rollout,
    /// Which of its steps it stands on.
    pub rung: u32,
}

/// A release that is left, and who still gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Which.
    pub release: ReleaseNumber,
    /// The share that still gets it.
    pub share: BasisPoints,
    /// Decides who.
    pub salt: String,
}

impl Trial {
    /// The step it stands on.
    pub fn step(&self) -> Option<&Rung> {
        self.rollout.rungs.get(usize::try_from(self.rung).ok()?)
    }
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            releases: Table::new("releases"),
            production: Table::new("production"),
            taken_back: Table::new("taken-back"),
            reverts: Table::new("reverts"),
            moot: Table::new("moot-reverts"),
            promoting: Table::new("promoting"),
            freeze: Table::new("freeze"),
            trial: Table::new("trial"),
            leaving: Table::new("leaving"),
            soak: Table::new("soak"),
            bad: Table::new("bad-releases"),
            untold: Table::new("courses-untold"),
        }
    }
}

impl Releases {
    /// What production should run.
    pub fn current(&self, facts: &Facts<'_>) -> Option<(&Production, &Release)> {
        let production = facts.row(&self.production, &"now".to_owned())?;
        Some((production, facts.row(&self.releases, &production.release)?))
    }

    /// The freeze in force.
    pub fn frozen(&self, facts: &Facts<'_>) -> Option<&Freeze> {
        facts
            .row(&self.freeze, &"now".to_owned())
            .filter(|freeze| freeze.until.is_none_or(|until| until > facts.now()))
    }

    /// The release that some visitors get.
    pub fn trial(&self, facts: &Facts<'_>) -> Option<&Trial> {
        facts.row(&self.trial, &"now".to_owned())
    }

    /// The release that is left, while some still get it.
    pub fn leaving(&self, facts: &Facts<'_>) -> Option<&Leaving> {
        facts.row(&self.leaving, &"now".to_owned())
    }

    /// The rollout whose release everybody has, and which is watched on.
    pub fn soak(&self, facts: &Facts<'_>) -> Option<&Rollout> {
        facts.row(&self.soak, &"now".to_owned())
    }

    /// How many releases in a row the numbers took back.
    pub fn bad(&self, facts: &Facts<'_>) -> u32 {
        facts.row(&self.bad, &"now".to_owned()).copied().unwrap_or_default()
    }

    /// The number that the next release gets.
    pub fn next(&self, facts: &Facts<'_>) -> ReleaseNumber {
        ReleaseNumber(facts.rows(&self.releases).next_back().map_or(1, |(number, _)| number.0 + 1))
    }

    fn set(&mut self, record: &Record, release: ReleaseNumber, by: &Principal, taken_back: &[ChangeRef]) {
        let at = record.sequence;
        let now = self.production.get(&"now".to_owned()).cloned();
        let mut before = now.as_ref().map(|production| production.before.clone()).unwrap_or_default();
        let earlier = before.iter().position(|earlier| *earlier == release);
        match earlier {
            Some(place) => before.truncate(place),
            None => before.extend(now.filter(|now| now.release != release).map(|now| now.release)),
        }
        self.take_back(record, release, taken_back);
        let brought = self.releases.get(&release).map(|release| release.changes.clone()).unwrap_or_default();
        for (change, _) in brought {
            let again = self.free(record, &change);
            // Who had it all along hears nothing new when what came after it goes.
            if again || earlier.is_none() {
                self.became(record, change, (Became::Live, release));
            }
        }
        let row = Production { release, since: record.time, by: by.person().cloned(), before };
        self.production.put(at, "now".to_owned(), row);
        self.leaving.remove(at, &"now".to_owned());
    }

    fn lead_back(&mut self, record: &Record, leaving: Leaving, by: &Principal) {
        let (at, now) = (record.sequence, "now".to_owned());
        match leaving.share {
            BasisPoints::NONE => {
                self.leaving.remove(at, &now);
            }
            BasisPoints::ALL => self.stay(record, leaving.release, by),
            _ => self.leaving.put(at, now, leaving),
        }
    }

    /// The release that was to be left stays, with all that was to be taken back with it.
    fn stay(&mut self, record: &Record, release: ReleaseNumber, by: &Principal) {
        let Some(to) = self.production.get(&"now".to_owned()).map(|production| production.release) else {
            return;
        };
        let left = self.releases.iter().filter(|(number, _)| **number > to && **number <= release);
        let brought: Vec<_> = left.flat_map(|(_, release)| release.changes.clone()).collect();
        for (change, _) in brought {
            if self.taken_back.get(&change).is_some_and(|back| back.release == to) {
                self.free(record, &change);
            }
        }
        self.set(record, release, by, &[]);
    }
}

impl Releases {
    pub(super) fn became(
        &mut self,
        record: &Record,
        change: ChangeRef,
        (became, release): (Became, ReleaseNumber),
    ) {
        let (at, since) = (record.time, record.sequence);
        let course = Course { became, release, operation: record.operation.clone(), at, since };
        self.untold.put(since, change, course);
        if self.untold.len() > UNTOLD {
            let oldest =
                self.untold.iter().min_by_key(|(_, course)| course.at).map(|(change, _)| change.clone());
            oldest.into_iter().for_each(|change| drop(self.untold.remove(since, &change)));
        }
    }

    fn soak_trial(&mut self, at: u64, release: ReleaseNumber) {
        let now = "now".to_owned();
        let trial = self.trial.get(&now).filter(|trial| trial.rollout.release == release);
        if let Some(rollout) = trial.map(|trial| trial.rollout.clone()) {
            self.trial.remove(at, &now);
            self.soak.put(at, now, rollout);
        }
    }

    fn end_trial(&mut self, record: &Record, release: ReleaseNumber, end: RolloutEnd, by: &Principal) {
        let (at, now) = (record.sequence, "now".to_owned());
        let mut rollouts =
            self.trial.get(&now).map(|trial| &trial.rollout).into_iter().chain(self.soak.get(&now));
        let Some(rollout) = rollouts.find(|rollout| rollout.release == release).cloned() else {
            return;
        };
        self.trial.remove(at, &now);
        self.soak.remove(at, &now);
        let bad = self.bad.get(&now).copied().unwrap_or_default();
        match end {
            RolloutEnd::Live => {
                self.bad.remove(at, &now);
            }
            RolloutEnd::RolledBack => {
                self.take_back(record, rollout.from, &rollout.changes);
                if *by == Principal::Automation {
                    self.bad.put(at, now, bad + 1);
                }
            }
            RolloutEnd::Superseded => {}
        }
    }
}

impl Fold for Releases {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        let intent = match (&record.body, &record.operation) {
            (Body::Intended(Intent::PinPromotion { changes, along }), Some(operation)) => {
                let row = Promoting { changes: changes.clone(), along: along.clone() };
                return self.promoting.put(at, operation.clone(), row);
            }
            (Body::OperationEnded { .. }, Some(operation)) => {
                self.promoting.remove(at, operation);
                return;
            }
            (Body::ChangeGone { component, number, .. }, _) => {
                self.moot.remove(at, &ChangeRef { component: component.clone(), number: *number });
                return;
            }
            (Body::Intended(intent), _) => intent,
            _ => return,
        };
        match intent {
            Intent::MakeRelease { release } => self.make(at, release),
            Intent::OpenRevert { change, revert, commit } => {
                self.reverts.put(at, revert.clone(), (change.clone(), commit.clone()));
            }
            Intent::WithdrawRevert { revert } => drop(self.moot.remove(at, revert)),
            Intent::SetProduction { release, by, taken_back } => self.set(record, *release, by, taken_back),
            Intent::LeadBack { left, share, salt, by } => {
                self.lead_back(record, Leaving { release: *left, share: *share, salt: salt.clone() }, by);
            }
            Intent::StartRollout { rollout } => {
                self.trial.put(at, "now".to_owned(), Trial { rollout: rollout.clone(), rung: 0 });
            }
            Intent::StepRollout { release, rung } => {
                self.trial.change(at, &"now".to_owned(), |trial| {
                    if trial.rollout.release == *release {
                        trial.rung = *rung;
                    }
                });
            }
            Intent::SoakRollout { release, .. } => self.soak_trial(at, *release),
            Intent::EndRollout { release, end, by } => self.end_trial(record, *release, *end, by),
            Intent::Tell { change, topic: Topic::Course } => drop(self.untold.remove(at, change)),
            Intent::Pardon { changes, .. } => self.pardon(record, changes),
            Intent::Freeze { until, reason, by } => {
                let row = Freeze {
                    by: by.person().cloned(),
                    reason: reason.clone(),
                    since: record.time,
                    until: *until,
                };
                self.freeze.put(at, "now".to_owned(), row);
            }
            Intent::Unfreeze => {
                self.freeze.remove(at, &"now".to_owned());
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.releases,
            &self.production,
            &self.taken_back,
            &self.reverts,
            &self.moot,
            &self.promoting,
            &self.freeze,
            &self.trial,
            &self.leaving,
            &self.soak,
            &self.bad,
            &self.untold,
        ]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.releases,
            &mut self.production,
            &mut self.taken_back,
            &mut self.reverts,
            &mut self.moot,
            &mut self.promoting,
            &mut self.freeze,
            &mut self.trial,
            &mut self.leaving,
            &mut self.soak,
            &mut self.bad,
            &mut self.untold,
        ]
    }
}
