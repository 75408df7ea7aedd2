//! "/unlink github-583231": that account is not mine any more.
//!
//! Arguments: the account. Class: identity. Reads: people. At once: the account speaks for a stranger, what its network
//! said of its rights counts no longer, and browsers that signed in with it are signed out.

use folkops_engine::{Ask, Call, Command, Facts, People, Plan};
use folkops_model::{
    Account, ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Intent, Line, PersonId,
    Resource, Span,
};

use crate::link::written;

static SPEC: CommandSpec = CommandSpec {
    name: "unlink",
    aliases: &[],
    summary: "take an account back that counts as you",
    example: "/unlink github-583231",
    class: Class::Identity,
    args: &[ArgSpec {
        name: "account",
        help: "the account, as `/whoami` shows it",
        kind: ArgKind::Rest,
        arity: Arity::One,
    }],
    internal: false,
};

/// The command.
pub struct Unlink;

impl Command for Unlink {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let given = call.args.text("account").map_or("", |text| text.clear.trim());
        let Some((person, own)) = own(call, facts) else {
            return Plan::refuse(Card::new(CardState::Refused, "FolkOps itself has no accounts"));
        };
        match own.iter().find(|account| written(account) == given) {
            Some(account) => taken_back(person, account),
            None => Plan::refuse(unknown(&own)),
        }
    }
}

fn own<'a>(call: &Call<'a>, facts: &Facts<'_>) -> Option<(&'a PersonId, Vec<Account>)> {
    let person = call.principal.person()?;
    let row = facts.row(&facts.fold::<People>()?.people, person)?;
    Some((person, row.accounts.iter().cloned().collect()))
}

fn taken_back(person: &PersonId, account: &Account) -> Plan {
    let title = Line::new().code(written(account)).text(" is not ").person(person).text("’s any more");
    let card = Card::new(CardState::Good, title)
        .say("It speaks for a stranger from now on, what its network says it may do counts for nobody here, and browsers that signed in with it are signed out. What it said before stays as it is.")
        .row("Back", Line::new().code("/link").text(" links it again"));
    Plan::answer(card).intend(Intent::Unlink { person: person.clone(), account: account.clone() })
}

fn unknown(own: &[Account]) -> Card {
    let card = Card::new(CardState::Refused, "That is no account of yours").say("Nothing was changed.");
    if own.is_empty() {
        return card.row("Yours", "No account is linked to you");
    }
    card.row("Yours", Line::new().list(own.iter().map(|account| Span::Code(written(account)))))
}
