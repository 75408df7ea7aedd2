//! What a template would do with some traffic: a rollout without visitors, from the same rows, plans and checks.
//!
//! Nothing is judged here. Records are made as the pipeline would make them and folded by [`crate::Rollouts`]; what comes
//! next is asked of [`crate::plan()`] once for each block of time; every step passes [`crate::check`]. The randomness is a
//! stream that follows from the seed alone, so that the same question has the same answer.

mod course;
mod traffic;

pub use course::Course;
pub use traffic::{Scenario, TURN, Traffic, WrongTraffic};

use folkops_model::{Held, Observation, RolloutEnd, Rung};
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::check::Refusal;
use crate::fold::Totals;
use crate::plan::{Grounds, Move};
use crate::spec::Template;
use crate::stage::Stage;
use traffic::Crowd;

/// A rollout that cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to watch.
    #[error("a release for everybody at once has no steps that could be tried; take `canary` or `linear`")]
    NoSteps,
    /// Its steps contradict each other.
    #[error("the steps of this template would be refused: {0}")]
    Refused(#[from] Refusal),
    /// There is nothing in it.
    #[error("nothing was recorded; give lines of `rollout-observed` with cohorts or ticks")]
    NothingRecorded,
}

/// What became of one rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Each move, by the time since the first visitor.
    pub moves: Vec<(SignedDuration, Move)>,
    /// How it ended.
    pub outcome: Outcome,
    /// Until its end, or until it was given up.
    pub lasted: SignedDuration,
    /// What its visitors met.
    pub totals: Totals,
}

/// How a simulated rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody has it, and nothing spoke against it since.
    Everybody,
    /// It went back.
    Back(Grounds),
    /// It stands still, and a person would have to say what comes next.
    Standing(Held),
    /// The traffic ended before the numbers had decided.
    Undecided,
}

impl Report {
    /// The failures that visitors of the new build met beyond those that the current one would have caused.
    pub fn excess(&self) -> f64 {
        let (new, current) = (&self.totals.candidate, &self.totals.stable);
        let real = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let usual = if current.visitors == 0 { 0.0 } else { real(current.affected) / real(current.visitors) };
        real(new.affected) - usual * real(new.visitors)
    }
}

/// Runs a template over made-up visitors, until it ends or has been late for as long as visitors are watched.
///
/// # Errors
/// [`Unfit`] when the template has no steps, or such as the engine refuses.
pub fn synthetic(template: &Template, traffic: &Traffic, seed: u64) -> Result<Report, Unfit> {
    retold(template, traffic, seed, |_| {})
}

/// The same, with what is told of the visitors changed before it is recorded: what would it be without this?
///
/// # Errors
/// As for [`synthetic`].
pub fn retold(
    template: &Template,
    traffic: &Traffic,
    seed: u64,
    mut change: impl FnMut(&mut Observation),
) -> Result<Report, Unfit> {
    let mut course = Course::begin(template, Timestamp::UNIX_EPOCH)?;
    let mut crowd = Crowd::new(traffic.clone(), template, Pcg64Mcg::seed_from_u64(seed));
    let block = SignedDuration::from_millis(i64::try_from(template.timing.block_ms).unwrap_or(i64::MAX));
    let period = SignedDuration::from_millis(i64::try_from(template.timing.period_ms).unwrap_or(i64::MAX));
    let last = course.row().rollout.deadline + period + block;
    let mut now = Timestamp::UNIX_EPOCH;
    let soaks = |stage: &Stage| matches!(stage, Stage::Soaking { .. });
    while course.row().stage.is_live() && (now < last || soaks(&course.row().stage)) {
        now += block;
        let rung = match &course.row().stage {
            Stage::Soaking { .. } => Some(Rung::EVERYBODY),
            stage => stage.rung().and_then(|rung| course.rung(rung)),
        };
        if let Some(mut seen) = rung.and_then(|rung| crowd.come(now, rung)) {
            change(&mut seen);
            course.see(now, seen);
        }
        course.decide(now)?;
    }
    Ok(course.report())
}

/// Runs a template over what was once observed of a real rollout, at the shares that were real then.
///
/// # Errors
/// [`Unfit`] when nothing was recorded, or the template cannot be run.
pub fn recorded(template: &Template, seen: &[Observation]) -> Result<Report, Unfit> {
    let begin = seen.iter().filter_map(earliest).min().ok_or(Unfit::NothingRecorded)?;
    let mut course = Course::begin(template, begin)?;
    for seen in seen {
        let Some(now) = latest(seen) else { continue };
        // Was it silent up to now?
        course.decide(now)?;
        course.see(now, seen.clone());
        course.decide(now)?;
    }
    Ok(course.report())
}

fn moments(seen: &Observation) -> impl Iterator<Item = Timestamp> {
    seen.cohorts.iter().map(|cohort| cohort.at).chain(seen.ticks.iter().map(|tick| tick.at))
}

fn earliest(seen: &Observation) -> Option<Timestamp> {
    moments(seen).min()
}

fn latest(seen: &Observation) -> Option<Timestamp> {
    moments(seen).max()
}

impl Course {
    /// What became of it so far.
    pub fn report(&self) -> Report {
        let row = self.row();
        let back = self.moves().iter().rev().find_map(|(_, planned)| match planned {
            Move::RollBack(grounds) => Some(*grounds),
            _ => None,
        });
        let outcome = match (&row.stage, back) {
            (Stage::Soaking { .. } | Stage::Ended(RolloutEnd::Live), _) => Outcome::Everybody,
            (Stage::Ended(_), Some(grounds)) => Outcome::Back(grounds),
            (Stage::Held { why, .. }, _) => Outcome::Standing(*why),
            _ => Outcome::Undecided,
        };
        let mut totals = row.totals;
        totals.candidate.add(&row.soak.as_ref().map(|soak| soak.counts).unwrap_or_default());
        let since = |at: Timestamp| at.duration_since(row.began);
        Report {
            moves: self.moves().iter().map(|(at, planned)| (since(*at), planned.clone())).collect(),
            outcome,
            lasted: since(self.now()),
            totals,
        }
    }
}
