//! "/welcome": what somebody can do with their first change here. Said by the automation only, where the change stands.
//!
//! No arguments. Class: read. Reads: changes, people, rooms. It notifies nobody, and names nobody who was not heard here.

use std::collections::BTreeSet;
use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, Facts, Plan, Rooms, Scope, Standing, TimelineItem};
use folkops_model::{
    Card, CardState, ChangeName, ChangeRef, Class, CommandSpec, Context, Group, Intent, Line, PersonId,
    Principal, Resource, Span, Topic, Weight,
};
use folkops_previews::Changes;
use jiff::SignedDuration;

use crate::Settings;
use crate::advance::nothing;
use crate::subject::{self, Subject};

static SPEC: CommandSpec = CommandSpec {
    name: "welcome",
    aliases: &[],
    summary: "show somebody new what can be done with their change",
    example: "/welcome",
    class: Class::Read,
    args: &[],
    internal: true,
};

/// How lately somebody must have said something to be around.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// So many of them are named.
const NAMED: usize = 4;

/// The command.
pub struct Welcome(pub Arc<Settings>);

impl Command for Welcome {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(about(call), Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(change) = call.place.about.clone() else { return nothing() };
        let newcomer = newcomer(facts, &change);
        let plan = newcomer.map_or_else(nothing, |subject| Plan::answer(self.card(facts, &subject)));
        plan.intend(Intent::Tell { change, topic: Topic::Welcome })
    }
}

/// What something said where a change stands is about.
pub fn about(call: &Call<'_>) -> Resource {
    call.place.about.clone().map_or(Resource::Service, Resource::Change)
}

/// The change, while it is open and its author is not known to keep order here.
fn newcomer<'a>(facts: &Facts<'a>, change: &ChangeRef) -> Option<Subject<'a>> {
    let changes = facts.fold::<Changes>()?;
    let subject = subject::of(facts, changes, change, facts.row(&changes.open, change)?);
    let knows_the_way = subject.author.as_ref().is_some_and(|author| maintains(facts, author, change));
    (!knows_the_way).then_some(subject)
}

fn maintains(facts: &Facts<'_>, person: &PersonId, change: &ChangeRef) -> bool {
    let resource = Resource::Change(change.clone());
    let scope = Scope { resource: &resource, ..Scope::whole(Class::Vouch) };
    Standing::lately(facts, &Principal::Person(person.clone()), scope).contains(&Group::Maintainer)
}

impl Welcome {
    fn card(&self, facts: &Facts<'_>, subject: &Subject<'_>) -> Card {
        let service = &self.0.service;
        let name = subject::name(facts, &subject.change);
        let looked = match subject.may_run() {
            true => Line::from(", for everybody to look at"),
            false => Line::new().text(", once a maintainer has looked at ").commit(&subject.row.head),
        };
        let up = looked
            .0
            .into_iter()
            .fold(step("deploy-preview", &name).text(format!(" brings up {service} with it")), Line::span);
        let own = step("opt-in", &name).text(" lets it handle your own requests, and nobody else’s; ");
        let all = step("promote", &name);
        let title =
            Line::new().text("Welcome, ").span(subject.author_span()).text(": your first change here");
        Card::new(CardState::Good, title)
            .say(format!(
                "It can be seen running, and tried on real work, before anybody merges it ({}). Three steps; each is a new comment.",
                subject::size(subject.row)
            ))
            .row("1", up)
            .row("2", own.code("/opt-out").text(" ends that"))
            .row("3", all.text(" is a maintainer’s to say. Everybody gets it, a few at first; it goes back by itself if it hurts"))
            .row("Around", around(facts, subject))
            .button(Weight::Main, "Bring it up", format!("/deploy-preview {name}"))
            .button(Weight::Plain, "Try it on my account", format!("/opt-in {name}"))
            .button(Weight::Quiet, "What can I say?", "/help")
    }
}

fn step(command: &str, change: &ChangeName) -> Line {
    Line::new().code(format!("/{command} {change}"))
}

/// Who keeps order for this change and said something lately, whoever did last first.
fn around(facts: &Facts<'_>, subject: &Subject<'_>) -> Line {
    let rooms = facts.fold::<Rooms>().into_iter().flat_map(|rooms| rooms.timeline.iter());
    let mut heard: Vec<_> = rooms
        .filter_map(|(_, item)| match item {
            TimelineItem::Said { by: Principal::Person(person), at, .. } => Some((*at, person)),
            TimelineItem::Said { .. } | TimelineItem::Card { .. } => None,
        })
        .filter(|(at, person)| {
            facts.now().duration_since(*at) <= LATELY && Some(*person) != subject.author.as_ref()
        })
        .collect();
    heard.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut named = BTreeSet::new();
    let distinct = heard.into_iter().map(|(_, person)| person).filter(|person| named.insert(*person));
    let here: Vec<_> =
        distinct.filter(|person| maintains(facts, person, &subject.change)).take(NAMED).collect();
    match here.as_slice() {
        [] => Line::from("No maintainer said anything here within a day; whoever comes next sees what waits"),
        here => Line::new()
            .list(here.iter().map(|person| Span::Person((*person).clone())))
            .text(" said something here within a day"),
    }
}
