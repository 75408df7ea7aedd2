//! "/pardon 52 the cause was our own disk": what was rolled back may go out again.
//!
//! Arguments: changes; a reason. Class: release. Reads: what was taken back. It also opens promotions again after two bad
//! releases in a row.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeRef, Class, CommandSpec, Context, Intent, Line, Resource,
    Span, Weight,
};
use folkops_previews::Releases;

use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "pardon",
    aliases: &[],
    summary: "let what was rolled back go out again",
    example: "/pardon 52",
    class: Class::Release,
    args: &[
        ArgSpec {
            name: "change",
            help: "a pull request that was rolled back, or several",
            kind: ArgKind::Change,
            arity: Arity::Many,
        },
        ArgSpec { name: "reason", help: "why, in a few words", kind: ArgKind::Rest, arity: Arity::Optional },
    ],
    internal: false,
};

/// The command.
pub struct Pardon;

impl Command for Pardon {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        // What went out was allowed and ticked before it did; a pardon gives nobody anything new.
        let context = Context { commits_allowed: true, checklist_done: true, ..Context::default() };
        Ok(Ask::about(Resource::Service, context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let named = call.args.changes("change");
        let releases = facts.fold::<Releases>();
        let taken = releases
            .into_iter()
            .flat_map(|releases| facts.rows(&releases.taken_back))
            .map(|(change, _)| change);
        let pardoned: Vec<ChangeRef> =
            taken.filter(|change| named.iter().any(|name| name.fits(change))).cloned().collect();
        if pardoned.is_empty() {
            let numbers = Line::new().list(named.iter().map(|name| Span::Change(name.number())));
            let are = if named.len() == 1 { " was not rolled back" } else { " were not rolled back" };
            return Plan::refuse(
                Card::new(CardState::Refused, numbers.text(are)).say("Nothing was done.").button(
                    Weight::Quiet,
                    "What runs now?",
                    "/status",
                ),
            );
        }
        let list = Line::new().list(pardoned.iter().map(|change| Span::Change(change.number)));
        let card = Card::new(CardState::Good, list.text(" may go out again"))
            .say("Promotions are open, and other changes may bring it along.")
            .row("Why", subject::why(call, "pardoned it"));
        Plan::answer(card).intend(Intent::Pardon {
            changes: pardoned,
            by: call.principal.clone(),
            reason: subject::reason(call),
        })
    }
}
