//! "/deploy-preview 41": the whole stack again, with this change in it.
//!
//! Arguments: one change or several, of different components. Class: preview. Reads: changes, allowances, production,
//! previews. A commit that nobody looked at waits; it starts by itself once a maintainer allows exactly it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Scope, Standing, Step, WaitsFor};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, ComponentName, Decision, Effect, Group,
    Intent, Line, PersonId, PreviewId, Principal, Resource, StackKind, StackSpec, Trust, Weight,
};
use folkops_previews::reconcile::preview_stack;
use folkops_previews::{Composition, Mixes, Preview, PreviewState, Previews, Releases};

use crate::Settings;
use crate::checklist;
use crate::evidence;
use crate::raise::{self, Stage};
use crate::since;
use crate::subject::{self, Subject};

static SPEC: CommandSpec = CommandSpec {
    name: "deploy-preview",
    aliases: &["preview"],
    summary: "run changes beside production",
    example: "/deploy-preview 41",
    class: Class::Preview,
    args: &[ArgSpec {
        name: "change",
        help: "a pull request's number, or several",
        kind: ArgKind::Change,
        arity: Arity::Many,
    }],
    internal: false,
};

/// How long raising a preview may take.
const WITHIN: Duration = Duration::from_secs(15 * 60);

/// The command.
pub struct DeployPreview(pub Arc<Settings>);

impl DeployPreview {
    fn composition<'a>(
        &self,
        call: &Call<'_>,
        facts: &Facts<'a>,
    ) -> Result<(Vec<Subject<'a>>, Composition), Box<Card>> {
        let subjects = subject::named(call, facts)?;
        let (_, base) = subject::production(facts)?;
        let pinned: Vec<_> = subjects.iter().map(Subject::pinned).collect();
        let composition = subject::compose(base, &pinned)?;
        Ok((subjects, composition))
    }
}

