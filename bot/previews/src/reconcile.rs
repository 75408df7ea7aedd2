//! Desired beside observed: what the edge should serve, and what the automation should ask for.
//!
//! Pure. What is proposed here becomes a request of the automation and goes through the whole pipeline; nothing is
//! stopped, started or routed from here.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{BasisPoints, Cause, PersonId, PreviewId, Release, Rollout, Rung, StackName, Timing};
use folkops_record::Facts;
use jiff::Timestamp;

use crate::folds::{Leaving, Mixes, PreviewState, Previews, Releases, Trial};
use crate::ports::{Link, Routes, RunningStack, TrialRoute};

/// Something that the automation should ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The line it says.
    pub line: String,
    /// Why.
    pub cause: Cause,
    /// What makes this proposal the same as an earlier one, so that it is asked once.
    pub key: String,
}

/// The stack of a release.
#[expect(clippy::expect_used, reason = "`release-` and digits are a stack name by construction")]
pub fn release_stack(number: folkops_model::ReleaseNumber) -> StackName {
    StackName::parse(&format!("release-{number}")).expect("a release's stack has a name")
}

/// Whether a stack is one of a release: what everybody has, or some of everybody.
pub fn is_release(stack: &StackName) -> bool {
    stack.as_str().starts_with("release-")
}

/// The stack of a preview.
#[expect(clippy::expect_used, reason = "a preview's name is a stack name by construction")]
pub fn preview_stack(preview: &PreviewId) -> StackName {
    StackName::parse(preview.as_str()).expect("a preview's stack has a name")
}

/// What the edge should serve; nothing before there is a release.
pub fn routes(facts: &Facts<'_>) -> Option<Routes> {
    let (production, _) = facts.fold::<Releases>()?.current(facts)?;
    let previews = facts.fold::<Previews>()?;
    let mixes = facts.fold::<Mixes>()?;
    let up = previews.previews.iter().filter(|(_, preview)| matches!(preview.state, PreviewState::Up(_)));
    let serving = mixes
        .mixes
        .iter()
        .filter_map(|(person, mix)| Some((person.clone(), mix.serving.as_ref()?.stack.clone())));
    let links = mixes.links.iter().filter(|(_, row)| row.expires > facts.now()).filter_map(|(hash, row)| {
        let owner = mixes.mixes.get(&row.person)?.owner.clone();
        Some(Link { hash: hash.clone(), person: row.person.clone(), owner, expires: row.expires })
    });
    Some(Routes {
        version: facts.sequence(),
        production: release_stack(production.release),
        people: serving.collect::<BTreeMap<PersonId, StackName>>(),
        previews: up.map(|(id, _)| (id.clone(), preview_stack(id))).collect(),
        links: links.collect(),
        trial: divided(facts),
    })
}

/// Who of everybody gets another release than production's: the first visitors of one that is tried, or the last of one
/// that is left; or everybody, who has the release that is watched on.
fn divided(facts: &Facts<'_>) -> Option<TrialRoute> {
    let releases = facts.fold::<Releases>()?;
    let tried = || releases.trial(facts).and_then(trial);
    let watched = || releases.soak(facts).and_then(soak);
    releases.leaving(facts).map(leaving).or_else(tried).or_else(watched)
}

fn soak(rollout: &Rollout) -> Option<TrialRoute> {
    Some(TrialRoute {
        candidate: release_stack(rollout.release),
        step: Rung::EVERYBODY,
        salt: rollout.soak.as_ref()?.salt.clone(),
        timing: rollout.timing,
    })
}

/// Nothing is decided by how they fare, so they are watched as shortly as can be.
fn leaving(leaving: &Leaving) -> TrialRoute {
    let others = BasisPoints::ALL.get() - leaving.share.get();
    let control = BasisPoints::new(others).unwrap_or(BasisPoints::NONE);
    TrialRoute {
        candidate: release_stack(leaving.release),
        step: Rung { weight: leaving.share, control, margin_ppm: 0 },
        salt: leaving.salt.clone(),
        timing: Timing { period_ms: 1, block_ms: 1_000, slow_ms: 1_000 },
    }
}

fn trial(trial: &Trial) -> Option<TrialRoute> {
    Some(TrialRoute {
        candidate: release_stack(trial.rollout.release),
        step: *trial.step()?,
        salt: trial.rollout.salt.clone(),
        timing: trial.rollout.timing,
    })
}

