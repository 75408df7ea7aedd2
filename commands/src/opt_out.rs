//! "/opt-out": my workload goes back to what everybody gets.
//!
//! No arguments. Class: own workload. Reads: mixes. Never refused: neither freeze, quota nor a missing look stands in
//! its way.

use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{Card, CardState, Class, CommandSpec, Context, Intent, Line, PersonId, Resource, Weight};
use folkops_previews::{Mix, Mixes};

use crate::evidence;
use crate::raise;
use crate::stop_preview::holding;
use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "opt-out",
    aliases: &["leave"],
    summary: "go back to what everybody gets",
    example: "/opt-out",
    class: Class::OwnWorkload,
    args: &[],
    internal: false,
};

/// The command.
pub struct OptOut;

impl Command for OptOut {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (person, _) = mine(call, facts)?;
        let context = Context { own: true, commits_allowed: true, ..Context::default() };
        Ok(Ask::about(Resource::Workload(person), context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (person, _) = match mine(call, facts) {
            Ok(mine) => mine,
            Err(card) => return Plan::refuse(*card),
        };
        let lock = format!("mix-{person}");
        let card =
            Card::new(CardState::Good, Line::new().person(&person).text(" sees what everybody sees again"))
                .say("What was changed in their data meanwhile is kept.")
                .row(
                    "Next",
                    Line::new().code("/opt-in").text(" with a change’s number, to try something again"),
                )
                .button(Weight::Quiet, "What runs now?", "/status");
        let mut plan = Plan::work(lock.clone(), Duration::from_secs(120), Some(card));
        for earlier in holding(facts, &lock) {
            plan = plan.ending(
                earlier,
                End::Cancelled,
                Some(Card::new(CardState::Held, "Left before it was up")),
            );
        }
        plan
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        match mine(call, facts) {
            Ok((person, mix)) if progress.is_start() => leaving(call, facts, &person, mix),
            _ if progress.is_pending() => Step::Wait,
            _ => Step::End { end: End::Done, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// Drops a mix and stops its stacks; stopping one routes away from it first.
pub fn leaving(call: &Call<'_>, facts: &Facts<'_>, person: &PersonId, mix: &Mix) -> Step {
    let stacks = mix.raising.iter().chain(&mix.serving).map(|raised| raised.stack.clone());
    let intents = vec![Intent::DropMix { person: person.clone() }];
    let parts = mix.serving.iter().flat_map(|raised| &raised.parts);
    let changes: Vec<_> = parts.filter_map(|part| part.change.clone()).collect();
    let others = evidence::retold(call, facts, &changes, Some(person));
    Step::Owe { effects: raise::stops(stacks), intents, card: None, private: vec![] }.also(others)
}

fn mine<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<(PersonId, &'a Mix), Box<Card>> {
    let none = || {
        let card = Card::new(CardState::Good, "You see what everybody sees already")
            .say("There is no mix of yours.");
        Box::new(subject::with_status(card))
    };
    let person = call.principal.person().ok_or_else(none)?;
    let mix = facts.fold::<Mixes>().and_then(|mixes| facts.row(&mixes.mixes, person)).ok_or_else(none)?;
    Ok((person.clone(), mix))
}
