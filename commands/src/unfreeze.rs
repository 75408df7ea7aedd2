//! "/unfreeze": things may be promoted again.
//!
//! No arguments. Class: safety. Reads: the freeze.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{Card, CardState, Class, CommandSpec, Context, Intent, Line, Resource};
use folkops_previews::Releases;

use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "unfreeze",
    aliases: &[],
    summary: "let things be promoted again",
    example: "/unfreeze",
    class: Class::Safety,
    args: &[],
    internal: false,
};

/// The command.
pub struct Unfreeze;

impl Command for Unfreeze {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let frozen = facts.fold::<Releases>().is_some_and(|releases| releases.frozen(facts).is_some());
        if !frozen {
            return Plan::answer(
                Card::new(CardState::Good, "Nothing is frozen").say("Things may be promoted."),
            );
        }
        let card = Card::new(CardState::Good, "The freeze is lifted: things may be promoted again")
            .row("Why", subject::who(Line::new(), call.principal).text(" lifted it"));
        Plan::answer(card).intend(Intent::Unfreeze)
    }
}
