//! What a command is about: the changes it names, the release it stands on, who is asking.
//!
//! Shared by the commands that name changes, so that an unknown change, a stranger's commit and two changes of one
//! component are answered in the same words everywhere.

use std::collections::BTreeSet;

use folkops_engine::{Ask, Call, Facts, People};
use folkops_model::{
    Account, Card, CardState, ChangeName, ChangeNumber, ChangeRef, Context, DiffSummary, Line, PersonId,
    Place, Principal, Release, Resource, Sealed, Sha, Span, Touched, Weight,
};
use folkops_previews::composition::Impossible;
use folkops_previews::{ChangeRow, Changes, Composition, Production, Releases};

use crate::approval::Approval;

/// The kinds of files of which a reviewer is told, in words.
pub const WORRYING: [(Touched, &str); 7] = [
    (Touched::Dependencies, "dependencies"),
    (Touched::Scripts, "scripts"),
    (Touched::Ci, "tests' own set-up"),
    (Touched::Migrations, "migrations"),
    (Touched::Network, "network settings"),
    (Touched::Secrets, "places of secrets"),
    (Touched::Binary, "binary files"),
];

/// One change that a command names.
pub struct Subject<'a> {
    /// Which.
    pub change: ChangeRef,
    /// As it was last seen.
    pub row: &'a ChangeRow,
    /// Who stands behind its head. What a commit says of its author proves nothing.
    pub approval: Approval,
    /// Its author, where they are known here.
    pub author: Option<PersonId>,
}

impl Subject<'_> {
    /// Whether its head may run.
    pub fn may_run(&self) -> bool {
        self.approval.may_run
    }

    /// The change pinned to its head.
    pub fn pinned(&self) -> (ChangeRef, Sha) {
        (self.change.clone(), self.row.head.clone())
    }

    /// The author for a line: the person if known, else the name on the forge.
    pub fn author_span(&self) -> Span {
        self.author
            .as_ref()
            .map_or_else(|| Span::Called(self.row.author_name.clone()), |id| Span::Person(id.clone()))
    }
}

/// The changes that a call names, or a card that says which is unknown.
pub fn named<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<Vec<Subject<'a>>, Box<Card>> {
    subjects(call.place, facts, &call.args.changes("change"))
}

/// The changes that these names stand for in a place, or a card that says which is unknown.
pub fn subjects<'a>(
    place: &Place,
    facts: &Facts<'a>,
    names: &[ChangeName],
) -> Result<Vec<Subject<'a>>, Box<Card>> {
    names.iter().map(|name| subject(place, facts, name)).collect()
}

fn subject<'a>(place: &Place, facts: &Facts<'a>, name: &ChangeName) -> Result<Subject<'a>, Box<Card>> {
    let changes = facts.fold::<Changes>().ok_or_else(|| Box::new(unknown(name, &[])))?;
    let mut found = changes.numbered(facts, name.number());
    found.retain(|(change, _)| name.fits(change));
    // On a pull request a bare number means one of the same repository.
    let here = place.about.as_ref().map(|about| &about.component);
    if found.len() > 1 && found.iter().any(|(change, _)| Some(&change.component) == here) {
        found.retain(|(change, _)| Some(&change.component) == here);
    }
    if let Some((change, row)) = taken_back(facts, changes, name).filter(|_| found.is_empty()) {
        return Ok(of(facts, changes, change, row));
    }
    match found.as_slice() {
        [(change, row)] => Ok(of(facts, changes, change, row)),
        [] => {
            let open: Vec<ChangeNumber> = changes.open.iter().map(|(change, _)| change.number).collect();
            Err(Box::new(unknown(name, &open)))
        }
        several => Err(Box::new(ambiguous(name, several))),
    }
}

/// A merged change that a rollback took back: it is not open any more, and may be promoted again by name.
fn taken_back<'a>(
    facts: &Facts<'a>,
    changes: &'a Changes,
    name: &ChangeName,
) -> Option<(&'a ChangeRef, &'a ChangeRow)> {
    let releases = facts.fold::<Releases>()?;
    let change =
        facts.rows(&releases.taken_back).map(|(change, _)| change).find(|change| name.fits(change))?;
    Some((change, facts.row(&changes.closed, change)?))
}

/// A change with what is known of its author and its head.
pub fn of<'a>(facts: &Facts<'a>, changes: &Changes, change: &ChangeRef, row: &'a ChangeRow) -> Subject<'a> {
    let people = facts.fold::<People>().zip(Account::of_author(&row.author));
    let author = people.and_then(|(people, account)| people.by_account(&account));
    let author = author.map(|(id, _)| id.clone());
    let approval = Approval::of(facts, changes, (change, row), author.as_ref());
    Subject { change: change.clone(), row, approval, author }
}

fn unknown(name: &ChangeName, open: &[ChangeNumber]) -> Card {
    let card =
        Card::new(CardState::Refused, Line::new().text("There is no open change ").code(written(name)))
            .say("Nothing was done.");
    if open.is_empty() {
        return card.row("Open", "No change is open now");
    }
    let open = open.iter().take(12).map(|number| Span::Change(*number));
    card.row("Open", Line::new().list(open))
}

