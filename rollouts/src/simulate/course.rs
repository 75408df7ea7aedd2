//! One rollout from its first visitor on: records are made, folded, and what comes next is asked and done at once.

use folkops_model::{
    Intent, Observation, OperationId, Principal, ReleaseNumber, Rollout, RolloutEnd, Rung, ServiceId,
};
use folkops_record::{Body, Fold, Record};
use jiff::Timestamp;

use crate::check::{Change, Up, check};
use crate::fold::{Rollouts, Row};
use crate::plan::{Move, Planned, plan};
use crate::simulate::Unfit;
use crate::spec::Template;

/// The release that runs, and the one that is tried.
const FROM: ReleaseNumber = ReleaseNumber(1);
const TRIED: ReleaseNumber = ReleaseNumber(2);

/// A rollout whose pipeline never waits and never refuses what the checker passes.
///
/// INVARIANT: the row of the release that is tried is there from the beginning on.
#[derive(Debug, Clone)]
pub struct Course {
    fold: Rollouts,
    records: Vec<Record>,
    row: Row,
    now: Timestamp,
    moves: Vec<(Timestamp, Move)>,
}

impl Course {
    /// Begins a rollout by a template.
    ///
    /// # Errors
    /// [`Unfit`] when the template has no steps, or such as the checker refuses.
    pub fn begin(template: &Template, at: Timestamp) -> Result<Self, Unfit> {
        let (rollout, service) = made(template, at).ok_or(Unfit::NoSteps)?;
        check(&rollout, Change::Start { production: FROM, up: Up::Yes })?;
        let record = Record {
            sequence: 1,
            epoch: 1,
            time: at,
            service,
            operation: Some(rollout.operation.clone()),
            cause: None,
            body: Body::Intended(Intent::StartRollout { rollout }),
        };
        let mut fold = Rollouts::default();
        fold.apply(&record);
        let row = fold.rollouts.get(&TRIED).cloned().ok_or(Unfit::NoSteps)?;
        Ok(Self { fold, records: vec![record], row, now: at, moves: Vec::new() })
    }

    /// Takes in what was observed.
    pub fn see(&mut self, at: Timestamp, seen: Observation) {
        self.record(at, Body::RolloutObserved { release: TRIED, seen });
    }

    /// Does what the numbers want, and says what that was.
    ///
    /// # Errors
    /// [`Unfit`] when the checker refuses a step.
    pub fn decide(&mut self, at: Timestamp) -> Result<Planned, Unfit> {
        let planned = plan(&self.row, at);
        self.now = at;
        if let Some(wanted) = &planned.proposed {
            if let Move::Step { rung } = wanted {
                check(&self.row.rollout, Change::Step { stage: &self.row.stage, rung: *rung })?;
            }
            self.moves.push((at, wanted.clone()));
            self.intend(at, intent(&self.row.rollout, wanted));
        }
        Ok(planned)
    }

    /// Takes in what somebody, or the automation, decided.
    pub fn intend(&mut self, at: Timestamp, intent: Intent) {
        self.record(at, Body::Intended(intent));
    }

    /// What is known of it.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// One of its steps.
    pub fn rung(&self, rung: u32) -> Option<Rung> {
        self.row.rollout.rungs.get(usize::try_from(rung).ok()?).copied()
    }

    /// Each move and its time, UTC.
    pub fn moves(&self) -> &[(Timestamp, Move)] {
        &self.moves
    }

    /// When it was last looked at, UTC.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Everything that was recorded, as the journal would hold it.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The fold of these records.
    pub fn fold(&self) -> &Rollouts {
        &self.fold
    }

    fn record(&mut self, at: Timestamp, body: Body) {
        let Some(last) = self.records.last() else { return };
        let record = Record { sequence: last.sequence + 1, time: at, body, ..last.clone() };
        self.fold.apply(&record);
        self.records.push(record);
        if let Some(row) = self.fold.rollouts.get(&TRIED) {
            self.row = row.clone();
        }
    }
}

fn made(template: &Template, at: Timestamp) -> Option<(Rollout, ServiceId)> {
    let rungs = template.rungs();
    let rollout = Rollout {
        release: TRIED,
        from: FROM,
        changes: Vec::new(),
        operation: OperationId::parse("simulated").ok()?,
        strategy: template.strategy,
        rungs,
        budget: template.budget,
        least: template.least,
        deadline: at.checked_add(template.lasts).ok()?,
        late: template.late,
        salt: "00".repeat(16),
        timing: template.timing,
        soak: template.soak("11".repeat(16)),
    };
    let service = ServiceId::parse("simulated").ok()?;
    Some((rollout, service)).filter(|(rollout, _)| !rollout.rungs.is_empty())
}

/// What the commands record for a move.
fn intent(rollout: &Rollout, wanted: &Move) -> Intent {
    let (release, by) = (TRIED, Principal::Automation);
    match wanted {
        Move::Step { rung } => Intent::StepRollout { release, rung: *rung },
        Move::Finish if rollout.soak.is_some() => Intent::SoakRollout { release, by },
        Move::Finish | Move::Keep => Intent::EndRollout { release, end: RolloutEnd::Live, by },
        Move::RollBack(_) => Intent::EndRollout { release, end: RolloutEnd::RolledBack, by },
        Move::Hold(why) => Intent::HoldRollout { release, why: *why },
        Move::Resume => Intent::ResumeRollout { release, by },
    }
}
