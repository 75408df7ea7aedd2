//! Which required checks of a change stand in its way: those that failed, that have not ended, that nobody reported.
//!
//! What they are called is a stranger's word. What the forge has not said is told as that, and never as green.

use folkops_engine::Facts;
use folkops_model::{Account, Card, Check, CheckState, Line, Span};
use folkops_previews::Changes;

use crate::subject::Subject;

/// The most checks of one kind that are named.
const NAMED: usize = 5;

/// A card with one row for each kind of check that is not green.
pub fn shown(card: Card, facts: &Facts<'_>, subjects: &[Subject<'_>]) -> Card {
    let unmet = subjects.iter().filter(|subject| !subject.approval.checks_green);
    unmet.fold(card, |card, subject| {
        let rows = rows(facts, subject).into_iter();
        let named = |line: Line| match subjects {
            [_] => line,
            _ => line.text(" of ").change(subject.change.number),
        };
        rows.fold(card, |card, (label, line)| card.row(label, named(line)))
    })
}

fn rows(facts: &Facts<'_>, subject: &Subject<'_>) -> Vec<(&'static str, Line)> {
    let changes = facts.fold::<Changes>();
    let vetting = changes.and_then(|changes| changes.vetting(facts, &subject.change, &subject.row.head));
    let Some(vetting) = vetting else {
        let forge = Account::of_author(&subject.row.author);
        let forge = forge.map_or("the forge".to_owned(), |account| account.surface.title().to_owned());
        let unheard = format!("{forge} has not said how the checks of this commit stand");
        return vec![("Checks", unheard.into())];
    };
    let kinds =
        [("Red", CheckState::Red), ("Pending", CheckState::Pending), ("Missing", CheckState::Missing)];
    let kind = |(label, state)| Some((label, names(&vetting.checks, state)?));
    kinds.into_iter().filter_map(kind).collect()
}

/// "`test`, `lint` and 3 more".
fn names(checks: &[Check], state: CheckState) -> Option<Line> {
    let all: Vec<&Check> = checks.iter().filter(|check| check.state == state).collect();
    let name = |check: &&Check| Span::Foreign(check.name.clone());
    let named = all.iter().take(NAMED).map(name);
    let more = all.len().saturating_sub(NAMED);
    match (all.len(), more) {
        (0, _) => None,
        (_, 0) => Some(Line::new().list(named)),
        _ => {
            let mut spans: Vec<Span> = named.collect();
            spans.push(Span::Text(format!("{more} more")));
            Some(Line::new().list(spans))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(count: usize) -> Option<Vec<Span>> {
        let check = |number| Check { name: format!("check {number}"), state: CheckState::Red };
        let green = Check { name: "green".into(), state: CheckState::Green };
        let checks: Vec<Check> = (0..count).map(check).chain([green]).collect();
        names(&checks, CheckState::Red).map(|line| line.0)
    }

    #[test]
    fn at_most_a_handful_of_checks_is_named_and_the_rest_is_counted() {
        let foreign = |name: &str| Span::Foreign(name.into());
        assert_eq!(said(0), None);
        assert_eq!(said(1), Some(vec![foreign("check 0")]));
        assert_eq!(said(5).map(|spans| spans.last().cloned()), Some(Some(foreign("check 4"))));
        let seven = said(7).unwrap();
        assert_eq!(seven.last(), Some(&Span::Text("2 more".into())));
        assert_eq!(seven.iter().filter(|span| matches!(span, Span::Foreign(_))).count(), 5);
    }
}
