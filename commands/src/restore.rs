//! "/restore": make production run what the record says. Said by the automation only.
//!
//! No arguments. Class: release. Reads: releases. With no release yet it makes the first one, from the default branches;
//! with one, it starts it again when it is found not to run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    Card, CardState, Class, CommandSpec, ComponentName, Context, Effect, Intent, Line, Outcome, Release,
    ReleaseNumber, ReleasedComponent, Resource, Sha, Span, TreeId, Trust,
};

use crate::promote::LOCK;
use crate::{Settings, checklist, raise, subject};

static SPEC: CommandSpec = CommandSpec {
    name: "restore",
    aliases: &[],
    summary: "make production run what the record says",
    example: "/restore",
    class: Class::Release,
    args: &[],
    internal: true,
};

/// The command.
pub struct Restore(pub Arc<Settings>);

impl Command for Restore {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let known = subject::production(facts).ok();
        let changes = known.map_or(&[][..], |(_, release)| &release.changes);
        let context = checklist::at(Context::default(), &self.0.checklist, facts, changes);
        Ok(Ask::about(Resource::Service, context))
    }

    fn decide(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let card = match subject::production(facts) {
            Ok((production, _)) => {
                Card::new(CardState::Working, format!("Release {} is started again", production.release))
                    .say("Its processes were found not to run.")
                    .row("Why", "What runs differed from the record")
            }
            Err(_) => Card::new(CardState::Working, format!("{} gets its first release", self.0.service))
                .say("Every component is built from its default branch and started.")
                .row("Next", "This card tells when it is up"),
        };
        Plan::work(LOCK, Duration::from_secs(30 * 60), Some(card))
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_pending() {
            return Step::Wait;
        }
        if let Some(failure) = progress.failure() {
            let card = Some(raise::failure_card(&Line::from("Production"), failure));
            return Step::End { end: End::Failed, intents: vec![], card, private: vec![] };
        }
        if progress.owed(|effect| matches!(effect, Effect::Route)) {
            return self.up(facts);
        }
        match subject::production(facts) {
            Ok((_, release)) => again(release, progress),
            Err(_) => first(call, progress),
        }
    }
}

impl Restore {
    fn up(&self, facts: &Facts<'_>) -> Step {
        let card = subject::production(facts).ok().map(|(production, release)| {
            let builds =
                release.components.iter().map(|(name, c)| Span::Build(name.clone(), c.digest.clone()));
            Card::new(CardState::Good, format!("{} runs release {}", self.0.service, production.release))
                .row("Runs", Line::new().list(builds))
                .row("Next", Line::new().code("/help").text(" shows what can be said here"))
        });
        Step::End { end: End::Done, intents: vec![], card, private: vec![] }
    }
}

fn again(release: &Release, progress: &Progress<'_>) -> Step {
    let effect =
        if progress.is_start() { Effect::Run { spec: raise::spec_of(release) } } else { Effect::Route };
    Step::Owe { effects: vec![effect], intents: vec![], card: None, private: vec![] }
}

fn first(call: &Call<'_>, progress: &Progress<'_>) -> Step {
    let owe = |effects| Step::Owe { effects, intents: vec![], card: None, private: vec![] };
    if progress.is_start() {
        return owe(vec![Effect::Resolve]);
    }
    let heads = progress.outcomes().find_map(|outcome| match outcome {
        Outcome::Resolved { heads } => Some(heads),
        _ => None,
    });
    let Some(heads) = heads else { return Step::Wait };
    if !progress.owed(|effect| matches!(effect, Effect::Build { .. })) {
        return owe(heads.iter().map(|(name, (_, tree))| build(name, tree)).collect());
    }
    let release = release(heads, progress);
    if !progress.owed(|effect| matches!(effect, Effect::Run { .. })) {
        return owe(vec![Effect::Run { spec: raise::spec_of(&release) }]);
    }
    let set =
        Intent::SetProduction { release: release.number, by: call.principal.clone(), taken_back: vec![] };
    let intents = vec![Intent::MakeRelease { release }, set];
    Step::Owe { effects: vec![Effect::Route], intents, card: None, private: vec![] }
}

fn build(component: &ComponentName, tree: &TreeId) -> Effect {
    Effect::Build { component: component.clone(), tree: tree.clone(), trust: Trust::Merged }
}

fn release(heads: &BTreeMap<ComponentName, (Sha, TreeId)>, progress: &Progress<'_>) -> Release {
    let built = raise::built(progress);
    let component = |(name, (commit, tree)): (&ComponentName, &(Sha, TreeId))| {
        let digest = built.get(name)?.clone();
        Some((name.clone(), ReleasedComponent { commit: commit.clone(), tree: tree.clone(), digest }))
    };
    Release {
        number: ReleaseNumber(1),
        components: heads.iter().filter_map(component).collect(),
        changes: vec![],
    }
}
