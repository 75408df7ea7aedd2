//! "/link": another account of mine, on this network or on another one, is mine here too.
//!
//! Arguments: nothing, a code, `--yes=PERSON`, or both. Class: identity. Reads: people, mixes. Both sides prove themselves
//! and agree to exactly the other: one asks for a code that only they see, the other says it, is told whom they would
//! become, and says it again with that name; then the first one agrees to them. Whoever asked stays who they are here; the
//! other becomes them, with all accounts and nothing else. Writing history anew is out of the question, so what the other
//! said before stays theirs on record, and counts as said by the same person from then on.
//!
//! A code overheard is worth nothing: its owner is asked by name. Nor is one that somebody is talked into saying: they are
//! told first who would speak as them.

use folkops_engine::{Ask, Call, Command, Facts, Offer, People, Person, Plan};
use folkops_model::{
    Account, ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, PersonId,
    Resource, Span, Weight,
};
use folkops_previews::Mixes;
use jiff::SignedDuration;

static SPEC: CommandSpec = CommandSpec {
    name: "link",
    aliases: &[],
    summary: "make another account of yours count as you",
    example: "/link",
    class: Class::Identity,
    args: &[
        ArgSpec {
            name: "code",
            help: "the code that you were given as the other account",
            kind: ArgKind::Rest,
            arity: Arity::Optional,
        },
        ArgSpec {
            name: "yes",
            help: "agree that the account is yours which said your code",
            kind: ArgKind::Flag,
            arity: Arity::Optional,
        },
    ],
    internal: false,
};

/// How long a code works.
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(5);
/// How long whoever asked for it may think about who said it.
const ASKED_LASTS: SignedDuration = SignedDuration::from_mins(60);

/// The command.
pub struct Link;

impl Command for Link {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        if call.args.given("yes") && call.args.text("code").is_none() {
            agreed(call, facts)?;
        }
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some((person, people)) = call.principal.person().zip(facts.fold::<People>()) else {
            return Plan::refuse(Card::new(CardState::Refused, "FolkOps itself has no account to link"));
        };
        let code = call.args.text("code").and_then(|text| text.clear.split_whitespace().next());
        match code {
            Some(code) => proves(call, facts, (people, person), code),
            None if call.args.given("yes") => agrees(call, facts),
            None => asks(call, facts, person),
        }
    }
}

/// The first step: a code for its speaker alone.
fn asks(call: &Call<'_>, facts: &Facts<'_>, person: &PersonId) -> Plan {
    let Ok(code) = call.desk.code(SPEC.name) else {
        return Plan::refuse(
            Card::new(CardState::Refused, "No code can be kept now").row("Next", "Say it again in a minute"),
        );
    };
    let expires = facts.now() + CODE_LASTS;
    let page = format!("{}/room/{}", call.desk.addresses.site, call.place.room);
    let card = Card::new(CardState::Ask, Line::new().person(person).text(" wants another account to count as theirs"))
        .say("The code for it is shown to them alone, on the page of this room, where their browser speaks for them.")
        .row("Page", Line::new().span(Span::Link(page)))
        .row("Until", Line::new().span(Span::Time(expires)))
        .row("Next", "They say it as the other account, and are asked once more here");
    let private = Card::new(CardState::Ask, "Your code")
        .say("Only you see this. Say the whole line as your other account, in any room or on a pull request:")
        .say(Line::new().span(Span::Said(code.line)))
        .say("It works once. Both of you are asked whether the other is you; agree to no other.")
        .row("Until", Line::new().span(Span::Time(expires)));
    let offer = Intent::OfferLink { person: person.clone(), hash: code.hash, expires };
    Plan::answer(card).intend(offer).privately(person, private)
}

/// The second step: the other side says the code.
fn proves(call: &Call<'_>, facts: &Facts<'_>, (people, person): (&People, &PersonId), code: &str) -> Plan {
    if let Some(until) = people.hushed(facts, person) {
        let card = Card::new(CardState::Refused, "Too many wrong codes")
            .say("Nothing was linked, and this code was not looked at.")
            .row("Next", Line::new().text("Try again after ").span(Span::Time(until)));
        return Plan::refuse(card);
    }
    let hash = folkops_engine::hash_of(code);
    let known = facts.row(&people.offers, &hash);
    let Some(offer) = known.filter(|offer| offer.other.is_none() && offer.expires > facts.now()) else {
        let card = Card::new(CardState::Refused, "That is no code that works")
            .say("It is wrong, was used already, or is older than five minutes. Nothing was linked.")
            .row(
                "Next",
                Line::new()
                    .text("Say ")
                    .code("/link")
                    .text(" as the account that shall stay, and the new code as the other one"),
            );
        return Plan::refuse(card).intend(Intent::MissLink { person: person.clone() });
    };
    if offer.person == *person {
        let card = Card::new(CardState::Refused, "You said your own code as yourself")
            .say("Nothing was linked, and the code still works.")
            .row("Next", "Say it as the other account");
        return Plan::refuse(card);
    }
    if let Some(card) = mixed(facts, person) {
        return Plan::refuse(card);
    }
    if call.args.flag("yes") != Some(offer.person.as_str()) {
        return Plan::answer(warning(facts, people, offer));
    }
    let expires = facts.now() + ASKED_LASTS;
    let waits = Card::new(CardState::Waiting, Line::new().person(person).text(" said the code"))
        .say("Whoever asked for it is asked now whether this account is theirs. Nothing is linked before they agree.")
        .row("Until", Line::new().span(Span::Time(expires)))
        .row("Who", "Whoever asked for the code can, where they asked");
    let proven = Intent::ProveLink { hash, person: person.clone(), expires };
    Plan::answer(waits).intend(proven).also(offer.operation.clone(), question(facts, people, offer, person))
}

