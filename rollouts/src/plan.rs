//! What comes next in a rollout, and what it waits for.
//!
//! Pure. What is proposed here is said by the automation and judged like anybody's word; asking again while it has not
//! happened proposes the same again.

use folkops_evidence::{Evidence, Reason, Verdict};
use folkops_model::{Held, Late};
use jiff::{SignedDuration, Timestamp};

use crate::fold::Row;
use crate::soak::{Found, Soaked};
use crate::stage::Stage;

/// So many blocks without any visitor, after there were some, are silence.
const SILENCE_BLOCKS: i64 = 20;
/// Silence is at least so long.
const SILENCE: SignedDuration = SignedDuration::from_secs(30);
/// So many visitors must have met a failure before the budget is looked at.
const BUDGET_AT_LEAST: u64 = 3;

/// Something that should happen to a rollout now.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// More visitors get it.
    Step {
        /// On this step.
        rung: u32,
    },
    /// Everybody gets it.
    Finish,
    /// Everybody has had it for long enough.
    Keep,
    /// Everybody goes back.
    RollBack(Grounds),
    /// It stands still.
    Hold(Held),
    /// It goes on.
    Resume,
}

/// Why everybody goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// The evidence of harm.
    Harm,
    /// More visitors met a failure than may.
    Budget,
    /// Time is up, and that is what was to be done then.
    Late,
    /// It got worse after everybody had it.
    Soak,
}

/// What a rollout waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Waits {
    /// More visitors of the new build, about so many; none when nothing can be said yet.
    pub visitors: Option<f64>,
    /// About so long, at the pace so far.
    pub about: Option<SignedDuration>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What should happen now, if anything.
    pub proposed: Option<Move>,
    /// The figures behind it.
    pub evidence: Option<Evidence>,
    /// What the release has shown since everybody has it.
    pub soak: Option<Found>,
    /// What it waits for.
    pub waits: Waits,
}

/// Looks at a rollout.
pub fn plan(row: &Row, now: Timestamp) -> Planned {
    let verdict = row.judged.verdict(row.rung());
    let evidence = verdict.as_ref().map(|verdict| verdict.evidence().clone());
    Planned {
        proposed: match row.stage {
            Stage::Soaking { until } => soaking(row, until, now),
            _ => verdict.and_then(|verdict| propose(row, &verdict, now)),
        },
        evidence,
        soak: row.soak.as_ref().map(Soaked::found),
        waits: waits(row, now),
    }
}

/// Why the numbers wanted everybody to go back when a rollout ended; none when they did not.
pub fn grounds(row: &Row) -> Option<Grounds> {
    if let Some(soak) = &row.soak {
        return soak.alarms().then_some(Grounds::Soak);
    }
    match wanted(row, row.rung(), &row.judged.verdict(row.rung())?, row.since) {
        Some(Move::RollBack(grounds)) => Some(grounds),
        _ => None,
    }
}

/// Only that it got worse takes it back; that nobody comes, or that nothing is told, says nothing.
fn soaking(row: &Row, until: Timestamp, now: Timestamp) -> Option<Move> {
    match row.soak.as_ref().is_some_and(Soaked::alarms) {
        true => Some(Move::RollBack(Grounds::Soak)),
        false => (now >= until).then_some(Move::Keep),
    }
}

fn propose(row: &Row, verdict: &Verdict, now: Timestamp) -> Option<Move> {
    let (wanted, still) = match &row.stage {
        Stage::Soaking { .. } | Stage::Ended(_) => return None,
        Stage::Rising { rung } => (wanted(row, *rung, verdict, now), None),
        Stage::Held { rung, why } => (wanted(row, *rung, verdict, now), Some(*why)),
        // A person who let it stand still is not overruled, except to spare others from harm.
        Stage::Paused { rung, .. } => {
            return wanted(row, *rung, verdict, now).filter(|wanted| matches!(wanted, Move::RollBack(_)));
        }
    };
    match (wanted, still) {
        (Some(Move::Hold(why)), Some(held)) if why == held => None,
        (Some(wanted @ (Move::RollBack(_) | Move::Hold(_))), _) => Some(wanted),
        // Time that is up is not undone by more of it; people decide.
        (_, Some(Held::Late | Held::Unsound)) => None,
        (_, Some(_)) => Some(Move::Resume),
        (wanted, None) => wanted,
    }
}

