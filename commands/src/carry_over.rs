//! "/carry-over web#41": a small push keeps the allowance of the commit before. Said by the automation only.
//!
//! Arguments: the change. Class: vouch. Reads: changes. Whether it does is looked at again in the decision itself, so a push
//! meanwhile profits from nothing; what is recorded names the one commit, the one that a person allowed, and the lines.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Intent, Line, Weight};
use folkops_previews::{Changes, Stood};

use crate::carrying;
use crate::subject::{self, Subject};
use crate::{Settings, since};

static SPEC: CommandSpec = CommandSpec {
    name: "carry-over",
    aliases: &[],
    summary: "let a small push keep the allowance of the commit before",
    example: "/carry-over web#41",
    class: Class::Vouch,
    args: &[ArgSpec { name: "change", help: "the change", kind: ArgKind::Change, arity: Arity::One }],
    internal: true,
};

/// The command.
pub struct CarryOn(pub Arc<Settings>);

impl Command for CarryOn {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let subjects = subject::named(call, facts)?;
        Ok(subject::ask(&subjects, subject::context(call, &subjects)))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let subjects = subject::named(call, facts).unwrap_or_default();
        let of = subjects.first().zip(self.0.carry_over.as_ref()).zip(facts.fold::<Changes>());
        let carried = of.and_then(|((subject, rule), changes)| {
            let (stood, lines) = carrying::carried(rule, facts, changes, subject)?;
            Some((subject, stood, lines.ok()?))
        });
        let Some((subject, stood, lines)) = carried.filter(|(subject, ..)| !subject.may_run()) else {
            return Plan::quiet();
        };
        let (change, sha) = subject.pinned();
        let card = card(call, facts, subject, (stood, lines));
        let intent = Intent::CarryCommit { change, sha, from: stood.sha.clone(), lines };
        Plan::quiet().intend(intent).also(stood.operation.clone(), card)
    }
}

/// What the card says from now on that told of the allowance.
fn card(call: &Call<'_>, facts: &Facts<'_>, subject: &Subject<'_>, (stood, lines): (&Stood, u64)) -> Card {
    let Subject { change, row, .. } = subject;
    let title = Line::new().change(change.number).text(" may run at ").commit(&row.head);
    let why = Line::new()
        .text(format!("{} by its author since ", subject::plural(lines, "line")))
        .commit(&stood.sha)
        .text(", which ")
        .person(&stood.by)
        .text(" allowed, on paths that need no second look");
    let card = Card::new(CardState::Good, title.text(": carried over from ").commit(&stood.sha))
        .say("A small push keeps the allowance here. The next one is measured against the commit that a person allowed.")
        .row("Why", why)
        .row("Next", "What waits for it starts by itself; a maintainer may look all the same")
        .button(Weight::Plain, "Preview", format!("/deploy-preview {}", subject::name(facts, change)));
    since::shown(card, call, facts, (change, row))
}
