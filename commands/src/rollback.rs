//! "/rollback": everybody goes back to what ran before.
//!
//! Arguments: a release, else the one before; a reason. Class: safety. Reads: releases, operations. Nothing stands in its way: no
//! freeze, no quota; a promotion that is under way is stopped for it.

use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Alert, Ask, Call, Command, End, Facts, Operations, Plan, Progress, Step};
use folkops_model::{
    ArgKind, ArgSpec, Arity, BasisPoints, Card, CardState, ChangeRef, Class, CommandSpec, Context, Effect,
    Failure, Intent, Line, OperationId, Principal, Release, ReleaseNumber, Resource, RolloutEnd, Span,
    Weight,
};
use folkops_previews::reconcile::release_stack;
use folkops_previews::{Production, Releases};
use folkops_rollouts::back::{at_most, rest};
use folkops_rollouts::check::{Up, check_back};
use folkops_rollouts::plan::grounds;
use folkops_rollouts::{Move, Rollouts, Row, Stage, plan};

use crate::advance::{live, nothing};
use crate::alert::{self, Asked};
use crate::promote::LOCK;
use crate::{Settings, raise, revert, soak, subject, telling, thread, trial, verdict};

static SPEC: CommandSpec = CommandSpec {
    name: "rollback",
    aliases: &[],
    summary: "take everyone back to an earlier release",
    example: "/rollback",
    class: Class::Safety,
    args: &[
        ArgSpec {
            name: "release",
            help: "a release's number; without it, the one before",
            kind: ArgKind::Release,
            arity: Arity::Optional,
        },
        ArgSpec { name: "reason", help: "why, in a few words", kind: ArgKind::Rest, arity: Arity::Optional },
    ],
    internal: false,
};

/// How long a rollback may take.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// The command.
pub struct Rollback(pub Arc<Settings>);

impl Command for Rollback {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, _call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        subject::production(facts)?;
        Ok(Ask::about(Resource::Service, Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        if let Some(card) = thread::is_about_another(call, facts) {
            return Plan::refuse(card);
        }
        let mut stopped = crate::stop_preview::holding(facts, LOCK);
        stopped.extend(crate::stop_preview::holding(facts, telling::LOCK));
        if verdict::is_said(call) && !verdict::is_called_for(facts) {
            return nothing();
        }
        let soaked = soak::under_way(facts);
        if let Some(row) = live(facts).filter(|row| soaked.is_none() && is_the_way_back(call, row)) {
            return self.out_of_rollout(call, facts, row, stopped);
        }
        let (target, taken_back) = match target(call, facts) {
            Ok(target) => target,
            Err(_) if !stopped.is_empty() => return self.only_stop(call, facts, stopped),
            Err(card) => return Plan::refuse(*card),
        };
        let title = format!("{} goes back to release {}", self.0.service, target.number);
        let mut card = Card::new(CardState::Working, title);
        if !taken_back.is_empty() {
            let list = numbers(&taken_back);
            let (is, it) = if taken_back.len() == 1 { ("is", "It stays") } else { ("are", "They stay") };
            card = card.say(
                Line::new()
                    .list(list)
                    .text(format!(" {is} taken back. {it} on the default branch until reverted.")),
            );
        }
        let way = if self.settle(facts).is_zero() { "at once" } else { "a quarter first" };
        card = card
            .row("Why", subject::why(call, "asked for it"))
            .row("Next", format!("It is checked that release answers; then everybody goes over, {way}"));
        let mut plan = Plan::work(LOCK, WITHIN, Some(card));
        // What nobody asked for is told by an alert.
        if let Some(row) = soaked.filter(|_| verdict::is_said(call)) {
            plan = Plan { card: None, ..plan }.alerting([soak::alert(row, facts, call)]);
        }
        match (soaked, live(facts)) {
            // It ends only when the earlier release answers: until then it may be asked for again.
            (Some(row), _) => {
                plan = plan.also(row.rollout.operation.clone(), soak::left(row, facts.now(), call))
            }
            (None, Some(row)) => plan = plan.intend(end(row, call)),
            (None, None) => {}
        }
        for earlier in stopped {
            let card = Card::new(CardState::Held, "Stopped: a rollback goes first")
                .row("Next", "Promote again when things are well");
            plan = plan.ending(earlier, End::Superseded, Some(card));
        }
        plan
    }

    fn proceed(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        if progress.is_pending() {
            return Step::Wait;
        }
        if let Some(row) = ended_by(call, facts) {
            return self.away_from(row, progress).alerting(gone_back(call, facts, row, progress));
        }
        match progress.failure() {
            Some(failure) => stays(call, facts, failure),
            None if progress.is_start() => start(call, facts),
            None => self.lead(call, facts, progress),
        }
    }
}

impl Rollback {
    /// Visitors who have the new build lose it; what the others have is where they go back to.
    fn out_of_rollout(
        &self,
        call: &Call<'_>,
        facts: &Facts<'_>,
        row: &Row,
        stopped: Vec<OperationId>,
    ) -> Plan {
        let planned = plan(row, facts.now());
        let grounds = match &planned.proposed {
            Some(Move::RollBack(grounds)) if *call.principal == Principal::Automation => Some(*grounds),
            _ => None,
        };
        let told = telling::went_back(row, &planned, grounds);
        let own = told.clone().row("Why", subject::why(call, "asked for it"));
        // What nobody asked for is told by an alert; what somebody said is answered.
        let (card, raised) = match grounds {
            Some(grounds) => {
                let now = format!("Everybody is being sent back to release {}", row.rollout.from);
                (None, Some(alert::rolled_back(row, &planned, grounds, &now, &Asked { call, facts })))
            }
            None => (Some(own), None),
        };
        let over = alert::over(row, &planned, facts.now(), (CardState::Harmful, Line::from("it went back")));
        let mut plan = Plan::work(LOCK, WITHIN, card)
            .alerting(over.into_iter().chain(raised))
            .intend(end(row, call))
            .also(row.rollout.operation.clone(), told);
        for earlier in stopped {
            let card = Card::new(CardState::Held, "Stopped: a rollback goes first")
                .row("Next", "Promote again when things are well");
            let card = Some(card).filter(|_| earlier != row.rollout.operation);
            plan = plan.ending(earlier, End::Superseded, card);
        }
        plan
    }

