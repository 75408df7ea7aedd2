//! "/withdraw web#42": close what takes a change back that may stay after all. Said by the automation only, where that
//! stands.
//!
//! Arguments: the change that takes another one back. Class: preview. Reads: releases. It closes what FolkOps itself
//! opened and nobody pushed to since, and nothing else; a person may open it again, and it is not closed twice.

use folkops_engine::{Ask, Call, Command, End, Facts, Operations, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeName, ChangeRef, Class, CommandSpec, Context, Effect,
    Intent, Line, OperationId, Outcome, Resource, Sha, Weight,
};
use folkops_previews::{Moot, Releases};

use crate::advance::nothing;
use crate::{revert, since, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "withdraw",
    aliases: &[],
    summary: "close what takes a change back that may stay after all",
    example: "/withdraw web#42",
    class: Class::Preview,
    args: &[ArgSpec {
        name: "change",
        help: "a pull request that takes another one back",
        kind: ArgKind::Change,
        arity: Arity::One,
    }],
    internal: true,
};

/// The command.
pub struct Withdraw;

impl Command for Withdraw {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let resource = moot(call, facts).map(|(revert, _)| Resource::Change(revert.clone()));
        Ok(Ask::about(resource.unwrap_or(Resource::Service), Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        match moot(call, facts) {
            Some(_) => revert::work(call, None),
            None => nothing(),
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_pending() {
            return Step::Wait;
        }
        match moot(call, facts) {
            Some((revert, moot)) if is_over(progress) => {
                ended(call, facts, progress, (revert, &moot.commit, &moot.change))
            }
            Some((revert, moot)) => {
                let effects = vec![Effect::Withdraw { revert: revert.clone(), commit: moot.commit.clone() }];
                Step::Owe { effects, intents: vec![], card: None, private: vec![] }
            }
            None => Step::End { end: End::Cancelled, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// Whether it was closed, or left to people.
pub fn is_over(progress: &Progress<'_>) -> bool {
    progress.outcomes().any(|outcome| matches!(outcome, Outcome::Withdrawn | Outcome::Left))
}

/// The end of closing what stands at `commit` and took `change` back.
pub fn ended(
    call: &Call<'_>,
    facts: &Facts<'_>,
    progress: &Progress<'_>,
    (revert, commit, change): (&ChangeRef, &Sha, &ChangeRef),
) -> Step {
    let title = Line::new().change(revert.number);
    let left = progress.outcomes().any(|outcome| matches!(outcome, Outcome::Left));
    let card = if left {
        Card::new(CardState::Held, title.text(" is not needed any more and is still open"))
            .say(
                Line::new()
                    .text("It is not as FolkOps opened it at ")
                    .commit(commit)
                    .text(", so it was left alone."),
            )
            .row("Next", "Somebody closes it, so that nobody merges it by mistake")
    } else {
        Card::new(CardState::Held, title.text(" is closed: it is not needed any more"))
            .say("So nobody merges it by mistake.")
            .row("Next", "Who wants it all the same opens it again; it is not closed a second time")
    };
    let card = card.row("Why", why(call, facts, change)).open(Weight::Quiet, "Read it", since::page(revert));
    let intents = vec![Intent::WithdrawRevert { revert: revert.clone() }];
    Step::End { end: End::Done, intents, card: Some(card), private: vec![] }
}

/// Why the change may stay: who pardoned it or promoted it again, and their words.
fn why(call: &Call<'_>, facts: &Facts<'_>, change: &ChangeRef) -> Line {
    let freed = freed(facts, change).and_then(|id| facts.row(&facts.fold::<Operations>()?.operations, id));
    let line = Line::new().change(change.number);
    let Some(of) = freed else { return line.text(" may stay after all") };
    let asked = Call { principal: &of.action.principal, place: &of.place, args: &of.args, ..*call };
    let did = match of.action.command.as_str() {
        "pardon" => "pardoned it",
        _ => "brought it to everybody again",
    };
    subject::why(&asked, did).0.into_iter().fold(line.text(" may stay: "), Line::span)
}

fn freed<'a>(facts: &Facts<'a>, change: &ChangeRef) -> Option<&'a OperationId> {
    let mut moot = facts.rows(&facts.fold::<Releases>()?.moot);
    moot.find(|(_, moot)| moot.change == *change)?.1.operation.as_ref()
}

/// What is named, while it is not needed and was not looked after yet.
fn moot<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<(&'a ChangeRef, &'a Moot)> {
    let name: ChangeName = call.args.changes("change").into_iter().next()?;
    facts.rows(&facts.fold::<Releases>()?.moot).find(|(revert, _)| name.fits(revert))
}