impl Command for DeployPreview {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (subjects, composition) = self.composition(call, facts)?;
        let mut context =
            checklist::with(subject::context(call, &subjects), &self.0.checklist, facts, &subjects);
        let exists = facts
            .fold::<Previews>()
            .is_some_and(|p| facts.row(&p.previews, &PreviewId::of(&composition.id)).is_some());
        context.over_quota = !exists && over_quota(&self.0, call, facts);
        Ok(subject::ask(&subjects, context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let (subjects, composition) = match self.composition(call, facts) {
            Ok(composed) => composed,
            Err(card) => return Plan::refuse(*card),
        };
        let preview = PreviewId::of(&composition.id);
        let known = facts.fold::<Previews>().and_then(|previews| facts.row(&previews.previews, &preview));
        if let Some(known) = known {
            return Plan::answer(already(call, &preview, known));
        }
        let deadline = facts.now() + self.0.lasts;
        let changes: Vec<_> = composition.changes().cloned().collect();
        let title = subject::numbers(Line::new().text("Preview of "), &changes).text(" is being made");
        let card = Card::new(CardState::Working, title)
            .say("It is merged onto what production runs now, built behind the wall, and started.")
            .row("Why", subject::vouched(facts, &subjects))
            .row("Next", "This card tells when it is up")
            .button(Weight::Quiet, "Stop", format!("/stop-preview {preview}"));
        Plan::work(format!("preview-{preview}"), WITHIN, Some(card)).intend(Intent::WantPreview {
            preview,
            composition: composition.id.clone(),
            base: composition.base,
            parts: composition.parts.clone(),
            deadline,
            by: call.principal.clone(),
        })
    }

    fn wait(&self, call: &Call<'_>, facts: &Facts<'_>, decision: &Decision) -> Option<Plan> {
        let rule = decision.rules().iter().find(|rule| rule.remedy.as_deref() == Some("ok-to-test"))?;
        let (subjects, _) = self.composition(call, facts).ok()?;
        let unseen: Vec<&Subject<'_>> = subjects.iter().filter(|subject| !subject.may_run()).collect();
        let first = unseen.first()?;
        let waits = WaitsFor::Commits(unseen.iter().map(|subject| subject.pinned()).collect());
        let told =
            maintainers(facts, unseen.iter().map(|subject| subject.change.component.clone()).collect());
        let mut title = Line::new().change(first.change.number).text(" by ").span(first.author_span());
        title = title.text(" waits for one look");
        let mut card = Card::new(CardState::Waiting, title);
        for subject in &unseen {
            let line = Line::new().span(folkops_model::Span::Foreign(subject.row.title.clone()));
            card = card.say(line.text(format!(": {}.", subject::size(subject.row))));
        }
        let who = Line::new()
            .text("Told once: ")
            .list(told.iter().map(|id| folkops_model::Span::Person(id.clone())));
        card = card
            .row(
                "Rule",
                Line::new()
                    .strong(rule.id.clone())
                    .text("; a maintainer allows exactly ")
                    .commit(&first.row.head)
                    .text(" before it runs"),
            )
            .row("Next", "It starts by itself then")
            .row("Who", if told.is_empty() { nobody_known(call) } else { who });
        card = since::unseen(card, call, facts, &subjects);
        let about = format!("allow {}", first.row.head);
        Some(Plan::wait(waits, card).telling(about, told.into_iter().collect()))
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let Some((preview, row)) = mine(call, facts) else { return gone() };
        let base = facts.fold::<Releases>().and_then(|releases| facts.row(&releases.releases, &row.base));
        let Some(base) = base else { return gone() };
        let changes: Vec<_> = row.parts.iter().filter_map(|part| part.change.clone()).collect();
        let what = subject::numbers(Line::new(), &changes);
        match raise::stage(progress, &row.parts, base, Trust::Unmerged) {
            Stage::Owe(effects) => Step::Owe { effects, intents: vec![], card: None, private: vec![] },
            Stage::Pending => Step::Wait,
            Stage::Built(builds) => {
                let spec = StackSpec {
                    name: preview_stack(preview),
                    kind: StackKind::Preview(preview.clone()),
                    builds,
                    trust: Trust::Unmerged,
                    label: format!("Preview: release {} + {}", row.base, subject::label(&changes)),
                    deadline: Some(row.deadline),
                };
                Step::Owe {
                    effects: vec![Effect::Run { spec }],
                    intents: vec![],
                    card: None,
                    private: vec![],
                }
            }
            Stage::Running(builds) => Step::Owe {
                effects: vec![Effect::Route],
                intents: vec![Intent::PreviewUp { preview: preview.clone(), builds }],
                card: None,
                private: vec![],
            },
            Stage::Routed => {
                let card = up(call, facts, preview, row, None);
                Step::End { end: End::Done, intents: vec![], card: Some(card), private: vec![] }
            }
            Stage::Failed { failure, ran } => {
                let drop = Intent::DropPreview { preview: preview.clone(), why: "it did not come up".into() };
                let card = Some(raise::failure_card(&what, failure));
                if ran {
                    let effects = raise::stops([preview_stack(preview)]);
                    return Step::Owe { effects, intents: vec![], card, private: vec![] };
                }
                Step::End { end: End::Failed, intents: vec![drop], card, private: vec![] }
            }
            Stage::Cleared => {
                let drop = Intent::DropPreview { preview: preview.clone(), why: "it did not come up".into() };
                Step::End { end: End::Failed, intents: vec![drop], card: None, private: vec![] }
            }
        }
    }
}

fn gone() -> Step {
    Step::End { end: End::Cancelled, intents: vec![], card: None, private: vec![] }
}

/// The preview that this operation raises: the one whose lock it holds.
fn mine<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<(&'a PreviewId, &'a Preview)> {
    let operations = facts.fold::<folkops_engine::Operations>()?;
    let lock = operations.operations.get(call.operation)?.lock()?.strip_prefix("preview-")?.to_owned();
    facts.fold::<Previews>()?.previews.iter().find(|(id, _)| id.as_str() == lock)
}

fn over_quota(settings: &Settings, call: &Call<'_>, facts: &Facts<'_>) -> bool {
    let Some(previews) = facts.fold::<Previews>() else { return false };
    let (all, own) = previews.count(facts, call.principal);
    let mixes = facts.fold::<Mixes>().map_or(0, |mixes| facts.rows(&mixes.mixes).count());
    own >= settings.previews_a_person || all + mixes >= settings.places
}

/// Who can help where no maintainer is known: on a pull request, whoever may write there.
fn nobody_known(call: &Call<'_>) -> Line {
    match call.place.about {
        Some(_) => "Whoever may write to this repository: by an approving review of this commit, or by the line below".into(),
        None => "Nobody here is a maintainer yet".into(),
    }
}

/// The maintainers of all these components.
pub fn maintainers(facts: &Facts<'_>, of: BTreeSet<ComponentName>) -> Vec<folkops_model::PersonId> {
    let Some(people) = facts.fold::<folkops_engine::People>() else { return Vec::new() };
    let scope = Scope { class: Class::Vouch, resource: &Resource::Service, also: &of };
    let is = |id: &&folkops_model::PersonId| {
        Standing::lately(facts, &Principal::Person((*id).clone()), scope).contains(&Group::Maintainer)
    };
    people.people.iter().map(|(id, _)| id).filter(is).cloned().collect()
}

fn already(call: &Call<'_>, preview: &PreviewId, known: &Preview) -> Card {
    match &known.state {
        PreviewState::Raising => Card::new(CardState::Working, "This preview is being made already")
            .row("Next", "Its own card tells when it is up"),
        PreviewState::Up(_) => Card::new(CardState::Good, "This preview is up already")
            .say(
                Line::new()
                    .span(folkops_model::Span::Link(call.desk.addresses.preview(preview)))
                    .text(" until ")
                    .span(folkops_model::Span::Time(known.deadline)),
            )
            .button(Weight::Plain, "Keep it longer", format!("/keep {preview} 2h")),
    }
}

/// The card of a preview that is up; who is `leaving` does not use it any more.
pub fn up(
    call: &Call<'_>,
    facts: &Facts<'_>,
    preview: &PreviewId,
    row: &Preview,
    leaving: Option<&PersonId>,
) -> Card {
    let changes: Vec<_> = row.parts.iter().filter_map(|part| part.change.clone()).collect();
    let link = Line::new().span(folkops_model::Span::Link(call.desk.addresses.preview(preview)));
    let link = link.text(" until ").span(folkops_model::Span::Time(row.deadline));
    let card = Card::new(
        CardState::Good,
        subject::numbers(Line::new().text("Preview of "), &changes).text(" is up"),
    )
    .say(link.text(". Everything else is what production runs now."))
    .consent(
        Line::new()
            .strong("Try it on your own account? ")
            .text("This code will handle your requests and may read your data. Nobody else is affected."),
    )
    .row("Why", subject::allowed(facts, &changes));
    let card = match evidence::used_by(facts, &changes, leaving) {
        Some(used) => card.row("Used by", used),
        None => card,
    };
    subject::with_moves(card, facts, &changes)
        .row("Leave", Line::new().text("any time, with ").code("/opt-out"))
        .button(Weight::Main, "Try it on my account", format!("/opt-in {}", subject::spoken(facts, &changes)))
        .open(Weight::Plain, "Just look", call.desk.addresses.preview(preview))
        .button(Weight::Quiet, "Stop", format!("/stop-preview {preview}"))
}
