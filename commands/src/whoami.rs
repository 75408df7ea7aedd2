//! "/whoami": who I am here, and what that lets me do.
//!
//! No arguments. Class: read. Reads: people, and what the sources of rights said of them.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Ask, Call, Command, Facts, People, Plan, Scope, Standing};
use folkops_model::{
    Action, Card, CardState, Class, CommandSpec, ComponentName, Context, Group, Line, PersonId, Resource,
    Span,
};

use crate::link;

static SPEC: CommandSpec = CommandSpec {
    name: "whoami",
    aliases: &[],
    summary: "who you are here and what you may do",
    example: "/whoami",
    class: Class::Read,
    args: &[],
    internal: false,
};

/// The command.
pub struct Whoami;

impl Command for Whoami {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(person) = call.principal.person() else {
            return Plan::answer(Card::new(CardState::Good, "This is FolkOps by itself"));
        };
        let whole = Standing::of(facts, call.principal, Scope::whole(SPEC.class)).groups;
        let title = Line::new().text("You are ").person(person).text(", here as ").strong(named(&whole));
        let row = facts.fold::<People>().and_then(|people| facts.row(&people.people, person));
        let mut card = Card::new(CardState::Good, title);
        if let Some(owner) = row.and_then(|row| row.owner.as_ref()) {
            card = card.row("Account", Line::new().text("in the service: ").code(owner.to_string()));
        }
        if let Some(row) = row.filter(|row| !row.accounts.is_empty()) {
            let accounts = row.accounts.iter().map(|account| Span::Code(link::written(account)));
            card = card.row("Linked", Line::new().list(accounts));
        }
        let parts = governed(facts, person);
        for component in &parts {
            let resource = Resource::Component(component.clone());
            let groups = Standing::of(facts, call.principal, scope(SPEC.class, &resource)).groups;
            if groups != whole {
                let line =
                    Line::new().text("in ").code(component.to_string()).text(": ").strong(named(&groups));
                card = card.row("Also", line);
            }
        }
        let (may, may_not) = may(call, facts, &parts);
        card = card.row("May", may);
        if !may_not.0.is_empty() {
            card = card.row("Not", may_not.text("; ask with ").code("/can-i").text(" to hear why"));
        }
        Plan::answer(card)
    }
}

fn named(groups: &BTreeSet<Group>) -> String {
    groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(", ")
}

fn scope(class: Class, resource: &Resource) -> Scope<'_> {
    Scope { resource, ..Scope::whole(class) }
}

/// The components in which sources of rights know this person.
fn governed(facts: &Facts<'_>, person: &PersonId) -> BTreeSet<ComponentName> {
    let said = facts.fold::<People>().and_then(|people| facts.row(&people.rights, person));
    said.into_iter().flat_map(|said| said.values()).flat_map(|said| said.rights.keys()).cloned().collect()
}

/// Commands that the best case allows, in whichever component, and those that not even that does.
fn may(call: &Call<'_>, facts: &Facts<'_>, parts: &BTreeSet<ComponentName>) -> (Line, Line) {
    let best = Context {
        commits_allowed: true,
        own: true,
        reviewed: true,
        owner: true,
        owner_reviewed: true,
        checks_green: true,
        two_people: true,
        checklist_done: true,
        ..Context::default()
    };
    let action = |spec: &'static CommandSpec, resource: Resource| {
        call.desk.action(spec, call.principal, facts, Ask::about(resource, best.clone()))
    };
    let components = || parts.iter().map(|component| Resource::Component(component.clone()));
    // Where somebody stands is the same for all commands of a class, so it is asked once for each.
    let mut asked: BTreeMap<Class, Vec<Action>> = BTreeMap::new();
    let mut allowed = |spec: &&'static CommandSpec| {
        let asked = asked.entry(spec.class).or_insert_with(|| {
            let whole = call.principal.person().map_or(Resource::Service, |person| match spec.class {
                Class::OwnWorkload => Resource::Workload(person.clone()),
                _ => Resource::Service,
            });
            std::iter::once(whole).chain(components()).map(|resource| action(spec, resource)).collect()
        });
        asked.iter_mut().any(|action| {
            action.command = spec.name.to_owned();
            call.desk.authority.judge(action).allows()
        })
    };
    let specs = call.desk.registry.specs().filter(|spec| !spec.internal);
    let (yes, no): (Vec<_>, Vec<_>) = specs.partition(|spec| allowed(spec));
    let line = |specs: Vec<&'static CommandSpec>| {
        Line::new().list(specs.into_iter().map(|spec| Span::Code(format!("/{}", spec.name))))
    };
    (line(yes), line(no))
}
