//! "/whoami": who I am here, and what that lets me do.
//!
//! No arguments. Class: read. Reads: people.

use folkops_engine::{Ask, Call, Command, Facts, People, Plan};
use folkops_model::{Action, Card, CardState, Class, CommandSpec, Context, Line, Resource};

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
        Ok(Ask { resource: Resource::Service, context: Context::default() })
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(person) = call.principal.person() else {
            return Plan::answer(Card::new(CardState::Good, "This is FolkOps by itself"));
        };
        let groups: Vec<&str> = call.groups.iter().map(|group| group.as_str()).collect();
        let title = Line::new().text("You are ").person(person).text(", here as ").strong(groups.join(", "));
        let row = facts.fold::<People>().and_then(|people| facts.row(&people.people, person));
        let mut card = Card::new(CardState::Good, title);
        if let Some(owner) = row.and_then(|row| row.owner.as_ref()) {
            card = card.row("Account", Line::new().text("in the service: ").code(owner.to_string()));
        }
        let (may, may_not) = may(call);
        card = card.row("May", may);
        if !may_not.0.is_empty() {
            card = card.row("Not", may_not.text("; ask with ").code("/can-i").text(" to hear why"));
        }
        Plan::answer(card)
    }
}

/// Commands that the best case allows, and those that not even that does.
fn may(call: &Call<'_>) -> (Line, Line) {
    let best = Context { commits_allowed: true, own: true, ..Context::default() };
    let allowed = |spec: &&'static CommandSpec| {
        let resource = call.principal.person().map_or(Resource::Service, |person| match spec.class {
            Class::OwnWorkload => Resource::Workload(person.clone()),
            _ => Resource::Service,
        });
        let action = Action {
            service: call.desk.service.clone(),
            principal: call.principal.clone(),
            groups: call.groups.clone(),
            command: spec.name.to_owned(),
            class: spec.class,
            resource,
            context: best.clone(),
        };
        call.desk.authority.judge(&action).allows()
    };
    let specs = call.desk.registry.specs().filter(|spec| !spec.internal);
    let (yes, no): (Vec<_>, Vec<_>) = specs.partition(allowed);
    let line = |specs: Vec<&'static CommandSpec>| {
        Line::new().list(specs.into_iter().map(|spec| folkops_model::Span::Code(format!("/{}", spec.name))))
    };
    (line(yes), line(no))
}
