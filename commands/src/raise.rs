//! The course of bringing a composition up: merge trees, build, run, route. Shared by previews and mixes.
//!
//! Pure: looks at which effects have ended and says which come next.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::Progress;
use folkops_model::{
    Card, CardState, ComponentName, Digest, Effect, Failure, FailureKind, Line, Outcome, Part, Release,
    StackKind, StackName, StackSpec, TreeId, Trust,
};
use folkops_previews::reconcile::release_stack;

/// Where the course stands.
pub enum Stage<'a> {
    /// These effects come next.
    Owe(Vec<Effect>),
    /// Something is still under way.
    Pending,
    /// Everything is built; this is what the stack is made of.
    Built(BTreeMap<ComponentName, Digest>),
    /// The stack answers.
    Running(BTreeMap<ComponentName, Digest>),
    /// The edge serves it.
    Routed,
    /// It did not come about; `ran` says whether something may be left running.
    Failed {
        /// Why.
        failure: &'a Failure,
        /// Whether the stack was started.
        ran: bool,
    },
    /// After a failure, what was left running is gone.
    Cleared,
}

/// A release as a stack.
pub fn spec_of(release: &Release) -> StackSpec {
    StackSpec {
        name: release_stack(release.number),
        kind: StackKind::Production(release.number),
        builds: release
            .components
            .iter()
            .map(|(name, component)| (name.clone(), component.digest.clone()))
            .collect(),
        trust: Trust::Merged,
        label: format!("Release {}", release.number),
        deadline: None,
    }
}

/// Looks where the course stands. `trust` is what the builds count as.
pub fn stage<'a>(progress: &Progress<'a>, parts: &[Part], base: &Release, trust: Trust) -> Stage<'a> {
    let ran = progress.owed(|effect| matches!(effect, Effect::Run { .. }));
    let stopped = progress.outcomes().any(|outcome| matches!(outcome, Outcome::Stopped));
    if let Some(failure) = progress.failure() {
        return match (stopped, progress.is_pending()) {
            (true, false) => Stage::Cleared,
            (_, true) => Stage::Pending,
            (false, false) => Stage::Failed { failure, ran },
        };
    }
    if progress.is_start() {
        return Stage::Owe(vec![Effect::Compose { parts: changed(parts) }]);
    }
    if progress.is_pending() {
        return Stage::Pending;
    }
    if progress.outcomes().any(|outcome| matches!(outcome, Outcome::Routed)) {
        return Stage::Routed;
    }
    let built = built(progress);
    if progress.outcomes().any(|outcome| matches!(outcome, Outcome::Running)) {
        return Stage::Running(stack(&built, base));
    }
    let trees = trees(progress);
    if trees.keys().all(|component| built.contains_key(component)) && !trees.is_empty() {
        return Stage::Built(stack(&built, base));
    }
    let build = |(component, tree): (&ComponentName, &TreeId)| Effect::Build {
        component: component.clone(),
        tree: tree.clone(),
        trust,
    };
    Stage::Owe(trees.iter().map(build).collect())
}

/// The parts that are not the base itself.
pub fn changed(parts: &[Part]) -> Vec<Part> {
    parts.iter().filter(|part| part.change.is_some()).cloned().collect()
}

/// The trees that were merged.
pub fn trees(progress: &Progress<'_>) -> BTreeMap<ComponentName, TreeId> {
    let composed = progress.outcomes().find_map(|outcome| match outcome {
        Outcome::Composed { trees, .. } => Some(trees.clone()),
        _ => None,
    });
    composed.unwrap_or_default()
}

/// The builds that were made.
pub fn built(progress: &Progress<'_>) -> BTreeMap<ComponentName, Digest> {
    let built = progress.outcomes().filter_map(|outcome| match outcome {
        Outcome::Built { component, digest } => Some((component.clone(), digest.clone())),
        _ => None,
    });
    built.collect()
}

/// The base's builds with the new ones in their place.
fn stack(built: &BTreeMap<ComponentName, Digest>, base: &Release) -> BTreeMap<ComponentName, Digest> {
    let mut all: BTreeMap<ComponentName, Digest> =
        base.components.iter().map(|(name, released)| (name.clone(), released.digest.clone())).collect();
    all.extend(built.clone());
    all
}

/// The stacks that a set of effects would stop.
pub fn stops(stacks: impl IntoIterator<Item = StackName>) -> Vec<Effect> {
    let stacks: BTreeSet<StackName> = stacks.into_iter().collect();
    stacks.into_iter().map(|stack| Effect::Stop { stack }).collect()
}

/// What a failed course says.
pub fn failure_card(what: &Line, failure: &Failure) -> Card {
    let titled = |text: &str| Line(what.0.clone()).text(text);
    let card = match &failure.kind {
        FailureKind::Conflict { files } => {
            let files = files.iter().take(6).map(|file| folkops_model::Span::Foreign(file.clone()));
            Card::new(CardState::Refused, titled(" does not fit onto what production runs"))
                .row("Where", Line::new().list(files))
                .row(
                    "Next",
                    "Its author brings the change up to date with the default branch; then ask again",
                )
        }
        FailureKind::BuildFailed => Card::new(CardState::Harmful, titled(" does not build"))
            .row("Next", "Its author mends it; a new commit is looked at anew"),
        FailureKind::NeverHealthy => {
            Card::new(CardState::Harmful, titled(" starts, but never answers as healthy"))
                .row("Next", "Its author finds the cause in the log; a new commit is looked at anew")
        }
        FailureKind::NoWall => {
            Card::new(CardState::Refused, titled(" cannot run here: there is no wall for strangers' code"))
                .row("Next", folkops_engine::cards::sentence(&failure.sentence))
        }
        FailureKind::BaseMoved => Card::new(CardState::Held, titled(": the default branch moved meanwhile"))
            .row("Next", "Say it again; it is then judged and built on what is there now"),
        FailureKind::Cancelled => Card::new(CardState::Held, titled(" was stopped before it was done")),
        FailureKind::Broken => {
            Card::new(CardState::Harmful, titled(" could not be brought up: something here is broken"))
                .row("Next", "An operator looks at the log; nothing that ran before has changed")
        }
    };
    let card = match failure.kind {
        FailureKind::NoWall => card,
        _ => card
            .say(folkops_engine::cards::sentence(&format!("{}. What ran before runs on.", failure.sentence))),
    };
    match &failure.log {
        Some(log) => card.log(log.clone()),
        None => card,
    }
}
