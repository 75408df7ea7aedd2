//! Three commands and a judge: enough to see every kind of card.

use folkops_engine::{Alert, Ask, Call, Command, Facts, Matter, Operations, Plan, Private};
use folkops_model::{
    Action, ArgKind, ArgSpec, Arity, Authority, Card, CardState, Class, CommandSpec, Context, Decision,
    Group, Intent, Line, Pictured, Principal, ReleaseNumber, Resource, Rule, Span, Verdict, Weight,
};

/// Everybody reads; maintainers release.
pub struct ByClass;

impl Authority for ByClass {
    fn judge(&self, action: &Action) -> Decision {
        let allowed = action.class != Class::Release || action.groups.contains(&Group::Maintainer);
        let rule =
            Rule { id: "release-by-maintainer".into(), reason: "a maintainer promotes".into(), remedy: None };
        let verdict = if allowed { Verdict::Allow(vec![rule]) } else { Verdict::Deny(vec![rule]) };
        Decision { verdict, policy_set: "0".repeat(64) }
    }

    fn names(&self, _principal: &Principal) -> bool {
        false
    }
}

static ECHO: CommandSpec = CommandSpec {
    name: "echo",
    aliases: &["say-again"],
    summary: "says it again, and a secret to whoever said it",
    example: "/echo soup",
    class: Class::Read,
    args: &[ArgSpec { name: "words", help: "what to say", kind: ArgKind::Rest, arity: Arity::One }],
    internal: false,
};

static PROMOTE: CommandSpec = CommandSpec {
    name: "promote",
    aliases: &[],
    summary: "gives a change to everyone",
    example: "/promote 41",
    class: Class::Release,
    args: &[ArgSpec { name: "change", help: "a number", kind: ArgKind::Change, arity: Arity::Many }],
    internal: false,
};

/// Says it again, and a secret to whoever said it.
pub struct Echo;
/// Gives a change to everyone.
pub struct Promote;

static ALARM: CommandSpec = CommandSpec {
    name: "alarm",
    aliases: &[],
    summary: "begins a rollout and raises an alert about it",
    example: "/alarm",
    class: Class::Read,
    args: &[],
    internal: false,
};

/// Begins a rollout of release 2 and raises an alert about it.
pub struct Alarm;

impl Command for Alarm {
    fn spec(&self) -> &'static CommandSpec {
        &ALARM
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(ask())
    }
    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let rollout = serde_json::from_value(serde_json::json!({
            "release": 2, "from": 1, "changes": [{ "component": "web", "number": 41 }],
            "operation": call.operation, "strategy": "canary", "budget": 5, "late": "hold", "salt": "0",
            "deadline": facts.now(), "timing": { "period_ms": 1, "block_ms": 1, "slow_ms": 1 },
            "rungs": [{ "weight": 500, "control": 500, "margin_ppm": 9000 }],
        }));
        let whole =
            Card::new(CardState::Harmful, "The whole of it").opening("#41 rolled back by itself").picture(
                Pictured::Rollout { release: ReleaseNumber(2), until: None },
                "4 of 10 <b>met</b> an error",
            );
        // What it is about was said before.
        let operations = facts.fold::<Operations>().unwrap();
        let (earlier, _) = operations.operations.iter().next().expect("something was said before");
        let alert = Alert { operation: earlier.clone(), matter: Matter(0), card: whole };
        Plan::answer(Card::new(CardState::Good, "Alarmed"))
            .intend(Intent::StartRollout { rollout: rollout.unwrap() })
            .alerting([alert])
    }
}

fn ask() -> Ask {
    Ask::about(Resource::Service, Context::default())
}

impl Command for Echo {
    fn spec(&self) -> &'static CommandSpec {
        &ECHO
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(ask())
    }
    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let words = call.args.text("words").cloned().unwrap_or_default();
        let person = call.principal.person().unwrap();
        let title = Line::new().person(person).text(" said ").span(Span::Foreign(words.clear.clone()));
        let card = Card::new(CardState::Good, title)
            .say(Line::new().text("Again: ").span(Span::Said(words.sealed.unwrap())))
            .log(words.clear.clone())
            .row("Who", Line::new().person(person).text(" can say more"))
            .button(Weight::Main, "Promote it", "/promote 41")
            .button(Weight::Quiet, "Again", "/echo again");
        let link =
            call.desk.keyring.seal(&format!("http://ana.potluck.localhost:7080/join/{}", words.clear.len()));
        let secret =
            Card::new(CardState::Good, "Your link").say(Line::new().span(Span::SecretLink(link.unwrap())));
        let mut plan = Plan::answer(card);
        plan.private.push(Private { person: person.clone(), card: secret });
        plan
    }
}

impl Command for Promote {
    fn spec(&self) -> &'static CommandSpec {
        &PROMOTE
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(ask())
    }
    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let title =
            Line::new().list(call.args.changes("change").iter().map(|name| Span::Change(name.number())));
        Plan::answer(Card::new(CardState::Live, title.text(" is live")))
    }
}
