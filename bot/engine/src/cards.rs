//! The replies of the pipeline itself: what could not be read, what was refused, what went wrong.

use folkops_model::{
    Action, Card, CardState, Decision, Line, OldRights, PersonId, Principal, Rule, Span, SurfaceName, Weight,
};
use jiff::Timestamp;

use crate::text::Misread;

/// A line that is no command.
pub fn misread(misread: &Misread) -> Card {
    let card = Card::new(CardState::Refused, sentence(&misread.to_string())).say("Nothing was done.");
    match misread {
        Misread::Unknown { nearest: Some(nearest), .. } => card
            .row("Next", Line::new().text("Did you mean ").code(format!("/{nearest}")).text("?"))
            .button(Weight::Plain, "What can I say?", "/help"),
        Misread::Missing { command, .. } => {
            card.row("Next", Line::new().code(format!("/help {command}")).text(" shows how it is written"))
        }
        _ => card.button(Weight::Plain, "What can I say?", "/help"),
    }
}

/// Splits our own sentence with backticks into text and code.
pub fn sentence(text: &str) -> Line {
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    Line(
        pieces
            .map(|(i, p)| if i % 2 == 1 { Span::Code(p.to_owned()) } else { Span::Text(p.to_owned()) })
            .collect(),
    )
}

/// A source of rights that does not answer about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Which.
    pub source: SurfaceName,
    /// When it last did, UTC.
    pub last: Option<Timestamp>,
}

/// Something that policy refused, perhaps only because a source of rights is silent.
pub fn refused(action: &Action, decision: &Decision, who: &[PersonId], silent: Option<Silent>) -> Card {
    let title = match (action.principal.person(), &silent) {
        (Some(person), Some(silent)) => Line::new()
            .text(format!("Not now: {} does not answer about the rights of ", silent.source.title()))
            .person(person),
        (Some(person), None) => Line::new().text("Not by ").person(person).text(": ").text(reason(decision)),
        (None, _) => Line::new().text("Not by itself: ").text(reason(decision)),
    };
    let mut card = Card::new(CardState::Refused, title).say("Nothing has changed.");
    for rule in decision.rules() {
        card = card.row("Rule", rule_line(rule, action));
    }
    if let Some(silent) = silent {
        card = card.row("Rights", unheard(&silent)).row("Next", "Say it again when it answers");
    }
    let who: Vec<&PersonId> = who.iter().filter(|id| Some(*id) != action.principal.person()).collect();
    card = if who.is_empty() {
        card.row("Who", "Nobody here can, as things stand")
    } else {
        let people = who.iter().take(4).map(|id| Span::Person((*id).clone()));
        card.row("Who", Line::new().list(people).text(" can"))
    };
    card.button(Weight::Plain, "What may I do?", "/whoami").button(Weight::Quiet, "Why", "/why")
}

fn unheard(silent: &Silent) -> Line {
    let source = silent.source.title();
    let line = Line::new().text(format!("What {source} says counts for a minute"));
    match silent.last {
        Some(last) => line.text("; it last answered at ").span(Span::Time(last)),
        None => line.text("; it has not answered yet"),
    }
}

/// A card of something that was allowed by rights that are older than they may be for anything but safety.
pub fn with_old_rights(card: Card, old: Option<&OldRights>) -> Card {
    let Some(old) = old else { return card };
    let source = old.source.title();
    let line = Line::new().text(format!("As {source} said them at ")).span(Span::Time(old.at));
    card.row("Rights", line.text("; it does not answer now, and making things safer does not wait for it"))
}

fn reason(decision: &Decision) -> String {
    decision.rules().first().map_or_else(|| "no rule allows it".to_owned(), |rule| rule.reason.clone())
}

fn rule_line(rule: &Rule, action: &Action) -> Line {
    let groups: Vec<&str> = action.groups.iter().map(|group| group.as_str()).collect();
    let line = Line::new().strong(rule.id.clone()).text("; ").text(rule.reason.clone());
    match action.principal.person() {
        Some(person) => line.text(". ").person(person).text(format!(" is {} here", article(&groups))),
        None => line,
    }
}

fn article(groups: &[&str]) -> String {
    let named: Vec<String> = groups
        .iter()
        .map(|group| match *group {
            "on-call" => "on call".to_owned(),
            "operator" => "an operator".to_owned(),
            other => format!("a {other}"),
        })
        .collect();
    if named.is_empty() { "a stranger".to_owned() } else { named.join(", ") }
}

/// A request that failed, or ended the program, three times.
pub fn parked() -> Card {
    Card::new(CardState::Harmful, "This could not be handled and is set aside")
        .say("Three times it failed or ended the program, so it is not tried again by itself. Nothing was done.")
        .row("Next", "Say it again later, or ask an operator to look at the log")
}

/// Something outside that is needed cannot be reached.
pub fn unavailable(what: &str) -> Card {
    Card::new(CardState::Held, "Not now: something that this needs cannot be reached")
        .say(sentence(what))
        .row("Next", "Nothing was done. Say it again when it is back")
}

/// An operation that took too long. What nobody asked for, nobody waits for: its end opens a thread.
pub fn expired(action: &Action) -> Card {
    let title = "Given up: it took too long";
    let card = Card::new(CardState::Harmful, title).say("What it had begun is being taken down.");
    match action.principal {
        Principal::Person(_) => {
            card.row("Next", "Say it again; if it happens twice, ask an operator to look at the log")
        }
        Principal::Automation => card
            .opening(
                Line::new()
                    .code(format!("/{}", action.command))
                    .text(" by itself was given up: it took too long"),
            )
            .row(
                "What",
                Line::new().code(format!("/{}", action.command)).text(", which FolkOps said by itself"),
            )
            .row("Next", "It is tried again while the numbers want it; an operator looks at the log"),
    }
}
