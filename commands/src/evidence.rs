//! "/evidence 41": how a change fares with the people who try it.
//!
//! Arguments: one change; without one, that of the place. Class: read. Reads: changes, mixes, how changes were used. It
//! says how much was used by how many, what failed, how fast it was beside production over the same time, and what nobody
//! used; never who used what. Under two people no number is told at all, and an action that not surely two used is named without one.

use folkops_engine::{Ask, Call, Command, Facts, Operations, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, ChangeRef, Class, CommandSpec, Context, Intent, Line,
    OperationId, PersonId, Principal, Resource, Sha, Span, Topic, Weight,
};
use folkops_previews::evidence::{FEWEST_PEOPLE, FEWEST_REQUESTS, Fares, Measured, Missing};
use folkops_previews::{
    Beside, Candidate, Mixes, Preview, PreviewState, Previews, Tidings, UsageRow, Usages, tidings,
};
use folkops_rollouts::{Level, Tally, interval};

use crate::advance::nothing;
use crate::deploy_preview;
use crate::subject;
use crate::telling::{share, thousands};

static SPEC: CommandSpec = CommandSpec {
    name: "evidence",
    aliases: &["usage"],
    summary: "see how a change fares with those who try it",
    example: "/evidence 41",
    class: Class::Read,
    args: &[ArgSpec {
        name: "change",
        help: "a pull request's number",
        kind: ArgKind::Change,
        arity: Arity::One,
    }],
    internal: false,
};

/// So many actions are named; the others are counted.
const NAMED: usize = 5;

/// The command.
pub struct Evidence;

impl Command for Evidence {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let (change, _) = asked(call, facts)?;
        Ok(Ask::about(Resource::Change(change), Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        match asked(call, facts) {
            Ok((change, head)) => {
                let card = card(facts, &change, head.as_ref());
                match call.principal {
                    Principal::Person(_) => Plan::answer(card),
                    Principal::Automation => told_anew(call, facts, change, card),
                }
            }
            Err(card) => Plan::refuse(*card),
        }
    }
}

/// What is said by itself when the people who try a change become more or fewer: one card, edited from then on.
fn told_anew(call: &Call<'_>, facts: &Facts<'_>, change: ChangeRef, card: Card) -> Plan {
    let trying = tidings::trying(facts, &change);
    let card = card.row("Now", format!("{} on their own account", people(trying)));
    let told = facts.fold::<Tidings>().and_then(|tidings| facts.row(&tidings.uses, &change));
    let told = told.map(|told| told.operation.clone()).filter(|operation| {
        facts.fold::<Operations>().is_some_and(|all| facts.row(&all.operations, operation).is_some())
    });
    let first = told.clone().unwrap_or_else(|| call.operation.clone());
    let plan = match told {
        Some(operation) => nothing().also(operation, card),
        None => Plan::answer(card),
    };
    plan.intend(Intent::Tell { change, topic: Topic::Use { people: trying, card: first } })
}

/// The change that is asked about, with its head while it is open.
fn asked(call: &Call<'_>, facts: &Facts<'_>) -> Result<(ChangeRef, Option<Sha>), Box<Card>> {
    let unknown = match subject::named(call, facts).as_deref() {
        Ok([subject, ..]) => return Ok((subject.change.clone(), Some(subject.row.head.clone()))),
        Ok([]) => None,
        Err(card) => Some(card.clone()),
    };
    let name = call.args.changes("change").into_iter().next();
    let used = facts.fold::<Usages>().zip(name).and_then(|(usages, name)| {
        usages.newest(facts, |change| name.fits(change)).map(|(key, _)| (key.change.clone(), None))
    });
    used.ok_or_else(|| unknown.unwrap_or_else(|| Box::new(Card::new(CardState::Refused, "Which change?"))))
}

/// How a change fares: at its head, or where nobody tried that, at the commit that was used last.
pub fn card(facts: &Facts<'_>, change: &ChangeRef, head: Option<&Sha>) -> Card {
    let Some((sha, row)) = row_of(facts, change, head) else { return nobody(facts, change) };
    let card = match row.measure() {
        Ok(measured) => measured_card(change, sha, row, &measured),
        Err(missing) => missing_card(facts, (change, sha), row, missing),
    };
    let card = if head.is_some_and(|head| head != sha) { moved(card, head) } else { card };
    let card = if row.gaps > 0 {
        let times = if row.gaps == 1 { "once".to_owned() } else { format!("{} times", row.gaps) };
        card.row(
            "Missing",
            format!("The router began anew {times}; what it had not told by then is not counted"),
        )
    } else {
        card
    };
    let card = card.row("Until", Line::new().span(Span::Time(row.until)));
    match head {
        Some(_) => card.button(Weight::Plain, "Try it on my account", try_it(facts, change)),
        None => card,
    }
}

fn try_it(facts: &Facts<'_>, change: &ChangeRef) -> String {
    format!("/opt-in {}", subject::name(facts, change))
}

fn next(facts: &Facts<'_>, change: &ChangeRef) -> Line {
    Line::new().code(try_it(facts, change)).text(" tries it, for your own workload only")
}

fn row_of<'a>(facts: &Facts<'a>, change: &ChangeRef, head: Option<&Sha>) -> Option<(&'a Sha, &'a UsageRow)> {
    let usages = facts.fold::<Usages>()?;
    let newest = || usages.newest(facts, |of| of == change);
    let key = |sha: &Sha| Candidate { change: change.clone(), sha: sha.clone() };
    let at_head = head.and_then(|head| {
        facts.rows(&usages.rows).find(|(known, row)| **known == key(head) && row.requests() > 0)
    });
    at_head.or_else(newest).map(|(key, row)| (&key.sha, row))
}

