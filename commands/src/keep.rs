//! "/keep p-7kq2x 2h": this preview should last longer.
//!
//! Arguments: its name, and for how long from now. Class: preview. Reads: previews. Never longer than a day from now,
//! so that nothing of a stranger's stays because everybody forgot it.

use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Effect, Intent, Line, Resource,
    Span,
};
use folkops_previews::reconcile::preview_stack;

use crate::Settings;
use crate::checklist;
use crate::stop_preview::named;
use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "keep",
    aliases: &[],
    summary: "let a preview last longer",
    example: "/keep p-7kq2xm4 2h",
    class: Class::Preview,
    args: &[
        ArgSpec { name: "preview", help: "the preview's name", kind: ArgKind::Preview, arity: Arity::One },
        ArgSpec {
            name: "time",
            help: "how long from now, such as 2h",
            kind: ArgKind::Duration,
            arity: Arity::Optional,
        },
    ],
    internal: false,
};

/// The command.
pub struct Keep(pub Arc<Settings>);

impl Command for Keep {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (id, preview) = named(call, facts)?;
        let own = preview.by == *call.principal;
        let changes: Vec<_> = preview.parts.iter().filter_map(|part| part.change.clone()).collect();
        let context = Context { own, ..Context::default() };
        let context = checklist::at(context, &self.0.checklist, facts, &changes);
        Ok(Ask::about(Resource::Preview(id.clone()), context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (id, preview) = match named(call, facts) {
            Ok(named) => named,
            Err(card) => return Plan::refuse(*card),
        };
        let asked = call.args.seconds("time").map_or(self.0.lasts, Duration::from_secs);
        let deadline = (facts.now() + asked.min(self.0.lasts_at_most)).max(preview.deadline);
        let changes: Vec<_> = preview.parts.iter().filter_map(|part| part.change.clone()).collect();
        let title = subject::numbers(Line::new().text("Preview of "), &changes).text(" lasts longer");
        let card = Card::new(CardState::Good, title)
            .say(Line::new().text("It ends at ").span(Span::Time(deadline)).text("."))
            .row("Why", subject::who(Line::new(), call.principal).text(" asked for it"));
        Plan::work(format!("preview-{id}"), Duration::from_secs(60), Some(card))
            .intend(Intent::KeepPreview { preview: id.clone(), deadline })
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let Ok((id, preview)) = named(call, facts) else { return end() };
        if !progress.is_start() {
            return end();
        }
        let extend = Effect::Extend { stack: preview_stack(id), deadline: preview.deadline };
        Step::Owe { effects: vec![extend], intents: vec![], card: None, private: vec![] }
    }
}

fn end() -> Step {
    Step::End { end: End::Done, intents: vec![], card: None, private: vec![] }
}
