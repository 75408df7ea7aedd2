//! "/rebase": put my mix onto what production runs now.
//!
//! No arguments but the consent from the button. Class: own workload. Reads: mixes, releases, changes. Shows first what
//! production has gained since the mix was frozen; only the button then moves it.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Line, PersonId, Release, ReleaseNumber,
    Weight,
};
use folkops_previews::{Mix, Mixes, Releases};

use crate::opt_in::{self, Chosen};
use crate::{Settings, since, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "rebase",
    aliases: &[],
    summary: "put your mix onto what production runs now",
    example: "/rebase",
    class: Class::OwnWorkload,
    args: &[ArgSpec {
        name: "yes",
        help: "the release that was shown, from the button",
        kind: ArgKind::Flag,
        arity: Arity::Optional,
    }],
    internal: false,
};

/// The command.
pub struct Rebase(pub Arc<Settings>);

impl Command for Rebase {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (chosen, _, _) = onto_production(call, facts)?;
        Ok(chosen.ask(opt_in::own_context(&self.0, call, facts, &chosen)))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (chosen, from, onto) = match onto_production(call, facts) {
            Ok(found) => found,
            Err(card) => return Plan::refuse(*card),
        };
        if from == onto.number {
            let card = Card::new(CardState::Good, format!("Your mix stands on release {from} already"))
                .say("That is what production runs now.");
            return Plan::answer(card);
        }
        if call.args.flag("yes") != Some(onto.number.to_string().as_str()) {
            return Plan::answer(gained(facts, from, onto));
        }
        let why = Line::new()
            .person(&chosen.person)
            .text(format!(" moved it from release {from} to {}; ", onto.number));
        opt_in::want(&self.0, facts, &chosen, why)
    }

    fn explain(&self, call: &Call<'_>, facts: &Facts<'_>, refusal: Card) -> Card {
        match onto_production(call, facts) {
            Ok((chosen, ..)) => since::unseen(refusal, call, facts, &chosen.subjects),
            Err(_) => refusal,
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        opt_in::proceed(call, facts, progress)
    }
}

/// What production has gained since.
fn gained(facts: &Facts<'_>, from: ReleaseNumber, onto: &Release) -> Card {
    let releases = facts.fold::<Releases>();
    let between = releases.into_iter().flat_map(|r| r.releases.iter());
    let newer: Vec<&Release> = between
        .filter(|(number, _)| **number > from && **number <= onto.number)
        .map(|(_, release)| release)
        .collect();
    let mut card =
        Card::new(CardState::Ask, format!("Move your mix from release {from} to {}?", onto.number));
    for release in &newer {
        let brought = subject::numbers(Line::new(), &release.changes);
        card = card.row(&format!("{}", release.number), brought.text(" came with this release"));
    }
    if newer.is_empty() {
        card = card.say(
            "Production went back to an earlier release; your mix would lose what that release did not have.",
        );
    }
    card.row(
        "Next",
        "Your changes are merged onto it and built again; until that answers, your mix stays as it is",
    )
    .button(Weight::Main, "Move it", format!("/rebase --yes={}", onto.number))
}

type Found<'a> = (Chosen<'a>, ReleaseNumber, &'a Release);

fn onto_production<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<Found<'a>, Box<Card>> {
    let (person, mix) = mine(call, facts)?;
    let (_, onto) = subject::production(facts)?;
    let from = mix.serving.as_ref().or(mix.raising.as_ref()).map_or(onto.number, |raised| raised.base);
    Ok((opt_in::rechosen(call.place, facts, person, mix, onto)?, from, onto))
}

fn mine<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<(PersonId, &'a Mix), Box<Card>> {
    let none = || {
        let card = Card::new(CardState::Refused, "There is no mix of yours to move")
            .say("Nothing was done.")
            .row("Next", Line::new().code("/opt-in").text(" with a change’s number makes one"));
        Box::new(card)
    };
    let person = call.principal.person().ok_or_else(none)?;
    let mix = facts.fold::<Mixes>().and_then(|mixes| facts.row(&mixes.mixes, person)).ok_or_else(none)?;
    Ok((person.clone(), mix))
}
