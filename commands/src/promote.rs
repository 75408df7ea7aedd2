//! "/promote 41": this change for everybody.
//!
//! Arguments: one change or several, of different components; a strategy. Class: release. Reads: changes, allowances,
//! production, what was taken back, freeze, a rollout under way. Builds the merged tree clean, starts it beside what runs,
//! merges by compare-and-swap, and only then lets the first visitors have it, or with blue-green everybody; what ran
//! before stays up for the way back. The steps after the first are `/advance`'s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeRef, Class, CommandSpec, ComponentName, Context, Effect,
    Intent, Line, Outcome, Part, Principal, Release, ReleaseNumber, ReleasedComponent, Sha, Span, StackKind,
    Strategy, Target, TreeId, Trust, Weight,
};
use folkops_previews::deploys;
use folkops_previews::reconcile::release_stack;
use folkops_previews::{Production, Releases};
use folkops_rollouts::{Rollouts, Template, Templates};

use crate::subject::{self, Subject};
use crate::{
    Settings, advance, alert, along, checklist, checks, evidence, raise, release_branch, since, soak, trial,
};

static SPEC: CommandSpec = CommandSpec {
    name: "promote",
    aliases: &[],
    summary: "give changes to everyone",
    example: "/promote 41",
    class: Class::Release,
    args: &[
        ArgSpec {
            name: "change",
            help: "a pull request's number, or several",
            kind: ArgKind::Change,
            arity: Arity::Many,
        },
        ArgSpec {
            name: "strategy",
            help: "`canary`, `linear`, `blue-green` or `at-once`; without it, as the operator has set",
            kind: ArgKind::Flag,
            arity: Arity::Optional,
        },
    ],
    internal: false,
};

/// The lock that production's changes share.
pub const LOCK: &str = "production";

/// How long a promotion may take.
const WITHIN: Duration = Duration::from_secs(30 * 60);

/// The command.
pub struct Promote(pub Arc<Settings>);

impl Command for Promote {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        if let Some(card) = release_branch::passed_over(&self.0, call, facts) {
            return Err(card);
        }
        let named = subject::named(call, facts)?;
        let (_, production) = subject::production(facts)?;
        along::compose(production, &named)?;
        let merged = named.iter().all(|subject| subject.row.landed.is_some());
        // Whatever goes to everybody is judged, whether somebody named it or not.
        let subjects = along::with_along(facts, named);
        let mut context =
            checklist::with(subject::context(call, &subjects), &self.0.checklist, facts, &subjects);
        context.frozen = facts.fold::<Releases>().is_some_and(|releases| releases.frozen(facts).is_some());
        let release_branch = subjects.iter().all(|subject| subject.row.target == Target::Release);
        Ok(subject::ask(&subjects, Context { merged, release_branch, ..context }))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let subjects = match subject::named(call, facts) {
            Ok(subjects) => subjects,
            Err(card) => return Plan::refuse(*card),
        };
        let tried = |subject: &Subject<'_>| deploys::is_tried(facts, &subject.change, &subject.row.head);
        if *call.principal == Principal::Automation && subjects.iter().any(tried) {
            return Plan::quiet();
        }
        let unnamed = along::along(facts, &subjects);
        let all: Vec<&Subject<'_>> = subjects.iter().chain(&unnamed).collect();
        let refused = trial::wrong_strategy(call)
            .or_else(|| trial::breaker(facts))
            .or_else(|| along::held(facts, &all));
        if let Some(card) = refused {
            return Plan::refuse(card);
        }
        let pinned: Vec<_> = subjects.iter().map(Subject::pinned).collect();
        let template = trial::template(call, &self.0.rollout, &pinned);
        let title =
            subject::numbers(Line::new(), &pinned).text(" → everyone: being built from the merged tree");
        let mut card = Card::new(CardState::Working, title).say(
            "It starts beside what runs now; nobody’s requests change before every part of it is healthy.",
        );
        if let Some(queue) = ahead(call, facts) {
            card = card.row("Queue", queue);
        }
        let card = card
            .row(
                "Why",
                subject::who(Line::new(), call.principal)
                    .text(" promoted it; ")
                    .span_all(subject::vouched(facts, &subjects)),
            )
            .row("Next", next(&template));
        let card = along::shown(card, &subjects, &unnamed);
        let card = evidence::with_evidence(card, facts, &pinned)
            .button(Weight::Danger, "Roll back", "/rollback")
            .hint(Line::new().text("without me: ").code("folkops rollback --offline"));
        Plan::work(LOCK, WITHIN, Some(card)).intend(Intent::PinPromotion {
            changes: pinned,
            along: unnamed.iter().map(Subject::pinned).collect(),
        })
    }

    fn explain(&self, call: &Call<'_>, facts: &Facts<'_>, refusal: Card) -> Card {
        let named = subject::named(call, facts).unwrap_or_default();
        let card = along::shown(refusal, &named, &along::along(facts, &named));
        let subjects = along::with_along(facts, named);
        let card = since::unseen(along::unlooked(card, &subjects), call, facts, &subjects);
        let card = checks::shown(card, facts, &subjects);
        subjects.iter().fold(card, |card, of| checklist::shown(card, &self.0.checklist, facts, of))
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        match Course::of(call, facts, progress, &self.0.rollout) {
            Some(course) => course.next(call, facts, progress),
            None => Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] },
        }
    }
}

