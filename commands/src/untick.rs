//! "/untick privacy web#41": nobody answers any more for this point of the checklist, at the commit where the change
//! stands.
//!
//! Arguments: the point, and the change where the place is not about it. Class: vouch; whoever wrote the change may, too,
//! because it vouches for nothing. Reads: changes. What was decided before stays.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, Resource,
};

use crate::{Settings, checklist, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "untick",
    aliases: &[],
    summary: "take back that a point of the checklist is ticked",
    example: "/untick privacy web#41",
    class: Class::Vouch,
    args: &[
        ArgSpec { name: "point", help: "its name on the list", kind: ArgKind::Name, arity: Arity::One },
        ArgSpec { name: "change", help: "a pull request's number", kind: ArgKind::Change, arity: Arity::One },
    ],
    internal: false,
};

/// The command.
pub struct Untick(pub Arc<Settings>);

impl Command for Untick {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (subject, _) = checklist::named(&self.0.checklist, call, facts)?;
        let context = subject::context(call, std::slice::from_ref(&subject));
        Ok(Ask::about(Resource::Change(subject.change), Context { own_change: false, ..context }))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (subject, (point, ticked)) = match checklist::named(&self.0.checklist, call, facts) {
            Ok(named) => named,
            Err(card) => return Plan::refuse(*card),
        };
        let (change, sha) = subject.pinned();
        let title = Line::new().strong(point.key.clone());
        let Some((before, _)) = ticked else {
            let title = title.text(" is not ticked for ").change(change.number).text(" at ").commit(&sha);
            let card = Card::new(CardState::Refused, title).say("Nothing was done.");
            return Plan::refuse(checklist::button(card, facts, point, &subject));
        };
        let Some(by) = call.principal.person() else {
            return Plan::refuse(Card::new(CardState::Refused, "Only a person takes back an answer"));
        };
        let title =
            title.text(" is not ticked any more for ").change(change.number).text(" at ").commit(&sha);
        let card = Card::new(CardState::Held, title)
            .say("It holds back the next promotion; what was decided before stays.")
            .row("What", point.text.clone())
            .row("Why", Line::new().person(by).text(" took back what ").person(&before).text(" answered for"))
            .row("Next", "Somebody answers for it again, or the change is mended");
        let card = checklist::button(card, facts, point, &subject);
        Plan::answer(card).intend(Intent::Untick { change, sha, point: point.key.clone(), by: by.clone() })
    }
}
