//! What is known of each rollout: where it stands, what was seen, what the evidence is.
//!
//! Everything follows from the journal, so a bot that was killed knows after its start what it knew before.

use folkops_model::{BasisPoints, Counts, Intent, Observation, ReleaseNumber, Rollout};
use folkops_record::{AnyTable, Body, Facts, Fold, Record, Table};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::judge::Judged;
use crate::soak::Soaked;
use crate::stage::{Event, Stage};

/// How many points of a rollout's picture are kept; with more, every two neighbours become one.
const POINTS: usize = 400;
/// How many rollouts that are over stay known.
const KEPT: usize = 50;

/// One rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As it was decided.
    pub rollout: Rollout,
    /// Where it stands.
    pub stage: Stage,
    /// When it began, UTC.
    pub began: Timestamp,
    /// Since when it stands there, UTC.
    pub since: Timestamp,
    /// What its visitors showed.
    pub judged: Judged,
    /// When the edge last told that anything happened, UTC.
    pub heard: Option<Timestamp>,
    /// What to ask the edge for next: in which life of it, which cohort, which tick.
    pub next: Option<(String, u64, u64)>,
    /// What it has shown since everybody has it.
    pub soak: Option<Soaked>,
    /// What ended so far, while there were two sides.
    pub totals: Totals,
    /// The first and the last block of time in which a request of the new build failed: when each ended, UTC.
    pub failing: Option<(Timestamp, Timestamp)>,
    /// Its picture.
    pub points: Vec<Point>,
    /// What happened to it, by when.
    pub marks: Vec<(Timestamp, Stage)>,
}

/// What ended on both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// With the new build.
    pub candidate: Counts,
    /// With the current one.
    pub stable: Counts,
}

/// A moment of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When, UTC.
    pub at: Timestamp,
    /// The new build's share.
    pub weight: BasisPoints,
    /// What ended up to then, since the point before.
    pub totals: Totals,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Rollouts {
    /// By release.
    pub rollouts: Table<ReleaseNumber, Row>,
}

impl Default for Rollouts {
    fn default() -> Self {
        Self { rollouts: Table::new("rollouts") }
    }
}

impl Rollouts {
    /// The rollout that is not over.
    pub fn live<'a>(&'a self, facts: &Facts<'_>) -> Option<&'a Row> {
        facts.rows(&self.rollouts).map(|(_, row)| row).find(|row| row.stage.is_live())
    }

    fn start(&mut self, record: &Record, rollout: &Rollout) {
        let row = Row {
            rollout: rollout.clone(),
            stage: Stage::Rising { rung: 0 },
            began: record.time,
            since: record.time,
            judged: Judged::of(rollout),
            heard: None,
            next: None,
            soak: None,
            totals: Totals::default(),
            failing: None,
            points: Vec::new(),
            marks: vec![(record.time, Stage::Rising { rung: 0 })],
        };
        self.rollouts.put(record.sequence, rollout.release, row);
        while self.rollouts.len() > KEPT && self.rollouts.pop_first(record.sequence).is_some() {}
    }

    fn happen(&mut self, record: &Record, release: ReleaseNumber, event: Event) {
        self.rollouts.change(record.sequence, &release, |row| row.happen(record.time, event));
    }

    fn soak(&mut self, record: &Record, release: ReleaseNumber) {
        self.rollouts.change(record.sequence, &release, |row| {
            let Some(soak) = Soaked::begin(&row.rollout, &row.judged, record.time) else { return };
            row.happen(record.time, Event::Soaked { until: soak.until });
            if matches!(row.stage, Stage::Soaking { .. }) && row.soak.is_none() {
                // The edge counts anew from here on.
                (row.soak, row.next) = (Some(soak), None);
            }
        });
    }
}

impl Row {
    /// The step that it stands on, or stood on last.
    pub fn rung(&self) -> u32 {
        self.marks.iter().rev().find_map(|(_, stage)| stage.rung()).unwrap_or(0)
    }

    /// For how long people met failures of the new build, to one block of time; none when nobody did.
    pub fn failing_for(&self) -> Option<SignedDuration> {
        let (first, last) = self.failing?;
        let block = SignedDuration::from_millis(i64::try_from(self.rollout.timing.block_ms).unwrap_or(0));
        Some(last.duration_since(first) + block)
    }

    /// What people met of the new build: since everybody has it, where they do.
    pub fn met(&self) -> Counts {
        self.soak.as_ref().map_or(self.totals.candidate, |soak| soak.counts)
    }

    /// What cannot happen any more has no effect, live and replayed alike.
    fn happen(&mut self, at: Timestamp, event: Event) {
        let Ok(stage) = self.stage.clone().next(event) else { return };
        if stage != self.stage {
            self.since = at;
            self.marks.push((at, stage.clone()));
            self.stage = stage;
        }
    }

    /// What was seen while both builds were served belongs to the rollout, whenever it is told.
    fn see(&mut self, seen: &Observation) {
        self.next = Some((seen.epoch.clone(), seen.next_cohort, seen.next_tick));
        for cohort in &seen.cohorts {
            match &mut self.soak {
                Some(soak) if cohort.weight == BasisPoints::ALL => soak.observe(cohort),
                _ => self.judged.observe(cohort),
            }
        }
        for tick in &seen.ticks {
            self.heard = Some(tick.at);
            if tick.candidate.failed > 0 {
                self.failing = Some((self.failing.map_or(tick.at, |(first, _)| first), tick.at));
            }
            match &mut self.soak {
                Some(soak) if tick.weight == BasisPoints::ALL => soak.counts.add(&tick.candidate),
                _ => {
                    self.totals.candidate.add(&tick.candidate);
                    self.totals.stable.add(&tick.stable);
                }
            }
            let totals = Totals { candidate: tick.candidate, stable: tick.stable };
            self.points.push(Point { at: tick.at, weight: tick.weight, totals });
        }
        if self.points.len() > POINTS {
            self.points = self.points.chunks(2).filter_map(joined).collect();
        }
    }
}

/// Neighbouring points as one: the later moment, both counts.
fn joined(points: &[Point]) -> Option<Point> {
    let last = *points.last()?;
    let mut totals = Totals::default();
    for point in points {
        totals.candidate.add(&point.totals.candidate);
        totals.stable.add(&point.totals.stable);
    }
    Some(Point { totals, ..last })
}

impl Fold for Rollouts {
    fn apply(&mut self, record: &Record) {
        match &record.body {
            Body::RolloutObserved { release, seen } => {
                self.rollouts.change(record.sequence, release, |row| row.see(seen));
            }
            Body::Intended(Intent::StartRollout { rollout }) => self.start(record, rollout),
            Body::Intended(Intent::StepRollout { release, rung }) => {
                self.happen(record, *release, Event::Stepped { rung: *rung });
            }
            Body::Intended(Intent::HoldRollout { release, why }) => {
                self.happen(record, *release, Event::Held(*why));
            }
            Body::Intended(Intent::PauseRollout { release, by, reason }) => {
                let event = Event::Paused { by: by.person().cloned(), reason: reason.clone() };
                self.happen(record, *release, event);
            }
            Body::Intended(Intent::ResumeRollout { release, .. }) => {
                self.happen(record, *release, Event::Resumed)
            }
            Body::Intended(Intent::SoakRollout { release, .. }) => self.soak(record, *release),
            Body::Intended(Intent::EndRollout { release, end, .. }) => {
                self.happen(record, *release, Event::Ended(*end));
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.rollouts]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.rollouts]
    }
}