    /// Nobody is sent to the new release any more; then it stops.
    fn away_from(&self, row: &Row, progress: &Progress<'_>) -> Step {
        let owe = |effects| Step::Owe { effects, intents: vec![], card: None, private: vec![] };
        if progress.is_start() {
            return owe(vec![Effect::Route]);
        }
        if !progress.owed(|effect| matches!(effect, Effect::Stop { .. })) {
            return owe(raise::stops([release_stack(row.rollout.release)]));
        }
        Step::End { end: End::Done, intents: vec![], card: None, private: vec![] }
    }

    /// The next move of the way back; once all are back, the end.
    fn lead(&self, call: &Call<'_>, facts: &Facts<'_>, progress: &Progress<'_>) -> Step {
        let Some((releases, production)) = releases(facts) else { return failed() };
        let count = |which: fn(&Effect) -> bool| progress.0.values().filter(|row| which(&row.effect)).count();
        let (moves, settled) = (
            count(|effect| matches!(effect, Effect::Route)),
            count(|effect| matches!(effect, Effect::Settle { .. })),
        );
        match releases.leaving(facts) {
            _ if moves == 0 => self.set_out(call, facts),
            None => back(call, facts, &self.0.service),
            Some(_) if settled < moves => {
                let ms = u64::try_from(self.settle(facts).as_millis()).unwrap_or(u64::MAX);
                owe(vec![Effect::Settle { stack: release_stack(production.release), ms }], vec![])
            }
            Some(leaving) => self.go_on(call, rest(leaving.share), leaving.release),
        }
    }

    /// The record says where everybody goes, and the first of them go.
    fn set_out(&self, call: &Call<'_>, facts: &Facts<'_>) -> Step {
        let Some((releases, production)) = releases(facts) else { return failed() };
        let Ok((target, taken_back)) = target(call, facts) else { return failed() };
        let by = call.principal.clone();
        let set = Intent::SetProduction { release: target.number, by, taken_back };
        let decided: Vec<Intent> =
            soak::under_way(facts).map(|row| end(row, call)).into_iter().chain([set]).collect();
        if self.settle(facts).is_zero() {
            return owe(vec![Effect::Route], decided);
        }
        let leaving = releases.leaving(facts);
        let carries = leaving.map_or(BasisPoints::NONE, |leaving| rest(leaving.share));
        let left = leaving.map_or(production.release, |leaving| leaving.release);
        match self.go_on(call, carries, left) {
            Step::Owe { effects, intents, card, private } => {
                let intents = decided.into_iter().chain(intents).collect();
                Step::Owe { effects, intents, card, private }
            }
            step => step,
        }
    }