/// Whom somebody would become by saying a code, before they do.
fn warning(facts: &Facts<'_>, people: &People, offer: &Offer) -> Card {
    let again = format!("/link --yes={}", offer.person);
    Card::new(CardState::Ask, Line::new().text("Are you ").person(&offer.person).text("?"))
        .say(Line::new().person(&offer.person).text(" asked for this code. If it is used, they speak, and vouch, as you, with everything that your account may do. Nothing is linked yet."))
        .row("Account", accounts(facts.row(&people.people, &offer.person)))
        .row("Next", Line::new().text("Only if that is you: say ").code(again).text(" and the code behind it; then they are asked about you too"))
        .row("Or", "Do nothing. Whoever gave you a code of theirs wants to speak as you")
}

fn question(facts: &Facts<'_>, people: &People, offer: &Offer, other: &PersonId) -> Card {
    let title = Line::new().person(&offer.person).text(", is this account yours?");
    let row = facts.row(&people.people, other);
    let card =
        Card::new(CardState::Ask, title)
            .say(Line::new().person(other).text(
                " said your code. Agree only if that is you: from then on they speak, and vouch, as you.",
            ))
            .row("Account", accounts(row));
    let left = row.filter(|row| !row.groups.is_empty() || row.owner.is_some());
    let card = if left.is_some() {
        card.row("Left", "Their groups here and their account in the service are not taken along")
    } else {
        card
    };
    card.row("Next", "Nothing happens if you do nothing")
        .button(Weight::Main, "Yes, it is mine", format!("/link --yes={other}"))
        .button(Weight::Quiet, "No, another code", "/link")
}

/// The offer of whoever asks, to whom exactly this person answered.
fn agreed<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<(&'a String, &'a Offer, PersonId), Box<Card>> {
    let nobody = || {
        let card = Card::new(CardState::Refused, "Nobody waits for you to agree to that")
            .say("The code was not said, it was asked for by somebody else, or it is too late. Nothing was linked.")
            .row("Next", Line::new().code("/link").text(" gives a new code"));
        Box::new(card)
    };
    let named = call.args.flag("yes").and_then(|word| PersonId::parse(word).ok()).ok_or_else(nobody)?;
    let people = facts.fold::<People>().ok_or_else(nobody)?;
    let theirs = |offer: &Offer| {
        Some(&offer.person) == call.principal.person()
            && offer.other.as_ref().is_some_and(|(other, _)| *other == named)
            && offer.expires > facts.now()
    };
    let (hash, offer) = facts.rows(&people.offers).find(|(_, offer)| theirs(offer)).ok_or_else(nobody)?;
    Ok((hash, offer, named))
}

/// The third step: whoever asked for the code agrees to whoever said it.
fn agrees(call: &Call<'_>, facts: &Facts<'_>) -> Plan {
    let (offer, other) = match agreed(call, facts) {
        Ok((_, offer, other)) => (offer, other),
        Err(card) => return Plan::refuse(*card),
    };
    if let Some(card) = mixed(facts, &other) {
        return Plan::refuse(card);
    }
    let row = facts.fold::<People>().and_then(|people| facts.row(&people.people, &other));
    let linked = |title: Line| {
        Card::new(CardState::Good, title)
            .say("What either says from now on is said by one person, here and there, and what either said before counts as theirs.")
            .row("Account", accounts(row))
            .row("Why", Line::new().person(&offer.person).text(" asked for a code, ").person(&other).text(" said it, and ").person(&offer.person).text(" agreed"))
    };
    let card = linked(Line::new().person(&other).text(" is ").person(&offer.person).text(" from now on"));
    let card = match row.and_then(|row| row.accounts.first()) {
        Some(account) => card.row("Back", Line::new().code(format!("/unlink {}", written(account)))),
        None => card,
    };
    let there = linked(Line::new().text("This account is ").person(&offer.person).text("’s from now on"));
    let linking = Intent::Link { person: offer.person.clone(), other: other.clone() };
    let plan = Plan::answer(card).intend(linking);
    match &offer.other {
        Some((_, operation)) => plan.also(operation.clone(), there),
        None => plan,
    }
}

/// Somebody whose requests go through a mix of their own cannot become somebody else meanwhile.
fn mixed(facts: &Facts<'_>, person: &PersonId) -> Option<Card> {
    facts.row(&facts.fold::<Mixes>()?.mixes, person)?;
    let title = Line::new().person(person).text(" has a mix of their own");
    Some(
        Card::new(CardState::Refused, title)
            .say("It would be nobody’s. Nothing was linked.")
            .row("Next", Line::new().text("Say ").code("/opt-out").text(" as that account first")),
    )
}

fn accounts(row: Option<&Person>) -> Line {
    let known = row.into_iter().flat_map(|row| &row.accounts);
    let spans: Vec<Span> = known.map(|account| Span::Code(written(account))).collect();
    if spans.is_empty() { Line::from("a browser in the web room") } else { Line::new().list(spans) }
}

/// An account as it is named in commands.
pub fn written(account: &Account) -> String {
    format!("{}-{}", account.surface, account.id)
}