fn nobody(facts: &Facts<'_>, change: &ChangeRef) -> Card {
    Card::new(CardState::Waiting, Line::new().text("No evidence yet on ").change(change.number))
        .say("Nobody has used it on their own account yet.")
        .row("Next", next(facts, change))
        .button(Weight::Plain, "Try it on my account", try_it(facts, change))
}

fn missing_card(
    facts: &Facts<'_>,
    (change, sha): (&ChangeRef, &Sha),
    row: &UsageRow,
    missing: Missing,
) -> Card {
    let title = Line::new().text("No evidence yet on ").change(change.number).text(" at ").commit(sha);
    let card = Card::new(CardState::Waiting, title);
    let (card, wanted) = match missing.requests {
        Some(more) => {
            let so_far = format!("{}, {}.", people(row.people()), subject::plural(row.requests(), "request"));
            (card.say(so_far), subject::plural(more, "more request"))
        }
        None => {
            let few = match row.people() {
                0 => "Nobody has used it yet.",
                _ => "One person has used it; what one person does is told to nobody.",
            };
            let more = if missing.people == 1 {
                "1 more person".into()
            } else {
                format!("{} people", missing.people)
            };
            (card.say(few), more)
        }
    };
    card.row(
        "Missing",
        format!("{wanted}; under {FEWEST_PEOPLE} people or {FEWEST_REQUESTS} requests nothing can be said"),
    )
    .row("Next", next(facts, change))
}

fn measured_card(change: &ChangeRef, sha: &Sha, row: &UsageRow, measured: &Measured) -> Card {
    let title = Line::new().text("Evidence of ").change(change.number).text(" at ").commit(sha);
    let mut card = Card::new(CardState::Good, title).say(summary(row, measured));
    card = match &measured.beside {
        Some((here, there)) => card
            .row("Here", fares(here))
            .row("Production", fares(there) + ", over the same time and the same actions"),
        None => card.row("Production", "It served too little of the same meanwhile to compare"),
    };
    card = card.row("Tried", tried(row));
    match untested(row) {
        Some(untested) => card.row("Untested", untested),
        None => card.row("Untested", "Nothing that production served meanwhile"),
    }
}

/// "9 people, 2,310 requests, 6 days: 0.3 % failed (95 % interval 0.1 % to 0.6 %)."
fn summary(row: &UsageRow, measured: &Measured) -> String {
    let failed = measured.failed as f64;
    // Requests stand in for visitors here; the formula and its source are with `interval`.
    let range = interval(Tally { unhealth: failed, visitors: measured.requests }, Level::HOLD);
    format!(
        "{}: {} failed (95 % interval {} to {}).",
        amount(row, measured),
        share(failed / measured.requests as f64),
        share(range.low),
        share(range.high)
    )
}

fn amount(row: &UsageRow, measured: &Measured) -> String {
    let requests = thousands(measured.requests);
    format!("{}, {requests} requests, {}", people(measured.people), subject::plural(row.days.into(), "day"))
}

fn people(count: u64) -> String {
    if count == 1 { "1 person".into() } else { format!("{} people", thousands(count)) }
}

fn fares(fares: &Fares) -> String {
    let within = |share: &str, micros: Option<u64>| match micros {
        Some(micros) if micros < 1_000_000 => format!("{share} answered within {} ms", micros as f64 / 1e3),
        Some(micros) => format!("{share} answered within {} s", micros as f64 / 1e6),
        None => format!("fewer than {share} answered within a minute"),
    };
    let (half, most) = (within("half", fares.median), within("95 of 100", fares.slowest));
    format!("{} failed; {half}, {most}", share(fares.failed))
}