    fn go_on(&self, call: &Call<'_>, carries: BasisPoints, left: ReleaseNumber) -> Step {
        let share = at_most(carries);
        // It answers: the effect before this one has seen it.
        if check_back(Up::Yes, carries, share).is_err() {
            return failed();
        }
        owe(vec![Effect::Route], vec![lead_back(call, left, rest(share))])
    }

    /// How long an earlier release carries more before it gets the next: as the components say that the release which is
    /// left had changed.
    fn settle(&self, facts: &Facts<'_>) -> Duration {
        let left = releases(facts).and_then(|(all, production)| {
            facts
                .row(&all.releases, &all.leaving(facts).map_or(production.release, |leaving| leaving.release))
        });
        let changed = left.into_iter().flat_map(|release| &release.changes);
        self.0.rollout.of(changed.map(|(change, _)| &change.component)).settle
    }

    /// There is nothing earlier to go back to, but something under way to stop.
    fn only_stop(
        &self,
        call: &Call<'_>,
        facts: &Facts<'_>,
        stopped: Vec<folkops_model::OperationId>,
    ) -> Plan {
        let now = subject::production(facts)
            .map_or_else(|_| String::new(), |(p, _)| format!(" release {}", p.release));
        let card =
            Card::new(CardState::Good, format!("Stopped what was under way; {} runs{now}", self.0.service))
                .row("Why", subject::why(call, "asked for it"));
        let over = || Some(Card::new(CardState::Held, "Stopped: somebody rolled back"));
        let plan = Plan::answer(card);
        stopped.into_iter().fold(plan, |plan, earlier| plan.ending(earlier, End::Superseded, over()))
    }
}

fn owe(effects: Vec<Effect>, intents: Vec<Intent>) -> Step {
    Step::Owe { effects, intents, card: None, private: vec![] }
}

fn failed() -> Step {
    Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] }
}

fn releases<'a>(facts: &Facts<'a>) -> Option<(&'a Releases, &'a Production)> {
    let releases = facts.fold::<Releases>()?;
    Some((releases, releases.current(facts)?.0))
}

fn start(call: &Call<'_>, facts: &Facts<'_>) -> Step {
    match target(call, facts) {
        Ok((target, _)) => owe(vec![Effect::Run { spec: raise::spec_of(target) }], vec![]),
        Err(_) => failed(),
    }
}

fn lead_back(call: &Call<'_>, left: ReleaseNumber, share: BasisPoints) -> Intent {
    Intent::LeadBack { left, share, salt: trial::salt("back", call.operation), by: call.principal.clone() }
}

/// The earlier release does not hold. Who is on it already goes back to the one that was to be left.
fn stays(call: &Call<'_>, facts: &Facts<'_>, failure: &Failure) -> Step {
    let Some((releases, production)) = releases(facts) else { return failed() };
    if let Some(leaving) = releases.leaving(facts) {
        return owe(vec![Effect::Route], vec![lead_back(call, leaving.release, BasisPoints::ALL)]);
    }
    let now = format!("Everybody has release {}; another one can be named: ", production.release);
    let card = raise::failure_card(&Line::from("The earlier release"), failure)
        .row("Now", Line::from(now).code("/rollback <release>"));
    Step::End { end: End::Failed, intents: vec![], card: Some(card), private: vec![] }
}

/// The alert once nobody is sent to the new release any more; what somebody asked for has none.
fn gone_back(call: &Call<'_>, facts: &Facts<'_>, row: &Row, progress: &Progress<'_>) -> Option<Alert> {
    let routed = progress.owed(|effect| matches!(effect, Effect::Route));
    let told = progress.owed(|effect| matches!(effect, Effect::Stop { .. }));
    let grounds = grounds(row).filter(|_| routed && !told && *call.principal == Principal::Automation)?;
    let now = format!("Everybody is on release {} again", row.rollout.from);
    Some(alert::rolled_back(row, &plan(row, facts.now()), grounds, &now, &Asked { call, facts }))
}

/// Whether what was asked for is where the rollout came from.
fn is_the_way_back(call: &Call<'_>, row: &Row) -> bool {
    call.args.release("release").is_none_or(|wanted| wanted == row.rollout.from)
}

