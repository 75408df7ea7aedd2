//! How a soak is told: everybody has the release, and it is watched on for a while.
//!
//! Routine progress edits the rollout's one card; only a way back says anything of its own.

use folkops_engine::{Alert, Call, Facts};
use folkops_model::{Card, CardState, Line, Principal, ReleaseNumber, RolloutEnd, Span, Weight};
use folkops_rollouts::judge::SLOW;
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::{Found, Planned, Rollouts, Row, Soaked, Stage, plan};
use jiff::{SignedDuration, Timestamp};

use crate::advance::live;
use crate::alert::{self, Asked};
use crate::subject;
use crate::telling::{self, share};

/// Until when the release is watched on, if it is and everybody has it.
pub fn until(row: &Row) -> Option<Timestamp> {
    match row.stage {
        Stage::Soaking { until } => Some(until),
        _ => None,
    }
}

/// The release that everybody has, and which is watched on.
pub fn under_way<'a>(facts: &Facts<'a>) -> Option<&'a Row> {
    live(facts).filter(|row| until(row).is_some())
}

/// The rollout that the numbers took back in its soak, to this release.
pub fn undone<'a>(facts: &Facts<'a>, back_on: ReleaseNumber) -> Option<&'a Row> {
    let (_, row) = facts.rows(&facts.fold::<Rollouts>()?.rollouts).next_back()?;
    let is_its_end = row.stage == Stage::Ended(RolloutEnd::RolledBack) && row.rollout.from == back_on;
    Some(row).filter(|row| is_its_end && row.soak.as_ref().is_some_and(Soaked::alarms))
}

/// The card of a release that everybody gets now, with what comes after that.
pub fn begun(row: &Row, planned: &Planned, now: Timestamp) -> Card {
    let card = telling::live(row, planned);
    match watched(row, now) {
        Some(line) => card.row("Watched", line),
        None => card,
    }
}

/// What is said of a soak that begins now; nothing where there is none.
pub fn watched(row: &Row, now: Timestamp) -> Option<Line> {
    let lasts = row.rollout.soak.as_ref()?.lasts_ms;
    let lasts = SignedDuration::from_millis(i64::try_from(lasts).unwrap_or(i64::MAX));
    Some(promise(now.checked_add(lasts).unwrap_or(Timestamp::MAX)))
}

/// What happens until then.
pub fn promise(until: Timestamp) -> Line {
    let line = Line::new().text("Until ").span(Span::Time(until));
    line.text("; if it gets worse than before, everybody goes back by itself")
}

/// The card of a release that was watched for long enough.
pub fn kept(row: &Row, planned: &Planned) -> Card {
    telling::live(row, planned).row("Watched", "Long enough after everybody had it: it did not get worse")
}

/// The answer to whoever wants it to stand still, or to go on.
pub fn nothing_to_steer(row: &Row, until: Timestamp) -> Card {
    let title = telling::changes(&row.rollout).text(" is with everyone already: no steps are left");
    Card::new(CardState::Refused, title).say("Nothing was done.").row("Watched", promise(until)).button(
        Weight::Danger,
        "Roll back",
        "/rollback",
    )
}

/// The card of a release that the numbers take back after everybody had it.
pub fn went_back(row: &Row, now: Timestamp) -> Card {
    telling::went_back(row, &plan(row, now), Some(Grounds::Soak))
}

/// What the rollout's own card says when its release is left, by whoever said so.
pub fn left(row: &Row, now: Timestamp, call: &Call<'_>) -> Card {
    if *call.principal == Principal::Automation {
        return went_back(row, now);
    }
    let card = telling::went_back(row, &plan(row, now), None);
    card.row("Why", subject::why(call, "asked for it"))
}

/// The alert of a release that the numbers take back after everybody had it.
pub fn alert(row: &Row, facts: &Facts<'_>, call: &Call<'_>) -> Alert {
    let from = row.rollout.from;
    let now = match until(row) {
        Some(_) => format!("Everybody is being sent back to release {from}"),
        None => format!("Everybody is on release {from} again"),
    };
    alert::rolled_back(row, &plan(row, facts.now()), Grounds::Soak, &now, &Asked { call, facts })
}

/// "Since everybody has it 9.0 % of 410 people failed; before, 1.0 % did. It got worse."
pub fn figures(found: &Found) -> Line {
    let Some(now) = found.now.rate() else {
        return Line::from("Nobody was watched to the end since everybody has it.");
    };
    let met = if found.metric == SLOW { "waited long" } else { "failed" };
    let rates = format!(
        "Since everybody has it {} of {} {met}; before, {} did. ",
        share(now),
        telling::people(found.now.visitors),
        share(found.before)
    );
    Line::from(rates + if is_worse(found) { "It got worse." } else { "No sign that it got worse." })
}

/// How near the evidence is to what takes it back.
pub fn evidence(found: &Found) -> Line {
    let nearness = (found.evidence / found.alarm_at).clamp(0.0, 1.0);
    Line::new().text("that it got worse ").strong(share(nearness)).text(" of what takes it back")
}

fn is_worse(found: &Found) -> bool {
    found.evidence >= found.alarm_at
}
