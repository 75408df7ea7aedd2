//! "/health": how the new build fares beside the current one.
//!
//! No arguments. Class: read. Reads: the rollout that is under way, or the newest that is over.

use folkops_engine::{Ask, Call, Command, Facts, Plan};
use folkops_model::{Card, CardState, Class, CommandSpec, Context, Line, Resource, Weight};
use folkops_rollouts::{Planned, Rollouts, Row, plan};

use crate::advance::live;
use crate::alert;
use crate::soak;
use crate::telling::{self, share};

static SPEC: CommandSpec = CommandSpec {
    name: "health",
    aliases: &[],
    summary: "see how a rollout fares",
    example: "/health",
    class: Class::Read,
    args: &[],
    internal: false,
};

/// The command.
pub struct Health;

impl Command for Health {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let rollouts = facts.fold::<Rollouts>();
        let newest =
            rollouts.and_then(|rollouts| facts.rows(&rollouts.rollouts).next_back().map(|(_, row)| row));
        match live(facts).or(newest) {
            Some(row) => Plan::answer(
                card(row, &plan(row, facts.now()))
                    .picture(alert::picture(row, Some(facts.now())), alert::alt(row)),
            ),
            None => Plan::answer(Card::new(CardState::Good, "Nothing was rolled out in steps yet").button(
                Weight::Quiet,
                "What runs now?",
                "/status",
            )),
        }
    }
}

fn card(row: &Row, planned: &Planned) -> Card {
    let title = telling::changes(&row.rollout).text(format!(
        ": release {} {}",
        row.rollout.release,
        telling::standing(&row.stage)
    ));
    let mut card = Card::new(CardState::Good, title).say(telling::figures(planned));
    let (new, current) = (&row.totals.candidate, &row.totals.stable);
    card = card
        .row("New build", told(new.visitors, new.requests, new.failed, new.affected))
        .row("Current build", told(current.visitors, current.requests, current.failed, current.affected));
    if let Some(evidence) = &planned.evidence {
        let of = |have: f64, need: f64| share((have / need).clamp(0.0, 1.0));
        card = card.row(
            "Evidence",
            Line::new()
                .text("of harm ")
                .strong(of(evidence.harm, evidence.roll_back_at))
                .text(" of what rolls back; of safety ")
                .strong(of(evidence.safe, evidence.advance_at))
                .text(" of what goes on"),
        );
    }
    if let Some((soak, found)) = row.soak.as_ref().zip(planned.soak.as_ref()) {
        let counts = &soak.counts;
        card = card
            .row("Everybody", told(counts.visitors, counts.requests, counts.failed, counts.affected))
            .row("Evidence", soak::evidence(found));
    }
    let card = card.open(Weight::Plain, "Graph", telling::page(&row.rollout));
    if let Some(until) = soak::until(row) {
        return card.row("Watched", soak::promise(until));
    }
    if row.stage.is_live() { card.row("Waits for", telling::waiting(planned)) } else { card }
}

fn told(visitors: u64, requests: u64, failed: u64, affected: u64) -> String {
    format!("{visitors} people, {requests} requests, {failed} failed; {affected} people met an error")
}
