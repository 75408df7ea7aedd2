//! "/help": what can be said here. "/help promote": how one command is written.
//!
//! Arguments: a command's name. Class: read. Reads: the registry.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Line, Resource, Weight,
};

static SPEC: CommandSpec = CommandSpec {
    name: "help",
    aliases: &[],
    summary: "what can be said here",
    example: "/help promote",
    class: Class::Read,
    args: &[ArgSpec {
        name: "command",
        help: "a command’s name",
        kind: ArgKind::Name,
        arity: Arity::Optional,
    }],
    internal: false,
};

/// The command.
pub struct Help;

impl Command for Help {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let Some(wanted) = call.args.name("command") else { return Plan::answer(all(call)) };
        match call.desk.registry.find(wanted, call.principal) {
            Ok(command) => Plan::answer(one(command.spec())),
            Err(misread) => Plan::refuse(folkops_engine::cards::misread(&misread)),
        }
    }
}

fn all(call: &Call<'_>) -> Card {
    let card = Card::new(CardState::Good, "What can be said here")
        .say("A line that starts with / is a command; all else is talk. What you may not do is refused with the rule and who can help.");
    let specs = call.desk.registry.specs().filter(|spec| !spec.internal);
    let card = specs.fold(card, |card, spec| card.row(&format!("/{}", spec.name), spec.summary));
    card.button(Weight::Plain, "What may I do?", "/whoami")
}

fn one(spec: &'static CommandSpec) -> Card {
    let card = Card::new(CardState::Good, Line::new().code(usage(spec)).text(": ").text(spec.summary));
    let card = spec.args.iter().fold(card, |card, arg| card.row(arg.name, arg.help));
    let card = card.row("Example", Line::new().code(spec.example)).row("Class", spec.class.as_str());
    if spec.aliases.is_empty() {
        return card;
    }
    let aliases: Vec<String> = spec.aliases.iter().map(|alias| format!("/{alias}")).collect();
    card.row("Also", Line::new().code(aliases.join(" ")))
}

/// How a command is written: `/opt-in <change>… [--yes]`.
pub fn usage(spec: &CommandSpec) -> String {
    let args = spec.args.iter().map(|arg| match (arg.kind, arg.arity) {
        (ArgKind::Flag, _) => format!(" [--{}]", arg.name),
        (_, Arity::One) => format!(" <{}>", arg.name),
        (_, Arity::Optional) => format!(" [{}]", arg.name),
        (_, Arity::Many) => format!(" <{}>…", arg.name),
    });
    format!("/{}{}", spec.name, args.collect::<String>())
}
