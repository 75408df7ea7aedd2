//! "/pause the fair is on": the rollout stands still where it is.
//!
//! Arguments: a reason. Class: safety. Reads: the rollout. It still goes back by itself when the numbers show harm.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Resource, Weight,
};
use folkops_rollouts::{Stage, plan};

use crate::advance::live;
use crate::{alert, soak, subject, telling};

static SPEC: CommandSpec = CommandSpec {
    name: "pause",
    aliases: &[],
    summary: "let a rollout stand still",
    example: "/pause the harvest fair is on",
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
pub struct Pause;

impl Command for Pause {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        live(facts).map(|_| Ask::about(Resource::Service, Context::default())).ok_or_else(none)
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(row) = live(facts) else { return Plan::refuse(*none()) };
        if let Stage::Paused { .. } = row.stage {
            let card =
                Card::new(CardState::Held, telling::changes(&row.rollout).text(" stands still already"));
            return Plan::refuse(card.button(Weight::Plain, "Go on", "/resume"));
        }
        if let Some(until) = soak::until(row) {
            return Plan::refuse(soak::nothing_to_steer(row, until));
        }
        let planned = plan(row, facts.now());
        let why = subject::why(call, "paused it");
        let over = alert::over(row, &planned, facts.now(), (CardState::Held, why.clone()));
        let card = telling::paused(row, &planned, why);
        let intent = Intent::PauseRollout {
            release: row.rollout.release,
            by: call.principal.clone(),
            reason: subject::reason(call),
        };
        Plan::answer(card.clone()).intend(intent).also(row.rollout.operation.clone(), card).alerting(over)
    }
}

/// There is no rollout.
pub fn none() -> Box<Card> {
    let card = Card::new(CardState::Refused, "Nothing is being rolled out").say("Nothing was done.");
    Box::new(card.button(Weight::Quiet, "What runs now?", "/status"))
}
