//! "/tick privacy web#41": I answer for this point of the checklist, at the commit where the change stands.
//!
//! Arguments: the point, and the change where the place is not about it; `--at=…` from the button names the commit that
//! was looked at. Class: vouch. Reads: changes. A push makes another commit, at which nothing is ticked.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Intent, Line, Resource, Span, Weight,
};
use jiff::SignedDuration;

use crate::checklist::{self, Point};
use crate::subject::{self, Subject};
use crate::{Settings, since};

static SPEC: CommandSpec = CommandSpec {
    name: "tick",
    aliases: &["sign-off"],
    summary: "answer for a point of the checklist",
    example: "/tick privacy web#41",
    class: Class::Vouch,
    args: &[
        ArgSpec { name: "point", help: "its name on the list", kind: ArgKind::Name, arity: Arity::One },
        ArgSpec { name: "change", help: "a pull request's number", kind: ArgKind::Change, arity: Arity::One },
        ArgSpec {
            name: "at",
            help: "the commit, from the button",
            kind: ArgKind::Flag,
            arity: Arity::Optional,
        },
    ],
    internal: false,
};

/// For how long after a push the commit has to be named: whoever typed may have read the one before.
const JUST_MOVED: SignedDuration = SignedDuration::from_secs(120);

/// The command.
pub struct Tick(pub Arc<Settings>);

impl Command for Tick {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (subject, _) = self.named(call, facts)?;
        let context = subject::context(call, std::slice::from_ref(&subject));
        Ok(Ask::about(Resource::Change(subject.change), context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (subject, point) = match self.named(call, facts) {
            Ok(named) => named,
            Err(card) => return Plan::refuse(*card),
        };
        let Some(by) = call.principal.person() else {
            return Plan::refuse(Card::new(CardState::Refused, "Only a person answers for a point"));
        };
        let (change, sha) = subject.pinned();
        let title = Line::new().strong(point.key.clone()).text(" is ticked for ").change(change.number);
        let card = Card::new(CardState::Good, title.text(" at ").commit(&sha))
            .say("A push makes another commit, at which nothing is ticked.")
            .row("What", point.text.clone())
            .row("Why", Line::new().person(by).text(" answers for it"));
        let card = self.left(card, facts, &subject, point);
        let back = checklist::line("untick", facts, point, &subject);
        let card = card.button(Weight::Quiet, "Take it back", back);
        Plan::answer(card).intend(Intent::Tick { change, sha, point: point.key.clone(), by: by.clone() })
    }
}

impl Tick {
    /// What is to be ticked; or a card that says why nothing is.
    fn named<'a>(&self, call: &Call<'_>, facts: &Facts<'a>) -> Result<(Subject<'a>, &Point), Box<Card>> {
        let (subject, (point, _)) = checklist::named(&self.0.checklist, call, facts)?;
        let moved = subject.row.previous.is_some();
        let just_moved = moved && facts.now().duration_since(subject.row.seen) < JUST_MOVED;
        match call.args.flag("at") {
            Some(at) if at == subject.row.head.as_str() => Ok((subject, point)),
            None if !just_moved => Ok((subject, point)),
            _ => Err(Box::new(elsewhere(call, facts, &subject, point))),
        }
    }

    /// What is left to be ticked after this one.
    fn left(&self, card: Card, facts: &Facts<'_>, subject: &Subject<'_>, done: &Point) -> Card {
        let mut left = checklist::points(&self.0.checklist, facts, subject);
        left.retain(|(point, by)| by.is_none() && *point != done);
        if left.is_empty() {
            return card.row("Next", "Nothing is left on the list");
        }
        let keys = left.iter().map(|(point, _)| Span::Code(point.key.clone()));
        let card = card.row("Left", Line::new().list(keys));
        left.iter().fold(card, |card, (point, _)| checklist::button(card, facts, point, subject))
    }
}

/// The commit that was named is not the one where the change stands; or none was, right after a push.
fn elsewhere(call: &Call<'_>, facts: &Facts<'_>, subject: &Subject<'_>, point: &Point) -> Card {
    let title = Line::new().change(subject.change.number).text(" has moved: it stands at ");
    let card = Card::new(CardState::Refused, title.commit(&subject.row.head))
        .say("Nothing was ticked: a point is answered for at the commit that was read.")
        .row("Next", "Read what is new, then tick it at that commit")
        .open(Weight::Plain, "Read it", since::page(&subject.change));
    let card = checklist::button(card, facts, point, subject);
    since::shown(card, call, facts, (&subject.change, subject.row))
}