/// What comes after the merge, in words.
fn next(template: &Template) -> String {
    match template.rungs().as_slice() {
        [] => "Merged, then switched for everyone at once; this card tells".into(),
        [first, ..] => {
            format!("Merged, then {} of people get it first; the numbers decide the rest", first.weight)
        }
    }
}

/// Adds another line's pieces.
trait Joined {
    fn span_all(self, other: Line) -> Line;
}

impl Joined for Line {
    fn span_all(self, other: Line) -> Line {
        other.0.into_iter().fold(self, Line::span)
    }
}

/// What is in front of this promotion.
fn ahead(call: &Call<'_>, facts: &Facts<'_>) -> Option<Line> {
    let holding = crate::stop_preview::holding(facts, LOCK);
    let before = holding.iter().filter(|id| *id != call.operation).count();
    (before > 0).then(|| {
        Line::from(format!("Waits behind {}; one at a time", subject::plural(before as u64, "operation")))
    })
}

/// A promotion under way.
struct Course<'a> {
    /// What was judged, as it was named.
    pinned: &'a [(ChangeRef, Sha)],
    /// What was judged because it comes along.
    along: &'a [(ChangeRef, Sha)],
    production: &'a Production,
    base: &'a Release,
    heads: BTreeMap<ComponentName, (Sha, TreeId)>,
    template: Template,
}

impl<'a> Course<'a> {
    fn of(call: &Call<'_>, facts: &Facts<'a>, progress: &Progress<'_>, set: &Templates) -> Option<Self> {
        let releases = facts.fold::<Releases>()?;
        let (production, base) = releases.current(facts)?;
        let promoting = facts.row(&releases.promoting, call.operation)?;
        let (pinned, along) = (promoting.changes.as_slice(), promoting.along.as_slice());
        let heads = progress.outcomes().find_map(|outcome| match outcome {
            Outcome::Resolved { heads } => Some(heads.clone()),
            _ => None,
        });
        let template = trial::template(call, set, pinned);
        Some(Self { pinned, along, production, base, heads: heads.unwrap_or_default(), template })
    }

