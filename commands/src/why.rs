//! "/why": why the newest thing here was allowed or refused.
//!
//! No arguments: in the thread of a rollout or its alert it is about the verdict, else about the newest card of this thread
//! or room. Class: read. Reads: the room, the operation, the rollout.

use std::sync::Arc;

use folkops_engine::{
    Ask, Call, Command, Facts, Operation, OperationState, Operations, Plan, Rooms, TimelineItem,
};
use folkops_model::{Card, CardState, ChangeName, Class, CommandSpec, Context, Line, OperationId, Resource};

use crate::{Settings, checklist, explain, subject, thread};

static SPEC: CommandSpec = CommandSpec {
    name: "why",
    aliases: &[],
    summary: "why the newest thing here was allowed or refused",
    example: "/why",
    class: Class::Read,
    args: &[],
    internal: false,
};

/// The command.
pub struct Why(pub Arc<Settings>);

impl Command for Why {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        if let Some(row) = thread::rollout(call, facts) {
            return Plan::answer(explain::verdict(facts, row));
        }
        match newest(call, facts) {
            Some((id, operation)) => Plan::answer(self.with_points(call, facts, (id, operation))),
            None => Plan::answer(
                Card::new(CardState::Good, "Nothing has been judged here yet")
                    .say("Ask again after a command."),
            ),
        }
    }
}

impl Why {
    /// With the points of the checklist of the change that it was about, as they stand now.
    fn with_points(&self, call: &Call<'_>, facts: &Facts<'_>, (id, operation): (&OperationId, &Operation)) -> Card {
        let card = explained(id, operation);
        let Resource::Change(change) = &operation.action.resource else { return card };
        let name = ChangeName::Whole(change.clone());
        let subjects = subject::subjects(call.place, facts, &[name]).unwrap_or_default();
        subjects.iter().fold(card, |card, of| checklist::shown(card, &self.0.checklist, facts, of))
    }
}

/// The newest judged operation of the thread, else of the room, that is not itself a `/why`.
fn newest<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<(&'a OperationId, &'a Operation)> {
    let operations = facts.fold::<Operations>()?;
    let rooms = facts.fold::<Rooms>()?;
    let here = rooms.room(&call.place.room).rev().filter_map(|(_, item)| match item {
        TimelineItem::Card { key, thread, .. } if *thread == call.place.thread => Some(&key.operation),
        _ => None,
    });
    let mut judged = here.filter_map(|id| operations.operations.get(id).map(|operation| (id, operation)));
    judged.find(|(_, operation)| operation.action.command != SPEC.name)
}

fn explained(id: &OperationId, operation: &Operation) -> Card {
    let action = &operation.action;
    let verb = if operation.decision.allows() { " was allowed" } else { " was refused" };
    let title = Line::new().code(format!("/{}", action.command)).text(" by ");
    let title = subject::who(title, &action.principal).text(verb);
    let state = if operation.decision.allows() { CardState::Good } else { CardState::Refused };
    let mut card = Card::new(state, title);
    for rule in operation.decision.rules() {
        card = card.row("Rule", Line::new().strong(rule.id.clone()).text("; ").text(rule.reason.clone()));
    }
    let groups: Vec<&str> = action.groups.iter().map(|group| group.as_str()).collect();
    let facts = &action.context;
    card = folkops_engine::cards::with_old_rights(card, operation.old_rights());
    card.row("Groups", if groups.is_empty() { "none".to_owned() } else { groups.join(", ") })
        .row(
            "Facts",
            [
                ("every commit allowed", facts.commits_allowed),
                ("one’s own", facts.own),
                ("frozen", facts.frozen),
                ("over quota", facts.over_quota),
                ("reviewed", facts.reviewed),
                ("by owners", facts.owner_reviewed),
                ("asked by an owner", facts.owner),
                ("checks green", facts.checks_green),
                ("two people", facts.two_people),
                ("checklist done", facts.checklist_done),
                ("merged before", facts.merged),
            ]
            .map(|(fact, holds)| format!("{fact}: {}", if holds { "yes" } else { "no" }))
            .join("; "),
        )
        .row("Policies", Line::new().code(operation.decision.policy_set.get(..12).unwrap_or_default()))
        .row("State", state_of(operation))
        .row("Record", Line::new().code(id.to_string()))
}

fn state_of(operation: &Operation) -> &'static str {
    match operation.state {
        OperationState::Waiting(_) => "waits for people",
        OperationState::Queued { .. } => "waits for its turn",
        OperationState::Running { .. } => "at work",
        OperationState::Ended(_) => "over",
    }
}
