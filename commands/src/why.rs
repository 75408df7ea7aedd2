//! "/why": why the newest thing here was allowed or refused. "/why promote": why the last promotion was.
//!
//! Arguments: a command, where not the newest is meant. Without one, in the thread of a rollout or its alert it is about
//! the verdict; on a pull request about the last decision on it that a person asked for, or that refused something,
//! wherever it was asked for; else about the newest card of this thread or room. Class: read. Reads: the room, the
//! operation, the rollout.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use folkops_engine::{
    Ask, Call, Command, Facts, Operation, OperationState, Operations, Plan, Rooms, TimelineItem,
};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeName, ChangeRef, Class, CommandSpec, Context, Line,
    OperationId, Principal, Resource, Span,
};

use crate::{Settings, checklist, explain, subject, thread};

static SPEC: CommandSpec = CommandSpec {
    name: "why",
    aliases: &[],
    summary: "why the newest thing here was allowed or refused",
    example: "/why promote",
    class: Class::Read,
    args: &[ArgSpec {
        name: "command",
        help: "whose last decision is meant, such as `promote`",
        kind: ArgKind::Name,
        arity: Arity::Optional,
    }],
    internal: false,
};

/// So many other decisions are named.
const OTHERS: usize = 4;

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
        let named = call.args.name("command");
        if let Some(row) = thread::rollout(call, facts).filter(|_| named.is_none()) {
            return Plan::answer(explain::verdict(facts, row));
        }
        let judged = judged(call, facts);
        let found = match named {
            Some(name) => {
                let command =
                    call.desk.registry.find(name, &Principal::Automation).map(|found| found.spec().name);
                let name = command.unwrap_or(name);
                judged.iter().find(|(_, operation)| operation.action.command == name)
            }
            None => judged.first(),
        };
        let card = match found {
            Some(found) => self.with_points(call, facts, *found),
            None => nothing(named),
        };
        Plan::answer(others(card, &judged, found))
    }
}

impl Why {
    /// With the points of the checklist of the change that it was about, as they stand now.
    fn with_points(
        &self,
        call: &Call<'_>,
        facts: &Facts<'_>,
        (id, operation): (&OperationId, &Operation),
    ) -> Card {
        let card = explained(id, operation);
        let Resource::Change(change) = &operation.action.resource else { return card };
        let name = ChangeName::Whole(change.clone());
        let subjects = subject::subjects(call.place, facts, &[name]).unwrap_or_default();
        subjects.iter().fold(card, |card, of| checklist::shown(card, &self.0.checklist, facts, of))
    }
}

fn nothing(named: Option<&str>) -> Card {
    let title = match named {
        Some(name) => Line::new().text("No ").code(format!("/{name}")).text(" has been judged here"),
        None => Line::from("Nothing has been judged here yet"),
    };
    Card::new(CardState::Good, title).say("Ask again after a command.")
}

type Judged<'a> = (&'a OperationId, &'a Operation);

/// What was judged here and may be meant, the newest first: never a `/why` itself.
fn judged<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Vec<Judged<'a>> {
    let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
    let mut judged: Vec<Judged<'a>> = match &call.place.about {
        Some(about) => on_change(call, operations, about),
        None => shown(call, facts).filter_map(|id| Some((id, operations.operations.get(id)?))).collect(),
    };
    judged.retain(|(_, operation)| operation.action.command != SPEC.name);
    judged
}

/// What was judged of a change: what people asked for and what was refused, before what everybody may always look at.
fn on_change<'a>(call: &Call<'_>, operations: &'a Operations, about: &ChangeRef) -> Vec<Judged<'a>> {
    let of_it = |(_, operation): &Judged<'a>| {
        let (action, place) = (&operation.action, &operation.place);
        let here = place.surface == call.place.surface && place.room == call.place.room;
        let meant = action.principal.person().is_some() || !operation.decision.allows();
        meant && (here || action.resource == Resource::Change(about.clone()))
    };
    let mut judged: Vec<Judged<'a>> = operations.operations.iter().filter(of_it).collect();
    judged.sort_by_key(|(_, operation)| {
        let looked = operation.action.class == Class::Read && operation.decision.allows();
        (looked, Reverse(operation.decided))
    });
    judged
}

/// The operations of the cards of the thread, else of the room.
fn shown<'a>(call: &Call<'_>, facts: &Facts<'a>) -> impl Iterator<Item = &'a OperationId> {
    let rooms = facts.fold::<Rooms>().into_iter();
    let thread = call.place.thread.clone();
    rooms.flat_map(|rooms| rooms.room(&call.place.room).rev()).filter_map(move |(_, item)| match item {
        TimelineItem::Card { key, thread: at, .. } if *at == thread => Some(&key.operation),
        _ => None,
    })
}

/// A card with how to ask about another decision, where there are others here.
fn others(card: Card, judged: &[Judged<'_>], found: Option<&Judged<'_>>) -> Card {
    let mut seen: BTreeSet<&str> = found.map(|(_, of)| of.action.command.as_str()).into_iter().collect();
    let names = judged.iter().map(|(_, operation)| operation.action.command.as_str());
    let others: Vec<Span> = names
        .filter(|name| seen.insert(name))
        .take(OTHERS)
        .map(|name| Span::Code(format!("/{} {name}", SPEC.name)))
        .collect();
    if others.is_empty() { card } else { card.row("Others", Line::new().list(others)) }
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
                ("release branch", facts.release_branch),
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
