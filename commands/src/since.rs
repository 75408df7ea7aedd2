//! What changed since the commit of a change that a person allowed last: how much, of what kind, and where to read it.
//!
//! The two trees are compared, so a rewritten history hides nothing. What is not known is said to be so, and the whole
//! change is there to read.

use folkops_engine::{Call, Facts};
use folkops_model::{Card, ChangeRef, Line, Weight};
use folkops_previews::{ChangeRow, Changes, Stood};

use crate::subject::{self, Subject};

/// A card with what changed since then, and the ways to read it. The same card where the change has not moved on.
pub fn shown(
    card: Card,
    call: &Call<'_>,
    facts: &Facts<'_>,
    (change, row): (&ChangeRef, &ChangeRow),
) -> Card {
    let changes = facts.fold::<Changes>();
    let left = changes.and_then(|changes| Some((changes, changes.left(facts, change, &row.head)?)));
    let Some((changes, stood)) = left else { return card };
    let card = card.row("Since", since(facts, changes, (change, row), stood)).open(
        Weight::Plain,
        "Read what changed",
        format!("{}?since={}", page(change), stood.sha),
    );
    match call.desk.addresses.compare(&change.component, &stood.sha, &row.head) {
        Some(url) => card.open(Weight::Quiet, "Compare in the repository", url),
        None => card,
    }
}

/// A card on changes of which a maintainer has to look at some first: for each of these what changed since the commit that
/// was allowed, and the ways to read it and to allow exactly it. The same card where all may run.
pub fn unseen(card: Card, call: &Call<'_>, facts: &Facts<'_>, subjects: &[Subject<'_>]) -> Card {
    let unseen = subjects.iter().filter(|subject| !subject.may_run());
    unseen.enumerate().fold(card, |card, (index, Subject { change, row, .. })| {
        let weight = if index == 0 { Weight::Main } else { Weight::Plain };
        let allow = format!("Allow {}", row.head.short());
        let card = card.button(weight, allow, format!("/ok-to-test {}", row.head));
        let read = format!("Read the {}", subject::plural(row.diff.lines(), "line"));
        shown(card, call, facts, (change, row)).open(Weight::Plain, read, page(change))
    })
}

/// Where a change is read.
pub fn page(change: &ChangeRef) -> String {
    format!("/changes/{}/{}/diff", change.component, change.number)
}

/// "9f2c41e, which Jo allowed: 1 file, 3 lines, touches network settings; …".
fn since(
    facts: &Facts<'_>,
    changes: &Changes,
    (change, row): (&ChangeRef, &ChangeRow),
    stood: &Stood,
) -> Line {
    let line = Line::new().commit(&stood.sha).text(", which ").person(&stood.by).text(" allowed: ");
    let line = line.text(match changes.between(facts, change, &stood.sha, &row.head) {
        Some(between) => subject::amount(&between.diff),
        None => "it cannot be told what changed, so read all of it".to_owned(),
    });
    match changes.allowed(facts, change, &row.head) {
        Some(_) => line,
        None => line.text("; leave for that commit does not carry over"),
    }
}
