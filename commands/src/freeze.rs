//! "/freeze the fair is on": nothing is promoted until it is lifted.
//!
//! Arguments: a reason. Class: safety. Reads: nothing. A rollback is never frozen.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, Resource, Span,
    Weight,
};

use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "freeze",
    aliases: &[],
    summary: "let nothing be promoted until it is lifted",
    example: "/freeze the harvest fair is on",
    class: Class::Safety,
    args: &[ArgSpec {
        name: "reason",
        help: "why, in a few words",
        kind: ArgKind::Rest,
        arity: Arity::Optional,
    }],
    internal: false,
};

/// The command.
pub struct FreezeAll;

impl Command for FreezeAll {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let reason = subject::reason(call);
        let mut card = Card::new(CardState::Held, "Frozen: nothing is promoted until it is lifted");
        if let Some(reason) = &reason {
            card = card.say(Line::new().text("Reason: ").span(Span::Said(reason.clone())));
        }
        let card = card
            .row("Why", subject::who(Line::new(), call.principal).text(" froze it"))
            .row("Still", "Previews, opt-ins and above all rollback work as ever")
            .button(Weight::Plain, "Lift it", "/unfreeze");
        Plan::answer(card).intend(Intent::Freeze { until: None, reason, by: call.principal.clone() })
    }
}
