//! "/stop-preview p-7kq2x": this preview is not needed any more.
//!
//! Arguments: its name. Class: preview. Reads: previews, operations. Also stops one that is still being made.

use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Operations, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, OperationId,
    PreviewId, Resource, Span,
};
use folkops_previews::reconcile::preview_stack;
use folkops_previews::{Preview, Previews};

use crate::raise;
use crate::subject;

static SPEC: CommandSpec = CommandSpec {
    name: "stop-preview",
    aliases: &[],
    summary: "take a preview down",
    example: "/stop-preview p-7kq2xm4",
    class: Class::Preview,
    args: &[ArgSpec {
        name: "preview",
        help: "the preview's name",
        kind: ArgKind::Preview,
        arity: Arity::One,
    }],
    internal: false,
};

/// How long taking one down may take.
const WITHIN: Duration = Duration::from_secs(120);

/// The command.
pub struct StopPreview;

impl Command for StopPreview {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (id, preview) = named(call, facts)?;
        let own = preview.by == *call.principal;
        Ok(Ask::about(Resource::Preview(id.clone()), Context { own, ..Context::default() }))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (id, preview) = match named(call, facts) {
            Ok(named) => named,
            Err(card) => return Plan::refuse(*card),
        };
        let changes: Vec<_> = preview.parts.iter().filter_map(|part| part.change.clone()).collect();
        let title = subject::numbers(Line::new().text("Preview of "), &changes).text(" is gone");
        let card = Card::new(CardState::Held, title)
            .row("Why", subject::who(Line::new(), call.principal).text(" stopped it"))
            .row(
                "Next",
                Line::new()
                    .code(format!("/deploy-preview {}", subject::spoken(facts, &changes)))
                    .text(" brings it back"),
            );
        let mut plan = Plan::work(format!("preview-{id}"), WITHIN, Some(card))
            .intend(Intent::DropPreview { preview: id.clone(), why: "somebody stopped it".into() });
        for raising in holding(facts, &format!("preview-{id}")) {
            let stopped = Card::new(CardState::Held, "Stopped before it was up");
            plan = plan.ending(raising, End::Cancelled, Some(stopped));
        }
        plan
    }

    fn proceed(&self, call: &Call<'_>, _facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        match call.args.preview("preview") {
            Some(preview) => taking_down(preview, progress),
            None => Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// Stops a preview; that routes away from it first.
pub fn taking_down(preview: &PreviewId, progress: &Progress<'_>) -> Step {
    if progress.is_start() {
        let effects = raise::stops([preview_stack(preview)]);
        return Step::Owe { effects, intents: vec![], card: None, private: vec![] };
    }
    if progress.is_pending() {
        return Step::Wait;
    }
    Step::End { end: End::Done, intents: vec![], card: None, private: vec![] }
}

/// The operations that hold or wait for a lock.
pub fn holding(facts: &Facts<'_>, lock: &str) -> Vec<OperationId> {
    let operations = facts.fold::<Operations>();
    operations.and_then(|o| facts.row(&o.locks, &lock.to_owned())).cloned().unwrap_or_default()
}

/// The preview named, or a card that lists those that there are.
pub fn named<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<(&'a PreviewId, &'a Preview), Box<Card>> {
    let previews = facts.fold::<Previews>();
    let wanted = call.args.preview("preview");
    let found =
        previews.zip(wanted).and_then(|(p, wanted)| facts.rows(&p.previews).find(|(id, _)| *id == wanted));
    found.ok_or_else(|| {
        let card = Card::new(CardState::Refused, "There is no such preview").say("Nothing was done.");
        let up: Vec<Span> = previews
            .into_iter()
            .flat_map(|p| p.previews.iter().map(|(id, _)| Span::Code(id.to_string())))
            .collect();
        Box::new(if up.is_empty() {
            card.row("Up", "No preview is up now")
        } else {
            card.row("Up", Line::new().list(up))
        })
    })
}
