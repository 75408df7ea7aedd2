//! Where production follows a release branch, only what is merged into that branch goes to everybody.
//!
//! A change against the default branch is previewed and tried as ever; to promote it, a pull request against the release
//! branch brings it there. It must never be merged past that branch.

use folkops_engine::{Call, Facts};
use folkops_model::{Card, CardState, ChangeRef, Line, Span, Target, Weight};
use folkops_previews::{ChangeRow, Changes};

use crate::Settings;

/// A card for a change that does not go to production by itself: one that is open against the default branch, or was
/// merged there.
pub fn passed_over(settings: &Settings, call: &Call<'_>, facts: &Facts<'_>) -> Option<Box<Card>> {
    let changes = facts.fold::<Changes>()?;
    let here = call.place.about.as_ref().map(|about| &about.component);
    let names = call.args.changes("change");
    let mut standing: Vec<_> = facts.rows(&changes.open).filter(|(change, _)| fits(&names, change)).collect();
    // A number that stands for an open change of another component means that one, unless it is said here.
    if standing.iter().all(|(change, _)| here.is_some_and(|here| change.component != *here)) {
        let merged = facts.rows(&changes.closed).filter(|(_, row)| row.landed.is_some());
        standing.extend(merged.filter(|(change, _)| fits(&names, change)));
    }
    let aside = |(_, row): &&(&ChangeRef, &ChangeRow)| row.target == Target::Development;
    let (change, row) = standing.iter().find(aside)?;
    Some(Box::new(card(settings, facts, changes, (change, row))))
}

fn fits(names: &[folkops_model::ChangeName], change: &ChangeRef) -> bool {
    names.iter().any(|name| name.fits(change))
}

fn card(
    settings: &Settings,
    facts: &Facts<'_>,
    changes: &Changes,
    (change, row): (&ChangeRef, &ChangeRow),
) -> Card {
    let branch =
        settings.release_branches.get(&change.component).map_or("the release branch", String::as_str);
    let goes = if row.landed.is_some() { " was merged into" } else { " goes into" };
    let title =
        Line::new().change(change.number).text(goes).text(" the default branch, and production follows ");
    let card = Card::new(CardState::Refused, title.code(branch)).say("Nothing was done.").row(
        "Rule",
        Line::new()
            .strong("release-branch")
            .text("; what everybody gets is merged into that branch by a pull request"),
    );
    let open = facts
        .rows(&changes.open)
        .filter(|(other, row)| other.component == change.component && row.target == Target::Release);
    let open: Vec<&ChangeRef> = open.map(|(other, _)| other).collect();
    if open.is_empty() {
        let next = Line::new().text("Open a pull request from the default branch into ").code(branch);
        return card.row("Next", next.text("; that one is promoted"));
    }
    let numbers = open.iter().map(|other| Span::Change(other.number));
    let card = card
        .row("Open", Line::new().list(numbers).text(" into ").code(branch))
        .row("Next", "If it holds this change, promote that one; else bring it up to date first");
    open.into_iter().fold(card, |card, other| {
        card.button(Weight::Plain, format!("Promote #{}", other.number), format!("/promote {other}"))
    })
}