    fn next(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_start() {
            return owe(vec![Effect::Resolve]);
        }
        if progress.is_pending() {
            return Step::Wait;
        }
        if let Some(failure) = progress.failure() {
            return self.failing(call, facts, progress, failure);
        }
        if !progress.owed(|effect| matches!(effect, Effect::Compose { .. })) {
            return match along::unjudged(facts, self.pinned, self.along) {
                Some(change) => self.failing(call, facts, progress, &along::moved(change)),
                None => owe(vec![Effect::Compose { parts: self.parts(facts) }]),
            };
        }
        if let Some((change, _)) =
            self.pinned.iter().find(|(change, _)| along::gone(progress).any(|gone| gone == change))
        {
            return self.failing(call, facts, progress, &along::dropped(change));
        }
        let trees = raise::trees(progress);
        if !progress.owed(|effect| matches!(effect, Effect::Build { .. })) {
            return owe(trees.iter().map(|(name, tree)| build(name, tree)).collect());
        }
        let release = self.release(facts, progress);
        if !progress.owed(|effect| matches!(effect, Effect::Run { .. })) {
            // What runs now is compared with, and gone back to: it must answer as well.
            let now = Effect::Run { spec: raise::spec_of(self.base) };
            return owe(vec![Effect::Run { spec: raise::spec_of(&release) }, now]);
        }
        let merges = merges(along::composed(progress), &trees);
        if !progress.owed(|effect| matches!(effect, Effect::Merge { .. })) && !merges.is_empty() {
            return owe(merges);
        }
        if !progress.owed(|effect| matches!(effect, Effect::Route)) {
            return match self.template.strategy {
                Strategy::BlueGreen | Strategy::AtOnce => self.switch(call, facts, release),
                Strategy::Canary | Strategy::Linear => {
                    trial::begin(call, facts, &self.template, self.production.release, release)
                }
            };
        }
        match facts.fold::<Rollouts>().and_then(|rollouts| rollouts.live(facts)) {
            // Its card tells of the rollout from here on.
            Some(row) if row.rollout.operation == *call.operation && soak::until(row).is_none() => {
                Step::End { end: End::Done, intents: vec![], card: None, private: vec![] }
            }
            _ => self.live(call, facts, progress),
        }
    }

    /// The parts: each change at the commit that was judged, to be merged onto its default branch as resolved, or to be
    /// found there.
    fn parts(&self, facts: &Facts<'_>) -> Vec<Part> {
        let part = |pinned: &(ChangeRef, Sha)| {
            let (onto, _) = self.heads.get(&pinned.0.component)?;
            let component = pinned.0.component.clone();
            let landed = along::landed(facts, pinned);
            Some(Part { component, onto: onto.clone(), change: Some(pinned.clone()), landed })
        };
        let along = self.along.iter().filter(|(change, _)| along::waits(facts, change));
        self.pinned.iter().chain(along).filter_map(part).collect()
    }

    fn release(&self, facts: &Facts<'_>, progress: &Progress<'_>) -> Release {
        let running = progress.0.values().find_map(|row| match &row.effect {
            Effect::Run { spec } => Some(&spec.kind),
            _ => None,
        });
        let number = match running {
            Some(StackKind::Production(number)) => *number,
            _ => facts.fold::<Releases>().map_or(ReleaseNumber(1), |releases| releases.next(facts)),
        };
        let mut components = self.base.components.clone();
        let (trees, built) = (raise::trees(progress), raise::built(progress));
        for (name, digest) in built {
            let Some(tree) = trees.get(&name) else { continue };
            let commit =
                merged(progress, &name).or_else(|| self.heads.get(&name).map(|(head, _)| head.clone()));
            let Some(commit) = commit else { continue };
            components.insert(name, ReleasedComponent { commit, tree: tree.clone(), digest });
        }
        let mut changes = along::brought(progress);
        // What a rollout that gives way had brought is on the default branch, and so in this release.
        let given_way = trial::under_way(facts)
            .and_then(|trial| facts.row(&facts.fold::<Releases>()?.releases, &trial.rollout.release));
        let given_way = given_way.into_iter().flat_map(|release| release.changes.clone());
        let missing: Vec<_> =
            given_way.filter(|(change, _)| !changes.iter().any(|(brought, _)| brought == change)).collect();
        changes.extend(missing);
        Release { number, components, changes }
    }