/// What the figures want, wherever the rollout stands.
fn wanted(row: &Row, rung: u32, verdict: &Verdict, now: Timestamp) -> Option<Move> {
    if is_over_budget(row) {
        return Some(Move::RollBack(Grounds::Budget));
    }
    match verdict {
        Verdict::RollBack(_) => return Some(Move::RollBack(Grounds::Harm)),
        Verdict::Hold(Reason::WrongShares { .. }, _) => return Some(Move::Hold(Held::WrongShares)),
        _ => {}
    }
    if is_silent(row, now) {
        return Some(Move::Hold(Held::Silent));
    }
    if row.judged.nothing_sound() {
        return Some(Move::Hold(Held::NothingSound));
    }
    match verdict {
        Verdict::Hold(Reason::UnsoundMetrics, _) => Some(Move::Hold(Held::Unsound)),
        Verdict::Hold(..) => Some(Move::Hold(Held::Suspicion)),
        Verdict::Advance(_) if row.totals.candidate.visitors >= row.rollout.least => Some(onward(row, rung)),
        _ if now >= row.rollout.deadline => Some(late(row, rung)),
        _ => None,
    }
}

fn onward(row: &Row, rung: u32) -> Move {
    let next = rung + 1;
    let last = row.rollout.rungs.len();
    if usize::try_from(next).is_ok_and(|next| next < last) { Move::Step { rung: next } } else { Move::Finish }
}

fn late(row: &Row, rung: u32) -> Move {
    match row.rollout.late {
        Late::Hold => Move::Hold(Held::Late),
        Late::RollBack => Move::RollBack(Grounds::Late),
        Late::Advance => onward(row, rung),
    }
}

/// More visitors met a failure than would have with the current build, by more than the budget. What hits both builds
/// alike is no fault of the new one.
fn is_over_budget(row: &Row) -> bool {
    let (new, current) = (&row.totals.candidate, &row.totals.stable);
    let usual = new.visitors.saturating_mul(current.affected).checked_div(current.visitors).unwrap_or(0);
    new.affected >= BUDGET_AT_LEAST && new.affected.saturating_sub(usual) > row.rollout.budget
}

/// There were visitors, and for a while there are none, with neither build.
fn is_silent(row: &Row, now: Timestamp) -> bool {
    let block = i64::try_from(row.rollout.timing.block_ms).unwrap_or(i64::MAX);
    let patience = SignedDuration::from_millis(block.saturating_mul(SILENCE_BLOCKS)).max(SILENCE);
    row.heard.is_some_and(|heard| now.duration_since(heard) > patience)
}

fn waits(row: &Row, now: Timestamp) -> Waits {
    let needed = row.stage.rung().and_then(|rung| row.judged.still_needed(rung));
    let missing = row.rollout.least.saturating_sub(row.totals.candidate.visitors);
    let visitors = needed.map(|needed| needed.max(f64::from(u32::try_from(missing).unwrap_or(u32::MAX))));
    let step = row.stage.rung().and_then(|rung| row.rollout.rungs.get(usize::try_from(rung).ok()?));
    let pace = step.and_then(|step| {
        let all = row.totals.candidate.visitors + row.totals.stable.visitors;
        let all = f64::from(u32::try_from(all).ok()?);
        let seconds = now.duration_since(row.began).as_secs_f64();
        (seconds > 1.0 && all > 0.0).then(|| all / seconds * step.weight.fraction())
    });
    let about = visitors.zip(pace).filter(|(_, pace)| *pace > 0.0);
    let about = about.and_then(|(visitors, pace)| SignedDuration::try_from_secs_f64(visitors / pace).ok());
    Waits { visitors, about }
}
