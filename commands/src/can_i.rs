//! "/can-i promote 41": would it be allowed, and by which rule? Nothing happens.
//!
//! Arguments: the line. Class: read. Reads: what the line would read. Asks the same judge in the same way as saying it.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Line, Resource, Span,
};

static SPEC: CommandSpec = CommandSpec {
    name: "can-i",
    aliases: &[],
    summary: "whether you may, and by which rule",
    example: "/can-i promote 41",
    class: Class::Read,
    args: &[ArgSpec {
        name: "line",
        help: "the command as you would say it",
        kind: ArgKind::Rest,
        arity: Arity::One,
    }],
    internal: false,
};

/// The command.
pub struct CanI;

impl Command for CanI {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(line) = call.args.text("line") else {
            return Plan::answer(Card::new(CardState::Refused, "No line was given"));
        };
        let judged = match call.desk.would(call, facts, &line.clear) {
            Ok(judged) => judged,
            Err(card) => return Plan::refuse(*card),
        };
        let said = line.sealed.clone().map_or_else(|| Span::Code(judged.spec.name.to_owned()), Span::Said);
        let allows = judged.decision.allows();
        let (state, answer) = if allows {
            (CardState::Good, "Yes, you may: ")
        } else {
            (CardState::Refused, "No, not as things stand: ")
        };
        let mut card = Card::new(state, Line::new().text(answer).span(said));
        for rule in judged.decision.rules() {
            card = card.row("Rule", Line::new().strong(rule.id.clone()).text("; ").text(rule.reason.clone()));
            if let Some(remedy) = rule.remedy.as_ref().filter(|_| !allows) {
                card =
                    card.row("Way out", Line::new().code(format!("/{remedy}")).text(" by somebody who may"));
            }
        }
        if !allows {
            let who = call.desk.who_could(facts, &judged.action);
            let who = who.iter().take(4).map(|person| Span::Person(person.clone()));
            card = card.row("Who", Line::new().list(who).text(" can"));
        }
        card = folkops_engine::cards::with_old_rights(card, judged.action.rights_as_of.as_ref());
        Plan::answer(card.say("Nothing was done."))
    }
}
