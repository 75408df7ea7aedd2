//! "/ok-to-test 9f2c41e0…": I looked at exactly this commit; let it run.
//!
//! Arguments: all forty characters. Class: vouch. Reads: changes. Names one commit and nothing after it; what waits for
//! it starts by itself.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Intent, Line, Resource, Sha, Weight,
};
use folkops_previews::Changes;

use crate::since;
use crate::subject::{self, Subject};

static SPEC: CommandSpec = CommandSpec {
    name: "ok-to-test",
    aliases: &[],
    summary: "let exactly this commit run behind the wall",
    example: "/ok-to-test 9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2",
    class: Class::Vouch,
    args: &[ArgSpec {
        name: "sha",
        help: "all forty characters of the commit",
        kind: ArgKind::Sha,
        arity: Arity::Optional,
    }],
    internal: false,
};

/// The command.
pub struct OkToTest;

impl Command for OkToTest {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        let subject = standing_at(call, facts)?;
        let context = subject::context(call, std::slice::from_ref(&subject));
        Ok(Ask::about(Resource::Change(subject.change), context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let subject = match standing_at(call, facts) {
            Ok(subject) => subject,
            Err(card) => return Plan::refuse(*card),
        };
        let sha = subject.row.head.clone();
        let title = Line::new().change(subject.change.number).text(" may run at ").commit(&sha);
        let card = Card::new(CardState::Good, title)
            .say("A newer commit of it is looked at anew.")
            .row("Why", subject::who(Line::new(), call.principal).text(" looked at it"))
            .row("Next", "What waits for it starts by itself")
            .button(Weight::Plain, "Preview", format!("/deploy-preview {}", subject.change.number));
        Plan::answer(card).intend(Intent::AllowCommit {
            change: subject.change.clone(),
            sha,
            by: call.principal.clone(),
        })
    }
}

/// The open change that stands at the commit named; a commit that it has left behind is refused with where it stands.
fn standing_at<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<Subject<'a>, Box<Card>> {
    let unnamed = || Box::new(unnamed(call, facts));
    let sha = call.args.sha("sha").ok_or_else(unnamed)?;
    let changes = facts.fold::<Changes>().ok_or_else(unnamed)?;
    match changes.at(facts, sha) {
        Some((change, row)) => Ok(subject::of(facts, changes, change, row)),
        None => Err(Box::new(moved(call, facts, changes, sha))),
    }
}

/// No commit was named. On a pull request the one where it stands is shown, for whoever has looked at it to name.
fn unnamed(call: &Call<'_>, facts: &Facts<'_>) -> Card {
    let changes = facts.fold::<Changes>();
    let here = call.place.about.as_ref().zip(changes);
    let Some((change, row)) = here.and_then(|(about, all)| Some((about, facts.row(&all.open, about)?)))
    else {
        return Card::new(CardState::Refused, "No commit was named")
            .say("Nothing was allowed.")
            .row("Next", Line::new().text("Name it by all forty characters: ").code(SPEC.example));
    };
    let title =
        Line::new().text("Which commit? ").change(change.number).text(" stands at ").commit(&row.head);
    let card = Card::new(CardState::Refused, title)
        .say(format!("It is {}. Nothing was allowed: a commit is named by all forty characters, so that a push cannot put another in its place.", subject::size(row)))
        .row("Next", "Look at it, then allow exactly that commit")
        .button(Weight::Main, format!("Allow {}", row.head.short()), format!("/ok-to-test {}", row.head))
        .open(Weight::Plain, "Read it", since::page(change));
    since::shown(card, call, facts, (change, row))
}

fn moved(call: &Call<'_>, facts: &Facts<'_>, changes: &Changes, sha: &Sha) -> Card {
    let was = facts.rows(&changes.open).find(|(_, row)| row.previous.as_ref() == Some(sha));
    let Some((change, row)) = was else {
        return Card::new(CardState::Refused, Line::new().text("No open change stands at ").commit(sha))
            .say("Nothing was done.")
            .row("Next", "Look at the change again; it may have been closed, or moved more than once");
    };
    let title = Line::new().change(change.number).text(" has moved on from ").commit(sha);
    let card = Card::new(CardState::Refused, title)
        .say(Line::new().text("It stands at ").commit(&row.head).text(" now. Nothing was allowed."))
        .row("Next", "Read what is new, then allow that commit")
        .open(Weight::Plain, "Read it", since::page(change))
        .button(Weight::Plain, format!("Allow {}", row.head.short()), format!("/ok-to-test {}", row.head));
    since::shown(card, call, facts, (change, row))
}
