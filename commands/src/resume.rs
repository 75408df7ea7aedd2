//! "/resume": a rollout that stands still goes on from where it is.
//!
//! Arguments: `--anyway`, when time is up and somebody answers for going on without the numbers; a reason. Class: release. Reads: the
//! rollout.

use std::sync::Arc;

use folkops_engine::{Ask, Call, Command, End, Facts, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, Card, CardState, Class, CommandSpec, Context, Effect, Intent, Resource, Weight,
};
use folkops_rollouts::{Row, Stage, plan};

use crate::advance::{finish, live, superfluous};
use crate::pause::none;
use crate::{Settings, alert, checklist, soak, subject, telling};

static SPEC: CommandSpec = CommandSpec {
    name: "resume",
    aliases: &[],
    summary: "let a rollout go on",
    example: "/resume",
    class: Class::Release,
    args: &[
        ArgSpec {
            name: "anyway",
            help: "give it to everybody although the numbers have not decided",
            kind: ArgKind::Flag,
            arity: Arity::Optional,
        },
        ArgSpec { name: "reason", help: "why, in a few words", kind: ArgKind::Rest, arity: Arity::Optional },
    ],
    internal: false,
};

/// The command.
pub struct Resume(pub Arc<Settings>);

impl Command for Resume {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        // What is rolled out was allowed before its first step.
        let context = Context { commits_allowed: true, ..Context::default() };
        let release = live(facts).ok_or_else(none)?.rollout.release;
        let context = checklist::of_release(context, &self.0.checklist, facts, release);
        Ok(Ask::about(Resource::Service, context))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(row) = live(facts) else { return Plan::refuse(*none()) };
        let planned = plan(row, facts.now());
        match &row.stage {
            Stage::Soaking { until } => Plan::refuse(soak::nothing_to_steer(row, *until)),
            Stage::Rising { .. } | Stage::Ended(_) => {
                let title = telling::changes(&row.rollout).text(" goes on by itself already");
                Plan::refuse(
                    Card::new(CardState::Refused, title).row("Waits for", telling::waiting(&planned)),
                )
            }
            Stage::Held { why, .. } if why.may_be_overruled() && call.args.given("anyway") => {
                let how = subject::why(call, "let everybody have it");
                let plan = finish(row, &planned, call.principal.clone(), facts.now());
                Plan { card: Some(anyway(row, call)), ..plan }.alerting(alert::over(
                    row,
                    &planned,
                    facts.now(),
                    (CardState::Live, how),
                ))
            }
            Stage::Held { why, .. } => Plan::refuse(telling::held(row, &planned, *why)),
            Stage::Paused { rung, .. } => {
                let card =
                    telling::stepped(row, &planned, *rung).row("Why", subject::why(call, "let it go on"));
                let intent =
                    Intent::ResumeRollout { release: row.rollout.release, by: call.principal.clone() };
                Plan::answer(card.clone()).intend(intent).also(row.rollout.operation.clone(), card)
            }
        }
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let owe = |effects| Step::Owe { effects, intents: vec![], card: None, private: vec![] };
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

fn anyway(row: &Row, call: &Call<'_>) -> Card {
    Card::new(
        CardState::Live,
        telling::changes(&row.rollout).text(" goes to everyone without the numbers' word"),
    )
    .row("Why", subject::why(call, "answers for it"))
    .button(Weight::Danger, "Roll back", "/rollback")
}