    fn switch(&self, call: &Call<'_>, facts: &Facts<'_>, release: Release) -> Step {
        let number = release.number;
        // What runs now stays up; what is older than the two before it was stopped in its turn.
        let before = self.production.before.iter().rev().take(2).copied();
        let old = before.filter(|old| *old != number).map(release_stack);
        let mut effects = vec![Effect::Route];
        effects.extend(raise::stops(old.chain(trial::gives_way(facts).map(release_stack))));
        let switch = trial::switch(call, facts, &self.template, (self.production.release, &release));
        let mut intents = vec![Intent::MakeRelease { release }];
        intents.extend(trial::supersede(facts, call));
        intents.extend(switch);
        Step::Owe { effects, intents, card: None, private: vec![] }.alerting(trial::superseded(facts))
    }

    fn live(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let mut card = Card::new(
            CardState::Live,
            subject::numbers(Line::new(), self.pinned)
                .text(format!(" {} live for everyone", subject::are(self.pinned))),
        )
        .say("Everybody’s requests go to the new build. What ran before stays up for the way back.");
        let builds = raise::built(progress).into_iter().map(|(name, digest)| Span::Build(name, digest));
        card = card
            .row("Runs", Line::new().list(builds).text(format!(" in release {}", self.production.release)));
        card = card.row("Why", subject::who(Line::new(), call.principal).text(" promoted it"));
        if let Some(until) = advance::live(facts).and_then(soak::until) {
            card = card.row("Watched", soak::promise(until));
        }
        let card = subject::with_moves(along::told(card, progress, self.pinned), facts, self.pinned)
            .row("Bytes", "Built clean from the merged tree, behind the wall")
            .button(Weight::Danger, "Roll back", "/rollback")
            .hint(Line::new().text("without me: ").code("folkops rollback --offline"));
        Step::End { end: End::Done, intents: vec![], card: Some(card), private: vec![] }
    }

    fn failing(
        &self,
        call: &Call<'_>,
        facts: &Facts<'_>,
        progress: &Progress<'_>,
        failure: &folkops_model::Failure,
    ) -> Step {
        let card = raise::failure_card(&subject::numbers(Line::new(), self.pinned), failure);
        let alert = alert::failed(call.operation, facts, self.pinned, &card);
        if !progress.owed(|effect| matches!(effect, Effect::Run { .. })) {
            return Step::End { end: End::Failed, intents: vec![], card: Some(card), private: vec![] }
                .alerting(alert);
        }
        if progress.owed(|effect| matches!(effect, Effect::Stop { .. })) {
            return Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] };
        }
        let number = facts.fold::<Releases>().map_or(ReleaseNumber(1), |releases| releases.next(facts));
        let effects = raise::stops([release_stack(number)]);
        Step::Owe { effects, intents: vec![], card: Some(card), private: vec![] }.alerting(alert)
    }
}

fn owe(effects: Vec<Effect>) -> Step {
    Step::Owe { effects, intents: vec![], card: None, private: vec![] }
}

fn build(component: &ComponentName, tree: &TreeId) -> Effect {
    Effect::Build { component: component.clone(), tree: tree.clone(), trust: Trust::Merged }
}

fn merges<'a>(
    parts: impl IntoIterator<Item = &'a Part>,
    trees: &BTreeMap<ComponentName, TreeId>,
) -> Vec<Effect> {
    let merge = |part: &Part| {
        let (change, head) = part.change.clone()?;
        let tree = trees.get(&part.component)?.clone();
        Some(Effect::Merge {
            component: part.component.clone(),
            expected: part.onto.clone(),
            change,
            head,
            tree,
        })
    };
    parts.into_iter().filter(|part| part.landed.is_none()).filter_map(merge).collect()
}

fn merged(progress: &Progress<'_>, name: &ComponentName) -> Option<Sha> {
    progress.outcomes().find_map(|outcome| match outcome {
        Outcome::Merged { component, commit } if component == name => Some(commit.clone()),
        _ => None,
    })
}
