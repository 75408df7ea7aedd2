//! What goes to everybody beside what was named: changes that were merged where they stand wait on the default branch for
//! the next release of their component, whoever asks for it.
//!
//! INVARIANT: none of them goes unsaid or unjudged. What was rolled back does not return by the way.

use std::collections::BTreeSet;

use folkops_engine::{Facts, Progress};
use folkops_model::{
    Card, CardState, ChangeRef, ComponentName, Effect, Failure, FailureKind, Line, Outcome, Part, Release,
    Sha, Span,
};
use folkops_previews::{Changes, Landings, Releases};

use crate::revert;
use crate::subject::{self, Subject};

/// Changes that wait on the default branches of what is named, without being named.
pub fn along<'a>(facts: &Facts<'a>, named: &[Subject<'a>]) -> Vec<Subject<'a>> {
    let Some(changes) = facts.fold::<Changes>() else { return Vec::new() };
    let components: BTreeSet<&ComponentName> =
        named.iter().map(|subject| &subject.change.component).collect();
    let is_named = |change: &ChangeRef| named.iter().any(|subject| subject.change == *change);
    let waiting = changes.waiting(facts).into_iter();
    let along = waiting.filter(|(change, _)| components.contains(&change.component) && !is_named(change));
    along.map(|(change, row)| subject::of(facts, changes, change, row)).collect()
}

/// What is named, then what comes along.
pub fn with_along<'a>(facts: &Facts<'a>, named: Vec<Subject<'a>>) -> Vec<Subject<'a>> {
    let along = along(facts, &named);
    named.into_iter().chain(along).collect()
}

/// Refuses what cannot stand together. What is merged already stands together with everything.
pub fn compose(base: &Release, named: &[Subject<'_>]) -> Result<(), Box<Card>> {
    let (merged, open): (Vec<_>, Vec<_>) = named.iter().partition(|subject| subject.row.landed.is_some());
    for alone in merged {
        subject::compose(base, &[alone.pinned()])?;
    }
    let open: Vec<_> = open.into_iter().map(Subject::pinned).collect();
    subject::compose(base, &open).map(drop)
}

/// A card that says what was merged before, and what comes along because of that.
pub fn shown(card: Card, named: &[Subject<'_>], along: &[Subject<'_>]) -> Card {
    let rows = |of: &[Subject<'_>]| -> Vec<(ChangeRef, Sha)> {
        of.iter().filter_map(|of| Some((of.change.clone(), of.row.landed.clone()?))).collect()
    };
    rowed(card, &rows(named), &rows(along))
}

/// As [`shown`], of what was composed.
pub fn told(card: Card, progress: &Progress<'_>, named: &[(ChangeRef, Sha)]) -> Card {
    let landed = composed(progress).iter().filter_map(|part| {
        let (change, _) =
            part.change.as_ref().filter(|(change, _)| gone(progress).all(|gone| gone != change))?;
        Some((change.clone(), part.landed.clone()?))
    });
    let (named, along): (Vec<_>, Vec<_>) =
        landed.partition(|(change, _)| named.iter().any(|(named, _)| named == change));
    rowed(card, &named, &along)
}

fn rowed(card: Card, named: &[(ChangeRef, Sha)], along: &[(ChangeRef, Sha)]) -> Card {
    let card = named.iter().fold(card, |card, (change, commit)| {
        let line = Line::new().change(change.number).text(" before anybody asked, as ").commit(commit);
        card.row("Merged", line.text("; nothing is left to be merged"))
    });
    along.iter().fold(card, |card, (change, commit)| {
        let line = Line::new().change(change.number).text(": it was merged as ").commit(commit);
        card.row("Comes along", line.text(", and no release had brought it"))
    })
}

/// A refusal with the commits that nobody allowed and that are merged already.
pub fn unlooked(card: Card, subjects: &[Subject<'_>]) -> Card {
    let open: Vec<_> =
        subjects.iter().filter(|subject| !subject.may_run() && subject.row.landed.is_some()).collect();
    open.into_iter().fold(card, |card, subject| {
        let (change, head) = (&subject.change, &subject.row.head);
        let line = Line::new()
            .change(change.number)
            .text(" at ")
            .commit(head)
            .text(": ")
            .text(subject::size(subject.row));
        card.row("Unlooked", line)
    })
}

/// As which commit a change that was judged at a commit was merged there, if it was.
pub fn landed(facts: &Facts<'_>, (change, head): &(ChangeRef, Sha)) -> Option<Sha> {
    let row = facts.row(&facts.fold::<Changes>()?.closed, change)?;
    row.landed.clone().filter(|_| row.head == *head)
}

/// Whether a change still waits for a release.
pub fn waits(facts: &Facts<'_>, change: &ChangeRef) -> bool {
    facts.fold::<Landings>().is_some_and(|landings| facts.row(&landings.waiting, change).is_some())
}

/// A change that was merged after the decision, into a branch that is about to go to everybody.
pub fn unjudged<'a>(
    facts: &Facts<'a>,
    named: &[(ChangeRef, Sha)],
    along: &[(ChangeRef, Sha)],
) -> Option<&'a ChangeRef> {
    let changes = facts.fold::<Changes>()?;
    let here = |change: &ChangeRef| named.iter().any(|(other, _)| other.component == change.component);
    let judged = |change: &ChangeRef, head: &Sha| {
        named.iter().chain(along).any(|(other, at)| other == change && at == head)
    };
    let mut waiting = changes.waiting(facts).into_iter();
    let unjudged = waiting.find(|(change, row)| here(change) && !judged(change, &row.head));
    unjudged.map(|(change, _)| change)
}

/// Why a promotion stops of whose branch more would go to everybody than was judged.
pub fn moved(change: &ChangeRef) -> Failure {
    let sentence = format!("#{} was merged into {} meanwhile", change.number, change.component);
    Failure { kind: FailureKind::BaseMoved, sentence, log: None }
}

/// Why a promotion stops of a change that its branch does not hold any more.
pub fn dropped(change: &ChangeRef) -> Failure {
    let sentence = format!("#{} was merged, but the default branch was moved away from it", change.number);
    Failure { kind: FailureKind::BaseMoved, sentence, log: None }
}

/// The parts that were composed.
pub fn composed<'a>(progress: &'a Progress<'_>) -> &'a [Part] {
    let parts = progress.0.values().find_map(|row| match &row.effect {
        Effect::Compose { parts } => Some(parts.as_slice()),
        _ => None,
    });
    parts.unwrap_or_default()
}

/// Changes that had been merged, and are not on their branch any more.
pub fn gone<'a>(progress: &'a Progress<'_>) -> impl Iterator<Item = &'a ChangeRef> {
    let gone = progress.outcomes().find_map(|outcome| match outcome {
        Outcome::Composed { gone, .. } => Some(gone),
        _ => None,
    });
    gone.into_iter().flatten()
}

/// What the composed branches bring: all that was named, and what comes along.
pub fn brought(progress: &Progress<'_>) -> Vec<(ChangeRef, Sha)> {
    let there = composed(progress).iter().filter_map(|part| part.change.clone());
    there.filter(|(change, _)| gone(progress).all(|gone| gone != change)).collect()
}

/// Changes that were taken back are still on the default branch, and would come along unnamed.
pub fn held(facts: &Facts<'_>, subjects: &[&Subject<'_>]) -> Option<Card> {
    let releases = facts.fold::<Releases>()?;
    let components: BTreeSet<&ComponentName> =
        subjects.iter().map(|subject| &subject.change.component).collect();
    let named = |change: &ChangeRef| subjects.iter().any(|subject| subject.change == *change);
    // What takes it out again may go alone: it is gone once that is merged.
    let taken_out = |change: &ChangeRef| {
        let undone = subjects.iter().filter_map(|subject| {
            facts.row(&releases.reverts, &subject.change).filter(|(_, commit)| *commit == subject.row.head)
        });
        undone.into_iter().any(|(original, _)| original == change)
    };
    let along: Vec<&ChangeRef> = facts
        .rows(&releases.taken_back)
        .map(|(change, _)| change)
        .filter(|change| components.contains(&change.component) && !named(change) && !taken_out(change))
        .collect();
    let first = along.first()?;
    let list = Line::new().list(along.iter().map(|change| Span::Change(change.number)));
    let card = Card::new(
        CardState::Held,
        Line(list.0.clone())
            .text(" would come along: it was rolled back, but is still on the default branch"),
    )
    .say("Nothing was done.")
    .row(
        "Rule",
        Line::new().strong("descendants-held").text("; what was taken back does not return by the way"),
    )
    .row(
        "Next",
        Line::new()
            .text("Open a revert of ")
            .change(first.number)
            .text(" and promote that, or promote it again by name, together with yours"),
    );
    Some(revert::offered(card, along))
}