/// What the automation should ask for, seeing what runs.
pub fn proposals(facts: &Facts<'_>, running: &[RunningStack]) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    // A stack of which no process is left is known by its folder only; it does not run.
    let runs: BTreeSet<&StackName> =
        running.iter().filter(|stack| !stack.builds.is_empty()).map(|stack| &stack.name).collect();
    proposals.extend(production(facts, running));
    proposals.extend(previews(facts, &runs));
    proposals.extend(mixes(facts, &runs));
    proposals
}

fn production(facts: &Facts<'_>, running: &[RunningStack]) -> Option<Proposal> {
    let releases = facts.fold::<Releases>()?;
    let Some((production, release)) = releases.current(facts) else {
        let key = format!("first-release-{}", minute(facts.now()));
        return Some(Proposal { line: "/restore".into(), cause: Cause::FirstStart, key });
    };
    if let Some(leaving) = releases.leaving(facts) {
        // Whoever led everybody back did not come to the end of the way.
        let key = format!("way-back-{}-{}", leaving.release, minute(facts.now()));
        return Some(Proposal { line: "/rollback".into(), cause: Cause::Drift, key });
    }
    let stack = release_stack(production.release);
    let key = format!("drift-{stack}-{}", minute(facts.now()));
    let entire = running.iter().any(|found| found.name == stack && runs_all_of(found, release));
    (!entire).then(|| Proposal { line: "/restore".into(), cause: Cause::Drift, key })
}

/// A part whose keeper died without a word does not come back by itself.
fn runs_all_of(stack: &RunningStack, release: &Release) -> bool {
    let mut parts = release.components.iter();
    parts.all(|(name, component)| stack.builds.get(name) == Some(&component.digest))
}

fn previews(facts: &Facts<'_>, runs: &BTreeSet<&StackName>) -> Vec<Proposal> {
    let Some(previews) = facts.fold::<Previews>() else { return Vec::new() };
    let ending = previews.previews.iter().filter_map(|(id, preview)| {
        let late = preview.deadline <= facts.now();
        let lost = matches!(preview.state, PreviewState::Up(_)) && !runs.contains(&preview_stack(id));
        let cause = if late { Cause::Deadline } else { Cause::Drift };
        let key = format!("expire-{id}-{}-{}", preview.deadline.as_second(), minute(facts.now()));
        (late || lost).then(|| Proposal { line: format!("/expire {id}"), cause, key })
    });
    ending.collect()
}

fn mixes(facts: &Facts<'_>, runs: &BTreeSet<&StackName>) -> Vec<Proposal> {
    let Some(mixes) = facts.fold::<Mixes>() else { return Vec::new() };
    let ending = mixes.mixes.iter().filter_map(|(person, mix)| {
        let serving = mix.serving.as_ref()?;
        let late = serving.deadline <= facts.now();
        let lost = !runs.contains(&serving.stack);
        let cause = if late { Cause::Deadline } else { Cause::Drift };
        let key =
            format!("expire-{}-{}-{}", serving.stack, serving.deadline.as_second(), minute(facts.now()));
        (late || lost).then(|| Proposal { line: format!("/expire {person}"), cause, key })
    });
    ending.collect()
}

/// Stacks that run although nothing in the record wants them any more. An empty record wants nothing to be stopped:
/// it is then not known what the processes are, and their own deadlines end them.
pub fn unwanted(facts: &Facts<'_>, running: &[RunningStack]) -> Vec<StackName> {
    let (Some(releases), Some(previews), Some(mixes)) =
        (facts.fold::<Releases>(), facts.fold::<Previews>(), facts.fold::<Mixes>())
    else {
        return Vec::new();
    };
    if releases.current(facts).is_none() {
        return Vec::new();
    }
    let mut wanted: BTreeSet<StackName> =
        releases.releases.iter().map(|(number, _)| release_stack(*number)).collect();
    wanted.insert(release_stack(releases.next(facts)));
    wanted.extend(previews.previews.iter().map(|(id, _)| preview_stack(id)));
    for (_, mix) in mixes.mixes.iter() {
        wanted.extend(mix.raising.iter().chain(&mix.serving).map(|raised| raised.stack.clone()));
    }
    running.iter().filter(|stack| !wanted.contains(&stack.name)).map(|stack| stack.name.clone()).collect()
}

/// Proposals that fail are made again, but not more than once a minute.
fn minute(now: Timestamp) -> i64 {
    now.as_second() / 60
}