fn end(row: &Row, call: &Call<'_>) -> Intent {
    let release = row.rollout.release;
    Intent::EndRollout { release, end: RolloutEnd::RolledBack, by: call.principal.clone() }
}

/// The rollout that this very rollback has ended on its way back: production was not touched.
fn ended_by<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<&'a Row> {
    let decided = facts.row(&facts.fold::<Operations>()?.operations, call.operation)?.decided;
    let (production, _) = subject::production(facts).ok()?;
    let rows = facts.rows(&facts.fold::<Rollouts>()?.rollouts).map(|(_, row)| row);
    rows.filter(|row| row.soak.is_none())
        .filter(|row| row.rollout.from == production.release && is_the_way_back(call, row))
        .find(|row| row.stage == Stage::Ended(RolloutEnd::RolledBack) && row.since == decided)
}

/// The release to go back to, and the changes that this takes back.
fn target<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Result<(&'a Release, Vec<ChangeRef>), Box<Card>> {
    let (production, now) = subject::production(facts)?;
    let releases = facts.fold::<Releases>();
    // Who asks again on the way back wants its end, not the release before it.
    let on_the_way = releases.and_then(|releases| releases.leaving(facts)).map(|_| production.release);
    let before = on_the_way.or_else(|| production.before.last().copied());
    let wanted = call.args.release("release").or(before);
    let Some(wanted) = wanted.filter(|wanted| *wanted != production.release || on_the_way.is_some()) else {
        return Err(Box::new(nothing_before(production.release)));
    };
    let Some(release) = releases.and_then(|releases| facts.row(&releases.releases, &wanted)) else {
        return Err(Box::new(unknown(wanted, production.release)));
    };
    let undone = releases.into_iter().flat_map(|releases| releases.releases.iter());
    let undone = undone.filter(|(number, _)| **number > wanted && **number <= now.number);
    let taken_back =
        undone.flat_map(|(_, release)| release.changes.iter().map(|(change, _)| change.clone())).collect();
    Ok((release, taken_back))
}

fn nothing_before(now: ReleaseNumber) -> Card {
    Card::new(CardState::Refused, format!("Release {now} is what runs, and nothing came before it"))
        .say("Nothing was done.")
        .button(Weight::Quiet, "What runs now?", "/status")
}

fn unknown(wanted: ReleaseNumber, now: ReleaseNumber) -> Card {
    Card::new(CardState::Refused, format!("There is no release {wanted}"))
        .say(format!("Release {now} is what runs. Nothing was done."))
        .button(Weight::Quiet, "What runs now?", "/status")
}

/// Changes as they stand in a line, in order.
fn numbers(changes: &[ChangeRef]) -> Vec<Span> {
    let mut numbers: Vec<_> = changes.iter().map(|change| change.number).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(Span::Change).collect()
}

fn back(call: &Call<'_>, facts: &Facts<'_>, service: &str) -> Step {
    let Ok((production, release)) = subject::production(facts) else {
        return Step::End { end: End::Failed, intents: vec![], card: None, private: vec![] };
    };
    if let Some(row) = soak::undone(facts, production.release).filter(|_| verdict::is_said(call)) {
        let alert = soak::alert(row, facts, call);
        return Step::End { end: End::Done, intents: vec![], card: None, private: vec![] }.alerting([alert]);
    }
    let mut card = Card::new(CardState::Good, format!("{service} is back on release {}", production.release))
        .say("Everybody’s requests go to it again: the same builds, byte for byte, as when it ran before.");
    let runs = release
        .components
        .iter()
        .map(|(name, component)| Span::Build(name.clone(), component.digest.clone()));
    card = card.row("Runs", Line::new().list(runs)).row("Why", subject::why(call, "asked for it"));
    let held = facts.fold::<Releases>().into_iter().flat_map(|releases| facts.rows(&releases.taken_back));
    let held: Vec<ChangeRef> = held.map(|(change, _)| change.clone()).collect();
    if !held.is_empty() {
        let (is, it) = if held.len() == 1 { ("is", "it does") } else { ("are", "they do") };
        let text = format!(
            " {is} still on the default branch: {it} not come along with other changes until reverted, or promoted by name"
        );
        card = revert::offered(card.row("Held", Line::new().list(numbers(&held)).text(text)), &held);
    }
    Step::End { end: End::Done, intents: vec![], card: Some(card), private: vec![] }
}
