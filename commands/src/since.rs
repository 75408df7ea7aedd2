//! What changed since the commit of a change that a person allowed last: how much, of what kind, and where to read it.
//!
//! The two trees are compared, so a rewritten history hides nothing. What is not known is said to be so, and the whole
//! change is there to read.

use folkops_engine::{Call, Facts};
use folkops_model::{Card, ChangeRef, Line, Weight};
use folkops_previews::{ChangeRow, Changes, Stood};

use crate::subject;

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