fn tried(row: &UsageRow) -> Line {
    let used = row.used();
    let named = used.iter().take(NAMED).enumerate().fold(Line::new(), |line, (index, (endpoint, beside))| {
        let line = if index > 0 { line.text(", ") } else { line };
        line.code(endpoint.as_str()).text(often(beside))
    });
    and_more(named, used.len())
}

fn often(beside: &Beside) -> String {
    match beside.people {
        0..FEWEST_PEOPLE => " (few people)".into(),
        _ => format!(" {}", thousands(beside.tried.requests)),
    }
}

/// "POST /recipes (0 requests; production 310)".
fn untested(row: &UsageRow) -> Option<Line> {
    let untouched = row.untouched();
    let named =
        untouched.iter().take(NAMED).enumerate().fold(Line::new(), |line, (index, (endpoint, requests))| {
            let line = if index > 0 { line.text(", ") } else { line };
            line.code(endpoint.as_str()).text(format!(" (0 requests; production {})", thousands(*requests)))
        });
    (!untouched.is_empty()).then(|| and_more(named, untouched.len()))
}

fn and_more(line: Line, all: usize) -> Line {
    match all.saturating_sub(NAMED) {
        0 => line,
        more => line.text(format!(" and {more} more")),
    }
}

fn moved(card: Card, head: Option<&Sha>) -> Card {
    let Some(head) = head else { return card };
    card.row("Moved", Line::new().text("It stands at ").commit(head).text(" now, which nobody has tried"))
}

/// What a promotion's card says of each change: "9 people, 2,310 requests, 6 days: 0.3 % failed (production 0.4 %)".
pub fn with_evidence(card: Card, facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)]) -> Card {
    let usages = facts.fold::<Usages>();
    pinned.iter().fold(card, |card, (change, sha)| {
        let row = usages.and_then(|usages| usages.of(facts, change, sha));
        let line = Line::new().change(change.number).text(": ");
        let card = card.row("Evidence", told(line, row));
        match row.filter(|row| row.measure().is_ok()).and_then(untested) {
            Some(untested) => card.row("Untested", untested),
            None => card,
        }
    })
}

fn told(line: Line, row: Option<&UsageRow>) -> Line {
    let Some(row) = row else { return line.text("nobody tried this commit on their own account") };
    match row.measure() {
        Ok(measured) => {
            let failed = share(measured.failed as f64 / measured.requests as f64);
            let line = line.text(format!("{}: {failed} failed", amount(row, &measured)));
            match &measured.beside {
                Some((_, there)) => line.text(format!(" (production {})", share(there.failed))),
                None => line,
            }
        }
        Err(_) => line.text(format!("too little was tried to say anything ({})", people(row.people()))),
    }
}

/// Who has these very commits in their mix, as a number; none when nobody does. `leaving` is not counted any more.
pub fn used_by(facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)], leaving: Option<&PersonId>) -> Option<Line> {
    let mixes = facts.fold::<Mixes>()?;
    let has = |parts: &[folkops_model::Part]| {
        pinned.iter().all(|wanted| parts.iter().any(|part| part.change.as_ref() == Some(wanted)))
    };
    let serving = facts.rows(&mixes.mixes).filter(|(person, _)| Some(*person) != leaving);
    let now =
        serving.filter(|(_, mix)| mix.serving.as_ref().is_some_and(|raised| has(&raised.parts))).count();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    (now > 0).then(|| Line::from(format!("{} on their own account; ", people(now))).code(look(facts, pinned)))
}

fn look(facts: &Facts<'_>, pinned: &[(ChangeRef, Sha)]) -> String {
    let first = pinned.first().map(|(change, _)| subject::name(facts, change).to_string());
    format!("/evidence {}", first.unwrap_or_default())
}

/// The cards of previews that have any of these commits, as they read now that other people use it than before.
pub fn retold(
    call: &Call<'_>,
    facts: &Facts<'_>,
    pinned: &[(ChangeRef, Sha)],
    leaving: Option<&PersonId>,
) -> Vec<(OperationId, Card)> {
    let Some(previews) = facts.fold::<Previews>() else { return Vec::new() };
    let has = |preview: &Preview| {
        let mut parts = preview.parts.iter().filter_map(|part| part.change.as_ref());
        matches!(preview.state, PreviewState::Up(_)) && parts.any(|part| pinned.contains(part))
    };
    let up = facts.rows(&previews.previews).filter(|(_, preview)| has(preview));
    up.filter_map(|(id, preview)| {
        Some((preview.raised_by.clone()?, deploy_preview::up(call, facts, id, preview, leaving)))
    })
    .collect()
}