/// A change's name as it stands in text: `#41`, `web#41`.
pub fn written(name: &ChangeName) -> String {
    match name {
        ChangeName::Number(number) => format!("#{number}"),
        ChangeName::Whole(change) => change.to_string(),
    }
}

fn ambiguous(name: &ChangeName, several: &[(&ChangeRef, &ChangeRow)]) -> Card {
    let whole = several.iter().map(|(change, _)| Span::Code(change.to_string()));
    Card::new(CardState::Refused, Line::new().code(written(name)).text(" stands for more than one change"))
        .say("It is open in several components. Nothing was done.")
        .row("Next", Line::new().text("Write the component too: ").list(whole))
}

/// What production runs, or a card that says that there is nothing yet.
pub fn production<'a>(facts: &Facts<'a>) -> Result<(&'a Production, &'a Release), Box<Card>> {
    facts.fold::<Releases>().and_then(|releases| releases.current(facts)).ok_or_else(|| {
        let card = Card::new(CardState::Waiting, "There is no release yet")
            .say("The first one is being built from the default branches. Nothing was done.")
            .row("Next", "Say it again when the room hears that the first release is up");
        Box::new(card)
    })
}

/// Composes subjects onto production, or a card that says why they cannot stand together.
pub fn compose(base: &Release, changes: &[(ChangeRef, Sha)]) -> Result<Composition, Box<Card>> {
    Composition::of(base, changes).map_err(|impossible| Box::new(cannot_compose(&impossible)))
}

fn cannot_compose(impossible: &Impossible) -> Card {
    match impossible {
        Impossible::SameComponent(one, two) => {
            let title = Line::new().change(one.number).text(" and ").change(two.number);
            Card::new(CardState::Refused, title.text(format!(" both change {}", one.component)))
                .say("One stack runs one build of each component, so they cannot stand side by side. Nothing was done.")
                .row("Next", Line::new().text("Take one of them, or put ").change(two.number).text(" on top of ").change(one.number).text(" in its repository"))
        }
        Impossible::NoComponent(component) => Card::new(
            CardState::Refused,
            Line::new().text("Production has no component ").code(component.to_string()),
        )
        .say("Nothing was done.")
        .row("Next", "An operator adds it to the configuration, and a first release brings it up"),
    }
}

/// The facts for policy that follow from the changes named.
pub fn context(call: &Call<'_>, subjects: &[Subject<'_>]) -> Context {
    let own = |subject: &Subject<'_>| {
        subject.author.is_some() && subject.author.as_ref() == call.principal.person()
    };
    let owns = |subject: &Subject<'_>| {
        call.principal.person().is_some_and(|person| subject.approval.is_owned_by(person))
    };
    let all = |holds: fn(&Approval) -> bool| subjects.iter().all(|subject| holds(&subject.approval));
    Context {
        commits_allowed: all(|approval| approval.may_run),
        own_change: subjects.iter().any(own),
        reviewed: all(|approval| approval.reviewed),
        owner: !subjects.is_empty() && subjects.iter().all(owns),
        owner_reviewed: all(|approval| approval.owner_reviewed),
        checks_green: all(|approval| approval.checks_green),
        two_people: subjects.iter().all(|subject| hands(call, subject) >= 2),
        ..Context::default()
    }
}

/// How many different people wrote a change, vouched for it, or ask now. An author who is not known here counts where
/// the forge proves who they are.
fn hands(call: &Call<'_>, subject: &Subject<'_>) -> usize {
    let known = subject.approval.vouched.iter().chain(&subject.author).chain(call.principal.person());
    let stranger = subject.author.is_none()
        && Account::of_author(&subject.row.author).is_some_and(|account| account.surface.as_str() != "git");
    known.collect::<BTreeSet<_>>().len() + usize::from(stranger)
}

/// What policy shall judge of changes as such: the first stands for all, and rights must reach all their components.
pub fn ask(subjects: &[Subject<'_>], context: Context) -> Ask {
    let first = subjects.first();
    let resource = first.map_or(Resource::Service, |subject| Resource::Change(subject.change.clone()));
    let others = subjects.iter().skip(1).map(|subject| subject.change.component.clone());
    Ask::about(resource, context).touching(others)
}

/// "by Mira": the principal in a line.
pub fn who(line: Line, principal: &Principal) -> Line {
    match principal {
        Principal::Person(person) => line.person(person),
        Principal::Automation => line.text("FolkOps by itself"),
    }
}

/// Who did something and why, in their own words where they gave any: "Mira paused it: the fair is on".
pub fn why(call: &Call<'_>, did: &str) -> Line {
    let line = who(Line::new(), call.principal).text(format!(" {did}"));
    match reason(call) {
        Some(reason) => line.text(": ").span(Span::Said(reason)),
        None => line,
    }
}

/// The reason that was given.
pub fn reason(call: &Call<'_>) -> Option<Sealed> {
    call.args.text("reason").and_then(|text| text.sealed.clone())
}

/// Pinned changes as a list of numbers: "#41 and #43".
pub fn numbers(line: Line, changes: &[(ChangeRef, Sha)]) -> Line {
    line.list(sorted(changes).into_iter().map(Span::Change))
}

/// Who vouched for what is about to run: one row of a card.
pub fn vouched(facts: &Facts<'_>, subjects: &[Subject<'_>]) -> Line {
    let pinned: Vec<_> = subjects.iter().map(Subject::pinned).collect();
    let line = allowed(facts, &pinned);
    let owned = !subjects.is_empty() && subjects.iter().all(|subject| subject.approval.owner_reviewed);
    if owned { line.text("; owners of what it touches approve") } else { line }
}

