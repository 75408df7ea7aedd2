//! "/expire p-7kq2x": a preview or a mix is over. Said by the automation only.
//!
//! Arguments: a preview's name, a person's id, or a stack's name. Class: preview. Reads: previews, mixes. Because of a
//! deadline, or because its processes are gone, or because nothing in the record wants the stack any more.

use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, PersonId, PreviewId,
    Resource, StackName,
};
use folkops_previews::{Mix, Mixes, Preview, Previews};

use crate::{opt_out, raise, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "expire",
    aliases: &[],
    summary: "end what is past its deadline or not wanted any more",
    example: "/expire p-7kq2xm4",
    class: Class::Preview,
    args: &[ArgSpec {
        name: "what",
        help: "a preview, a person’s id, or a stack",
        kind: ArgKind::Name,
        arity: Arity::One,
    }],
    internal: true,
};

/// How long ending something may take.
const WITHIN: Duration = Duration::from_secs(120);

/// The command.
pub struct Expire;

enum Ending<'a> {
    Preview(&'a PreviewId, &'a Preview),
    Mix(&'a PersonId, &'a Mix),
    Stack(StackName),
}

impl Command for Expire {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        match ending(call, facts) {
            Some(Ending::Preview(id, preview)) => {
                let changes: Vec<_> = preview.parts.iter().filter_map(|part| part.change.clone()).collect();
                let title = subject::numbers(Line::new().text("Preview of "), &changes)
                    .text(" is gone: its time is over");
                let again = Line::new()
                    .code(format!("/deploy-preview {}", subject::spoken(facts, &changes)))
                    .text(" brings it back");
                let card = Card::new(CardState::Held, title).row("Next", again);
                let drop = Intent::DropPreview { preview: id.clone(), why: "its time is over".into() };
                Plan::work(format!("preview-{id}"), WITHIN, Some(card)).intend(drop)
            }
            Some(Ending::Mix(person, _)) => {
                let title =
                    Line::new().person(person).text(" sees what everybody sees again: the mix is over");
                let card = Card::new(CardState::Held, title)
                    .say("What was changed in their data meanwhile is kept.")
                    .row("Next", Line::new().code("/opt-in").text(" brings it back"));
                Plan::work(format!("mix-{person}"), WITHIN, Some(card))
            }
            Some(Ending::Stack(stack)) => Plan::work(format!("stack-{stack}"), WITHIN, None),
            None => Plan::work("nothing", WITHIN, None),
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_pending() {
            return Step::Wait;
        }
        match ending(call, facts) {
            Some(Ending::Mix(person, mix)) if progress.is_start() => {
                opt_out::leaving(call, facts, person, mix)
            }
            _ if progress.is_start() => {
                let stacks = call.args.name("what").and_then(|word| StackName::parse(word).ok());
                Step::Owe { effects: raise::stops(stacks), intents: vec![], card: None, private: vec![] }
            }
            _ => Step::End { end: End::Done, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// What the name stands for; the name of a preview is the name of its stack.
fn ending<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<Ending<'a>> {
    let word = call.args.name("what")?;
    let preview =
        facts.fold::<Previews>().and_then(|p| facts.rows(&p.previews).find(|(id, _)| id.as_str() == word));
    let mix =
        facts.fold::<Mixes>().and_then(|m| facts.rows(&m.mixes).find(|(person, _)| person.as_str() == word));
    let preview = preview.map(|(id, preview)| Ending::Preview(id, preview));
    let mix = mix.map(|(person, mix)| Ending::Mix(person, mix));
    preview.or(mix).or_else(|| StackName::parse(word).ok().map(Ending::Stack))
}
