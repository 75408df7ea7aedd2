//! The points that maintainers answer for before a change goes to everybody: data, privacy, contracts, law.
//!
//! INVARIANT: a point is ticked at one commit, by somebody who did not write the change. A push makes another commit, at
//! which nothing is ticked.

use std::collections::BTreeSet;

use folkops_engine::{Call, Facts, People};
use folkops_model::{
    Card, CardState, ChangeRef, ComponentName, Context, Line, PersonId, ReleaseNumber, Sha, Span, Touched,
    Weight,
};
use folkops_previews::{ChangeRow, Changes, Releases};
use jiff::Timestamp;

use crate::subject::{self, Subject};

/// A point of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What stands for it in commands and records: lower-case letters, digits and `-`.
    pub key: String,
    /// What is answered for, in the operator's words.
    pub text: String,
    /// Of which components; of all where none is named.
    pub components: BTreeSet<ComponentName>,
    /// Where a change touches one of these; whatever it touches where none is named.
    pub areas: BTreeSet<Touched>,
}

/// Who ticked a point, and when, UTC; nothing while nobody did.
pub type Tick = Option<(PersonId, Timestamp)>;

impl Point {
    /// Whether it is to be answered for a change.
    pub fn concerns(&self, change: &ChangeRef, row: &ChangeRow) -> bool {
        let here = self.components.is_empty() || self.components.contains(&change.component);
        here && (self.areas.is_empty() || !self.areas.is_disjoint(&row.diff.touched))
    }
}

/// The points that concern a change, each with who ticked it at the commit where the change stands.
pub fn points<'a>(list: &'a [Point], facts: &Facts<'_>, subject: &Subject<'_>) -> Vec<(&'a Point, Tick)> {
    let concerned = list.iter().filter(|point| point.concerns(&subject.change, subject.row));
    concerned.map(|point| (point, by(facts, subject, point))).collect()
}

/// The point and the change that are named, with who ticked it there; or a card that says that it is on no list.
pub fn named<'a, 'b>(
    list: &'a [Point],
    call: &Call<'_>,
    facts: &Facts<'b>,
) -> Result<(Subject<'b>, (&'a Point, Tick)), Box<Card>> {
    let none = || Box::new(Card::new(CardState::Refused, "No change was named").say("Nothing was done."));
    let subject = subject::named(call, facts)?.pop().ok_or_else(none)?;
    let key = call.args.name("point").unwrap_or_default();
    match points(list, facts, &subject).into_iter().find(|(point, _)| point.key == key) {
        Some(point) => Ok((subject, point)),
        None => Err(Box::new(unknown(list, facts, &subject, key))),
    }
}

fn unknown(list: &[Point], facts: &Facts<'_>, subject: &Subject<'_>, key: &str) -> Card {
    let title = Line::new().text("No point ").code(key).text(" has to be ticked for ");
    let card = Card::new(CardState::Refused, title.change(subject.change.number)).say("Nothing was done.");
    let points = points(list, facts, subject);
    let keys: Vec<Span> = points.iter().map(|(point, _)| Span::Code(point.key.clone())).collect();
    if keys.is_empty() {
        return card.row("List", "Nothing has to be ticked for it; an operator writes the list");
    }
    card.row("List", Line::new().list(keys))
}

/// Who ticked a point at the commit where the change stands; its author does not count.
fn by(facts: &Facts<'_>, subject: &Subject<'_>, point: &Point) -> Tick {
    let ticked = facts.row(&facts.fold::<Changes>()?.ticked, &subject.row.head)?;
    let people = ticked.points.get(&point.key).filter(|_| ticked.change == subject.change)?;
    // Two accounts that were linked since are one person.
    let known = facts.fold::<People>()?;
    let now = people.iter().map(|(person, at)| (known.now(facts, person), *at));
    let mut others = now.filter(|(person, _)| Some(*person) != subject.author.as_ref());
    others.next().map(|(person, at)| (person.clone(), at))
}

/// These facts, with whether everything is ticked that concerns the changes.
pub fn with(context: Context, list: &[Point], facts: &Facts<'_>, subjects: &[Subject<'_>]) -> Context {
    let done = |subject| points(list, facts, subject).iter().all(|(_, ticked)| ticked.is_some());
    Context { checklist_done: subjects.iter().all(done), ..context }
}

/// The same for commits that were pinned before, wherever their changes stand by now. Of what nobody has seen nothing is
/// ticked.
pub fn at(context: Context, list: &[Point], facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)]) -> Context {
    let done = |(change, sha): &(ChangeRef, Sha)| {
        let seen = facts.fold::<Changes>().and_then(|changes| {
            let open = facts.row(&changes.open, change);
            Some((changes, open.or_else(|| facts.row(&changes.closed, change))?))
        });
        seen.is_some_and(|(changes, row)| {
            let row = ChangeRow { head: sha.clone(), ..row.clone() };
            let subject = subject::of(facts, changes, change, &row);
            points(list, facts, &subject).iter().all(|(_, ticked)| ticked.is_some())
        })
    };
    Context { checklist_done: list.is_empty() || pinned.iter().all(done), ..context }
}

/// The same for what a release brought.
pub fn of_release(context: Context, list: &[Point], facts: &Facts<'_>, release: ReleaseNumber) -> Context {
    let known = facts.fold::<Releases>().and_then(|releases| facts.row(&releases.releases, &release));
    at(context, list, facts, known.map_or(&[], |release| &release.changes))
}

/// A card with a row for each point, and buttons for those that nobody ticked.
pub fn shown(card: Card, list: &[Point], facts: &Facts<'_>, subject: &Subject<'_>) -> Card {
    points(list, facts, subject).into_iter().fold(card, |card, (point, ticked)| {
        let what = Line::from(point.text.clone());
        match ticked {
            Some((person, at)) => {
                let by = what.text("; ticked by ").person(&person).text(" at ").span(Span::Time(at));
                card.row(&point.key, by)
            }
            None => {
                let says = what.text("; not ticked: ").code(line("tick", facts, point, subject));
                button(card.row(&point.key, says), facts, point, subject)
            }
        }
    })
}

/// The button by which a point is ticked at the commit that the card tells of, and at no other.
pub fn button(card: Card, facts: &Facts<'_>, point: &Point, subject: &Subject<'_>) -> Card {
    let says = format!("{} --at={}", line("tick", facts, point, subject), subject.row.head);
    card.button(Weight::Plain, format!("Tick {}", point.key), says)
}

/// A line that names a point and a change.
pub fn line(command: &str, facts: &Facts<'_>, point: &Point, subject: &Subject<'_>) -> String {
    format!("/{command} {} {}", point.key, subject::name(facts, &subject.change))
}