/// Who allowed these very commits, wherever their changes stand by now.
pub fn allowed(facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)]) -> Line {
    let Some(changes) = facts.fold::<Changes>() else { return Line::new() };
    let mut pinned: Vec<&(ChangeRef, Sha)> = pinned.iter().collect();
    pinned.sort_by_key(|(change, _)| change.number);
    let by = |pinned: &'_ &(ChangeRef, Sha)| {
        let (change, sha) = *pinned;
        Some((changes.allowed(facts, change, sha)?, sha.clone()))
    };
    let allowed = pinned.iter().filter_map(by).enumerate();
    allowed.fold(Line::new(), |line, (index, (allowed, sha))| {
        let line = if index > 0 { line.text("; ") } else { line };
        match (&allowed.by, &allowed.carried) {
            (Some(person), _) => line.person(person).text(" allowed ").commit(&sha),
            (None, Some(carried)) => {
                let line = line.text("carried over to ").commit(&sha).text(" from ").commit(&carried.from);
                line.text(format!(" ({} by its author)", plural(carried.lines, "line")))
            }
            (None, None) => line,
        }
    })
}

/// A card on what came of these very commits, with one row more for each change that was pushed to meanwhile.
pub fn with_moves(card: Card, facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)]) -> Card {
    let Some(changes) = facts.fold::<Changes>() else { return card };
    let moved = pinned.iter().filter_map(|(change, sha)| {
        let row = facts.row(&changes.open, change).filter(|row| row.head != *sha)?;
        let from = Line::new().change(change.number).text(" moved from ").commit(sha);
        let moved = from.text(" to ").commit(&row.head);
        let moved = match changes.between(facts, change, sha, &row.head) {
            Some(between) => moved.text(format!(" ({})", amount(&between.diff))),
            None => moved,
        };
        Some(moved.text(" meanwhile; that is not in here, and leave does not carry over"))
    });
    moved.fold(card, |card, line| card.row("Moved", line))
}

/// The words of a line that names changes: `41 43`, or `web#41` where a number stands for several.
pub fn spoken(facts: &Facts<'_>, changes: &[(ChangeRef, Sha)]) -> String {
    let mut changes: Vec<&ChangeRef> = changes.iter().map(|(change, _)| change).collect();
    changes.sort_by_key(|change| change.number);
    let words = changes.into_iter().map(|change| name(facts, change).to_string());
    words.collect::<Vec<_>>().join(" ")
}

/// The shortest name by which a change is known from every other one that is open.
pub fn name(facts: &Facts<'_>, change: &ChangeRef) -> ChangeName {
    let several = facts.fold::<Changes>().is_some_and(|changes| {
        changes.numbered(facts, change.number).iter().any(|(other, _)| *other != change)
    });
    if several { ChangeName::Whole(change.clone()) } else { ChangeName::Number(change.number) }
}

/// Pinned changes as a label that the service may show: `#41 + #43`.
pub fn label(changes: &[(ChangeRef, Sha)]) -> String {
    sorted(changes).iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(" + ")
}

/// "is" for one, "are" for several.
pub fn are<T>(of: &[T]) -> &'static str {
    if of.len() == 1 { "is" } else { "are" }
}

fn sorted(changes: &[(ChangeRef, Sha)]) -> Vec<ChangeNumber> {
    let mut numbers: Vec<ChangeNumber> = changes.iter().map(|(change, _)| change.number).collect();
    numbers.sort_unstable();
    numbers
}

/// What a change's diff amounts to: "1 file, 3 lines, code".
pub fn size(row: &ChangeRow) -> String {
    amount(&row.diff)
}

/// What a difference amounts to: "1 file, 3 lines, touches dependencies".
pub fn amount(diff: &DiffSummary) -> String {
    let files = plural(diff.files.into(), "file");
    let lines = plural(diff.lines(), "line");
    let (some, none): (Vec<_>, Vec<_>) =
        WORRYING.iter().partition(|(touched, _)| diff.touched.contains(touched));
    let some: Vec<&str> = some.iter().map(|(_, name)| *name).collect();
    let rest = if some.is_empty() {
        format!("no {}", none.iter().take(2).map(|(_, name)| *name).collect::<Vec<_>>().join(", no "))
    } else {
        format!("touches {}", some.join(", "))
    };
    format!("{files}, {lines}, {rest}")
}

/// "1 file", "3 files".
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The plain buttons that help after a refusal by the facts.
pub fn with_status(card: Card) -> Card {
    card.button(Weight::Quiet, "What runs now?", "/status")
}
