//! "/advance": the rollout's next move, as the numbers want it. Said by the automation only.
//!
//! No arguments. Class: release. Reads: the rollout with its evidence, releases. What is done is planned again from the
//! facts at the moment of the decision, so that a move that was wanted a moment ago and is not any more does not happen.

use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    Card, CardState, Class, CommandSpec, Context, Effect, Intent, Line, Principal, ReleaseNumber, Resource,
    RolloutEnd,
};
use folkops_previews::Releases;
use folkops_previews::reconcile::release_stack;
use folkops_rollouts::check::{Change, check};
use folkops_rollouts::{Move, Planned, Rollouts, Row, plan};
use jiff::Timestamp;

use crate::alert::{self, Asked};
use crate::telling::LOCK;
use crate::{Settings, checklist, promote, raise, soak, telling};

static SPEC: CommandSpec = CommandSpec {
    name: "advance",
    aliases: &[],
    summary: "do what the numbers want of the rollout",
    example: "/advance",
    class: Class::Release,
    args: &[],
    internal: true,
};

/// How long a move may take.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// The command.
pub struct Advance(pub Arc<Settings>);

impl Command for Advance {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        match live(facts) {
            Some(row) => {
                let (list, release) = (&self.0.checklist, row.rollout.release);
                let context = checklist::of_release(Context::default(), list, facts, release);
                Ok(Ask::about(Resource::Service, context))
            }
            None => Err(Box::new(Card::new(CardState::Refused, "Nothing is being rolled out"))),
        }
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(row) = live(facts) else { return nothing() };
        let planned = plan(row, facts.now());
        if frozen(facts) && matches!(planned.proposed, Some(Move::Step { .. } | Move::Finish)) {
            return nothing();
        }
        let by = call.principal.clone();
        let (release, operation) = (row.rollout.release, row.rollout.operation.clone());
        match &planned.proposed {
            Some(Move::Step { rung }) => step(row, &planned, *rung),
            Some(Move::Finish) => finish(row, &planned, by, facts.now()),
            // Who holds production decides what becomes of the release first.
            Some(Move::Keep) if !crate::stop_preview::holding(facts, promote::LOCK).is_empty() => nothing(),
            Some(Move::Keep) => Plan::work(LOCK, WITHIN, None)
                .intend(Intent::EndRollout { release, end: RolloutEnd::Live, by })
                .also(operation, soak::kept(row, &planned)),
            Some(Move::Hold(why)) => {
                let other = (CardState::Held, Line::from("something else holds it now"));
                nothing()
                    .intend(Intent::HoldRollout { release, why: *why })
                    .also(operation, telling::held(row, &planned, *why))
                    .alerting(alert::over(row, &planned, facts.now(), other))
                    .alerting([alert::held(row, &planned, *why, &Asked { call, facts })])
            }
            Some(Move::Resume) => {
                let gone = (CardState::Good, Line::from("the cause is gone, and it goes on by itself"));
                nothing()
                    .intend(Intent::ResumeRollout { release, by })
                    .also(operation, telling::stepped(row, &planned, row.stage.rung().unwrap_or(0)))
                    .alerting(alert::over(row, &planned, facts.now(), gone))
            }
            // Going back is a command of its own, which anybody may say as well.
            Some(Move::RollBack(_)) | None => nothing(),
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_start() {
            return owe(vec![Effect::Route]);
        }
        if progress.is_pending() {
            return Step::Wait;
        }
        let stops = superfluous(call, facts);
        if stops.is_empty() || progress.owed(|effect| matches!(effect, Effect::Stop { .. })) {
            return Step::End { end: End::Done, intents: vec![], card: None, private: vec![] };
        }
        owe(stops)
    }
}

/// Nobody more gets a new build while a freeze is in force.
fn frozen(facts: &Facts<'_>) -> bool {
    facts.fold::<Releases>().is_some_and(|releases| releases.frozen(facts).is_some())
}

/// The rollout that is not over.
pub fn live<'a>(facts: &Facts<'a>) -> Option<&'a Row> {
    facts.fold::<Rollouts>()?.live(facts)
}

/// A plan that says and does nothing.
pub fn nothing() -> Plan {
    Plan { card: None, ..Plan::answer(Card::new(CardState::Good, "")) }
}

fn step(row: &Row, planned: &Planned, rung: u32) -> Plan {
    if check(&row.rollout, Change::Step { stage: &row.stage, rung }).is_err() {
        return nothing();
    }
    Plan::work(LOCK, WITHIN, None)
        .intend(Intent::StepRollout { release: row.rollout.release, rung })
        .also(row.rollout.operation.clone(), telling::stepped(row, planned, rung))
}

/// Everybody gets it: what somebody decided who said so, or the numbers.
pub fn finish(row: &Row, planned: &Planned, by: Principal, now: Timestamp) -> Plan {
    let release = row.rollout.release;
    let rises_no_more = match row.rollout.soak {
        Some(_) => Intent::SoakRollout { release, by: by.clone() },
        None => Intent::EndRollout { release, end: RolloutEnd::Live, by: by.clone() },
    };
    Plan::work(LOCK, WITHIN, None)
        .intend(rises_no_more)
        .intend(Intent::SetProduction { release, by, taken_back: vec![] })
        .also(row.rollout.operation.clone(), soak::begun(row, planned, now))
}

/// After everybody has a release: what ran before the one that stays up for the way back.
pub fn superfluous(_call: &Call<'_>, facts: &Facts<'_>) -> Vec<Effect> {
    let Some(releases) = facts.fold::<Releases>() else { return Vec::new() };
    let Some((production, _)) = releases.current(facts) else { return Vec::new() };
    // The newest of those before stays up; what is older than the two before it was stopped in its turn.
    let old = production.before.iter().rev().skip(1).take(2).copied();
    raise::stops(old.filter(|old| may_stop(facts, *old)).map(release_stack))
}

/// A rollout under way needs both its sides whole.
fn may_stop(facts: &Facts<'_>, release: ReleaseNumber) -> bool {
    live(facts).is_none_or(|row| check(&row.rollout, Change::Stop { stage: &row.stage, release }).is_ok())
}

fn owe(effects: Vec<Effect>) -> Step {
    Step::Owe { effects, intents: vec![], card: None, private: vec![] }
}
