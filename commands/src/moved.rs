//! "/moved web#41": a push took a change on from the commit that was allowed. Said by the automation only.
//!
//! Arguments: the change. Class: safety. Reads: changes, previews. Nothing is carried over and nothing that runs is
//! stopped: the cards that told of the allowance, and of what runs by it, say what was pushed since.

use std::sync::Arc;

use folkops_engine::desk::hex;
use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeRef, Class, CommandSpec, Context, Intent, Line,
    OperationId, Resource, Sha, Span, Weight,
};
use folkops_previews::{ChangeRow, Changes, PreviewState, Previews, Stood};

use sha2::{Digest as _, Sha256};

use crate::carrying::{self, CarryOver};
use crate::deploy_preview;
use crate::subject::{self, Subject};
use crate::{Settings, since};

static SPEC: CommandSpec = CommandSpec {
    name: "moved",
    aliases: &[],
    summary: "tell that a push took a change on from the commit that was allowed",
    example: "/moved web#41",
    class: Class::Safety,
    args: &[ArgSpec { name: "change", help: "the change", kind: ArgKind::Change, arity: Arity::One }],
    internal: true,
};

/// The command.
pub struct Moved(pub Arc<Settings>);

impl Command for Moved {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let all = subject::named(call, facts).unwrap_or_default();
        let left = all.first().zip(facts.fold::<Changes>());
        let left =
            left.and_then(|(one, changes)| Some((one, changes.left(facts, &one.change, &one.row.head)?)));
        let Some((subject, stood)) = left.filter(|(subject, _)| !subject.may_run()) else {
            return Plan::quiet();
        };
        let (change, head) = (subject.change.clone(), subject.row.head.clone());
        let void = Intent::VoidCommit { change, sha: stood.sha.clone(), head };
        let card = card(call, facts, (&subject.change, subject.row), stood);
        let card = self.with_obstacle(card, facts, subject);
        let plan = Plan::quiet().intend(void).also(stood.operation.clone(), card);
        let ups = ups(call, facts, &subject.change, &subject.row.head);
        ups.into_iter().fold(plan, |plan, (operation, card)| plan.also(operation, card))
    }
}

impl Moved {
    /// With why a small push does not keep the allowance, where some do.
    fn with_obstacle(&self, card: Card, facts: &Facts<'_>, subject: &Subject<'_>) -> Card {
        let of = self.0.carry_over.as_ref().zip(facts.fold::<Changes>());
        match of.and_then(|(rule, changes)| carrying::carried(rule, facts, changes, subject)) {
            Some((_, Err(obstacle))) => card.row("Carried", format!("Not over: {obstacle}")),
            _ => card,
        }
    }
}

/// What the card says from now on that told of the allowance.
fn card(call: &Call<'_>, facts: &Facts<'_>, (change, row): (&ChangeRef, &ChangeRow), stood: &Stood) -> Card {
    let title = Line::new().change(change.number).text(" has moved on from ").commit(&stood.sha);
    let title = title.text(" to ").commit(&row.head).text(", which waits for one look");
    let told = deploy_preview::maintainers(facts, [change.component.clone()].into());
    let who = Line::new().list(told.iter().take(4).cloned().map(Span::Person)).text(" can");
    let card = Card::new(CardState::Waiting, title)
        .say("Leave stays with the commit that was allowed. What runs of it runs on; nothing newer starts.")
        .row("Whole", subject::size(row))
        .button(Weight::Main, format!("Allow {}", row.head.short()), format!("/ok-to-test {}", row.head));
    let card = since::shown(card, call, facts, (change, row))
        .row("Next", "A maintainer reads what changed, then allows exactly that commit");
    if told.is_empty() { card } else { card.row("Who", who) }
}

/// The cards of previews that run an earlier commit, as they read from now on.
fn ups(call: &Call<'_>, facts: &Facts<'_>, change: &ChangeRef, head: &Sha) -> Vec<(OperationId, Card)> {
    let Some(previews) = facts.fold::<Previews>() else { return Vec::new() };
    let runs =
        |part: &folkops_model::Part| part.change.as_ref().is_some_and(|(of, at)| of == change && at != head);
    let up = facts.rows(&previews.previews).filter(|(_, preview)| {
        matches!(preview.state, PreviewState::Up(_)) && preview.parts.iter().any(runs)
    });
    let told = up.filter_map(|(id, preview)| {
        let card = deploy_preview::up(call, facts, id, preview, None);
        Some((preview.raised_by.clone()?, card))
    });
    told.collect()
}

/// The lines that FolkOps says of changes that moved on, each with what makes it the same as an earlier one: first that
/// they did, then that a small push keeps the allowance.
pub fn proposals(facts: &Facts<'_>, rule: Option<&CarryOver>) -> Vec<(String, String)> {
    let Some(changes) = facts.fold::<Changes>() else { return Vec::new() };
    let left = changes.open.iter().filter(|(change, row)| {
        changes.left(facts, change, &row.head).is_some()
            && changes.allowed(facts, change, &row.head).is_none()
    });
    let line = |(change, row): (&ChangeRef, &ChangeRow)| {
        let told = changes.voided.get(change) == Some(&row.head);
        let carries = || {
            let subject = subject::of(facts, changes, change, row);
            let (_, carried) = carrying::carried(rule?, facts, changes, &subject)?;
            carried.is_ok().then_some("carry-over")
        };
        let word = if told { carries()? } else { SPEC.name };
        // Names of components and commits are longer together than a message's id may be.
        let hash = hex(&Sha256::digest(format!("{change} {}", row.head)));
        let key = format!("{word}-{}", hash.get(..32).unwrap_or(&hash));
        Some((format!("/{word} {change}"), key))
    };
    left.filter_map(line).collect()
}
