//! "/status": what runs, what is moving, what waits, and what is frozen.
//!
//! No arguments. Class: read. Reads: releases, previews, mixes, operations.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, OperationState, Operations, Plan};
use folkops_model::{Card, CardState, Class, CommandSpec, Context, Line, OperationId, Resource, Span};
use folkops_previews::{Changes, Mixes, PreviewState, Previews, Releases};

use crate::{Settings, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "status",
    aliases: &[],
    summary: "what runs, what is moving, what waits",
    example: "/status",
    class: Class::Read,
    args: &[],
    internal: false,
};

/// The command.
pub struct Status(pub Arc<Settings>);

impl Command for Status {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (production, release) = match subject::production(facts) {
            Ok(found) => found,
            Err(card) => return Plan::answer(*card),
        };
        let mut card =
            Card::new(CardState::Good, format!("{} runs release {}", self.0.service, production.release));
        let builds = release
            .components
            .iter()
            .map(|(name, component)| Span::Build(name.clone(), component.digest.clone()));
        let since = Line::new().list(builds).text(" since ").span(Span::Time(production.since));
        card = card.row(
            "Runs",
            match &production.by {
                Some(person) => since.text(" by ").person(person),
                None => since,
            },
        );
        if let Some(freeze) = facts.fold::<Releases>().and_then(|releases| releases.frozen(facts)) {
            let line = Line::new().text("nothing is promoted since ").span(Span::Time(freeze.since));
            card = card.row(
                "Frozen",
                match &freeze.by {
                    Some(person) => line.text(", by ").person(person),
                    None => line,
                },
            );
        }
        let card = previews(facts, merged(facts, card));
        let card = moving(call, facts, card);
        Plan::answer(mixes(facts, card))
    }
}

/// What was merged and waits for somebody to promote it.
fn merged(facts: &Facts<'_>, card: Card) -> Card {
    let waiting = facts.fold::<Changes>().map(|changes| changes.waiting(facts)).unwrap_or_default();
    let numbers: Vec<Span> = waiting.iter().map(|(change, _)| Span::Change(change.number)).collect();
    match numbers.is_empty() {
        true => card,
        false => card.row("Merged", Line::new().list(numbers).text(", and in no release yet")),
    }
}

fn previews(facts: &Facts<'_>, card: Card) -> Card {
    let Some(previews) = facts.fold::<Previews>() else { return card };
    facts.rows(&previews.previews).fold(card, |card, (id, preview)| {
        let changes: Vec<_> = preview.parts.iter().filter_map(|part| part.change.clone()).collect();
        let line = subject::numbers(Line::new().code(id.to_string()).text(" of "), &changes);
        let line = match preview.state {
            PreviewState::Raising => line.text(", being made"),
            PreviewState::Up(_) => line.text(", until ").span(Span::Time(preview.deadline)),
        };
        card.row("Preview", line)
    })
}

fn mixes(facts: &Facts<'_>, card: Card) -> Card {
    let Some(mixes) = facts.fold::<Mixes>() else { return card };
    facts.rows(&mixes.mixes).fold(card, |card, (person, mix)| {
        let Some(raised) = mix.serving.as_ref().or(mix.raising.as_ref()) else { return card };
        let changes: Vec<_> = raised.parts.iter().filter_map(|part| part.change.clone()).collect();
        let line = subject::numbers(Line::new().person(person).text(" tries "), &changes);
        card.row("Mix", line.text(format!(" on release {}", raised.base)))
    })
}

/// Operations at work, in a queue or waiting for people; the one that asks is left out.
fn moving(call: &Call<'_>, facts: &Facts<'_>, card: Card) -> Card {
    let Some(operations) = facts.fold::<Operations>() else { return card };
    let live: Vec<&OperationId> =
        facts.rows(&operations.live).map(|(id, ())| id).filter(|id| *id != call.operation).collect();
    live.into_iter().filter_map(|id| operations.operations.get(id)).fold(card, |card, operation| {
        let line = subject::who(
            Line::new().code(format!("/{}", operation.action.command)).text(" by "),
            &operation.action.principal,
        );
        match operation.state {
            OperationState::Running { .. } => card.row("Moving", line),
            OperationState::Queued { .. } => card.row("Queue", line),
            OperationState::Waiting(_) => card.row("Waits", line.text(" waits for a look")),
            OperationState::Ended(_) => card,
        }
    })
}
