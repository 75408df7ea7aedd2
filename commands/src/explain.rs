//! A rollout's verdict explained: the figures, the evidence in words, the levels, and the rule by which it was acted on.

use folkops_engine::{Facts, Operation, Operations};
use folkops_model::{Card, CardState, Line, OperationId, Principal, RolloutEnd};
use folkops_rollouts::{ArmRate, Evidence, Interval, Level, Row, Stage, plan};

use crate::telling::{self, by_chance, odds, share, thousands};
use crate::{alert, subject};

/// Why it stands where it stands.
pub fn verdict(facts: &Facts<'_>, row: &Row) -> Card {
    let planned = plan(row, facts.now());
    let changes = telling::changes(&row.rollout);
    let title = changes
        .0
        .into_iter()
        .fold(Line::from("Why "), Line::span)
        .text(" ")
        .text(telling::standing(&row.stage));
    let card = Card::new(CardState::Good, title).say(telling::figures(&planned));
    let card = match &planned.evidence {
        Some(evidence) => shown(card.say(by_chance(evidence) + "."), evidence),
        None => card,
    };
    let card = card.picture(alert::picture(row, Some(facts.now())), alert::alt(row));
    let card = match row.judged.shares() {
        Some((wanted, found)) => card.row(
            "Shares",
            format!(
                "{} of those who are compared have the new build; {} should",
                share(found),
                share(wanted)
            ),
        ),
        None => card,
    };
    match acted(facts, row) {
        Some((id, operation)) => allowed(card, id, operation),
        None => card,
    }
}

/// The metric that stands out, both builds, and the evidence beside what it takes to act.
fn shown(card: Card, evidence: &Evidence) -> Card {
    let card = match &evidence.worst {
        Some(worst) => {
            let card = card
                .row("Metric", worst.metric.clone())
                .row("New", rate(&worst.canary))
                .row("Current", rate(&worst.stable));
            match &worst.difference {
                Some(Interval { low, high }) => {
                    card.row("Worse by", format!("{} to {} (95 % interval)", points(*low), points(*high)))
                }
                None => card,
            }
        }
        None => card,
    };
    let (back, hold, on) = (evidence.roll_back_at, Level::HOLD.log_threshold(), evidence.advance_at);
    card.row(
        "Harm",
        format!(
            "{}; from {} on it stands still, from {} on it goes back",
            to_one(evidence.harm),
            to_one(hold),
            to_one(back)
        ),
    )
    .row(
        "Safety",
        format!("{} that it is no worse; from {} on it goes on", to_one(evidence.safe), to_one(on)),
    )
}

/// "40 % of 30 visitors; 21 % to 62 % (95 % interval)".
fn rate(arm: &ArmRate) -> String {
    let of = subject::plural(arm.visitors, "visitor");
    match arm.rate {
        Some(rate) => {
            format!(
                "{} of {of}; {} to {} (95 % interval)",
                share(rate),
                share(arm.interval.low),
                share(arm.interval.high)
            )
        }
        None => format!("{of} watched to the end"),
    }
}

/// A difference in percentage points.
fn points(difference: f64) -> String {
    format!("{:+.1} points", difference * 100.0)
}

/// Log-evidence as odds.
fn to_one(log: f64) -> String {
    match odds(log + 1e-9) {
        0..=1 => "1 : 1 or less".into(),
        odds => format!("{} : 1", thousands(odds)),
    }
}

/// What brought the rollout where it stands.
fn acted<'a>(facts: &Facts<'a>, row: &Row) -> Option<(&'a OperationId, &'a Operation)> {
    let operations = &facts.fold::<Operations>()?.operations;
    let by: &[&str] = match &row.stage {
        Stage::Ended(RolloutEnd::RolledBack) => &["rollback"],
        Stage::Ended(RolloutEnd::Superseded) => &["promote"],
        Stage::Paused { .. } => &["pause"],
        _ => &["advance", "resume"],
    };
    let acted = |operation: &Operation| {
        operation.decided == row.since && by.contains(&operation.action.command.as_str())
    };
    let begun = || operations.iter().find(|(id, _)| **id == row.rollout.operation);
    operations.iter().find(|(_, operation)| acted(operation)).or_else(begun)
}

/// By which rule it was done, and where that is recorded.
fn allowed(card: Card, id: &OperationId, operation: &Operation) -> Card {
    let action = &operation.action;
    let said = match &action.principal {
        Principal::Automation => Line::from("FolkOps said "),
        person @ Principal::Person(_) => subject::who(Line::new(), person).text(" said "),
    };
    let mut card = card.row("Acted", said.code(format!("/{}", action.command)));
    for rule in operation.decision.rules() {
        card = card.row("Rule", Line::new().strong(rule.id.clone()).text("; ").text(rule.reason.clone()));
    }
    card.row("Policies", Line::new().code(operation.decision.policy_set.get(..12).unwrap_or_default()))
        .row("Record", Line::new().code(id.to_string()))
}
