//! "/news": what became of a change in production. Said by the automation only, where the change stands.
//!
//! No arguments. Class: read. Reads: releases, rollouts, operations, how the change was used. Where the promotion or the
//! rollback was asked for in that very place, its own card tells it, and nothing is said twice. Who tried it is told as a
//! number; people are named only for what they did in the open.

use std::collections::BTreeSet;

use folkops_engine::{Ask, Call, Command, Facts, Operation, Operations, Plan};
use folkops_model::{
    Card, CardState, ChangeRef, Class, CommandSpec, Context, Intent, Line, OperationId, PersonId, Place,
    Principal, RolloutEnd, Sha, Topic, Weight,
};
use folkops_previews::{Became, Changes, Course, Releases, Usages};
use folkops_rollouts::plan::grounds;
use folkops_rollouts::{Rollouts, Row, Stage, plan};

use crate::advance::nothing;
use crate::{revert, subject, telling, welcome};

static SPEC: CommandSpec = CommandSpec {
    name: "news",
    aliases: &[],
    summary: "tell what became of a change in production",
    example: "/news",
    class: Class::Read,
    args: &[],
    internal: true,
};

/// The command.
pub struct News;

impl Command for News {
    fn spec(&self) -> &'static CommandSpec {
        &SPEC
    }

    fn ask(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(welcome::about(call), Context::default()))
    }

    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan {
        let Some(change) = call.place.about.clone() else { return nothing() };
        let untold = facts.fold::<Releases>().and_then(|releases| facts.row(&releases.untold, &change));
        let Some(course) = untold else { return nothing() };
        let story = Story { change: &change, course, row: rollout(facts, &change, course) };
        let plan = match story.is_told(facts, call.place) {
            true => nothing(),
            false => Plan::answer(story.card(call, facts)),
        };
        plan.intend(Intent::Tell { change, topic: Topic::Course })
    }
}

/// What became of one change.
struct Story<'a> {
    change: &'a ChangeRef,
    course: &'a Course,
    /// The rollout that brought it, where there was one.
    row: Option<&'a Row>,
}

/// The newest rollout of a change: of the release that it came with, or that was taken back.
fn rollout<'a>(facts: &Facts<'a>, change: &ChangeRef, course: &Course) -> Option<&'a Row> {
    let rows = facts.rows(&facts.fold::<Rollouts>()?.rollouts).map(|(_, row)| row);
    let newest = rows.rev().find(|row| row.rollout.changes.contains(change))?;
    let same = match course.became {
        Became::Live => newest.rollout.release == course.release,
        Became::TakenBack => newest.rollout.release > course.release,
    };
    same.then_some(newest)
}

fn operation<'a>(facts: &Facts<'a>, id: Option<&OperationId>) -> Option<&'a Operation> {
    facts.row(&facts.fold::<Operations>()?.operations, id?)
}

impl Story<'_> {
    /// Whether a card in this very place tells it already.
    fn is_told(&self, facts: &Facts<'_>, place: &Place) -> bool {
        let is_here = |id: Option<&OperationId>| {
            operation(facts, id)
                .is_some_and(|of| of.place.surface == place.surface && of.place.room == place.room)
        };
        let promoted = self.row.map(|row| &row.rollout.operation);
        let retold = match self.course.became {
            Became::Live => true,
            Became::TakenBack => self.by_the_way(),
        };
        is_here(self.course.operation.as_ref()) || (retold && is_here(promoted))
    }

    /// It went back out of its rollout or while it was watched on, which its promotion's card tells.
    fn by_the_way(&self) -> bool {
        self.row.is_some_and(|row| row.stage == Stage::Ended(RolloutEnd::RolledBack))
    }

    fn card(&self, call: &Call<'_>, facts: &Facts<'_>) -> Card {
        let card = match self.course.became {
            Became::Live => self.live(facts),
            Became::TakenBack => self.taken_back(call, facts),
        };
        match self.row {
            Some(row) => card.open(Weight::Quiet, "Graph", telling::page(&row.rollout)),
            None => card,
        }
    }

    fn live(&self, facts: &Facts<'_>) -> Card {
        let title = Line::new().change(self.change.number).text(" is live for everyone");
        let release = self.course.release;
        let mut card = Card::new(CardState::Live, title).say(
            self.author(facts).text(format!("your change is what everybody gets, since release {release}.")),
        );
        card = match tried(facts, self.change) {
            0 => card,
            people => card.row("Tried", format!("{} on their own account, before", telling::people(people))),
        };
        if let Some(row) = self.row {
            let first = telling::people(row.totals.candidate.visitors);
            card = card.row("First", format!("{first} had it while the numbers were watched"));
        }
        let promoted = self.row.map(|row| &row.rollout.operation).or(self.course.operation.as_ref());
        let who = operation(facts, promoted).map(|of| &of.action.principal);
        let why = who.map(|who| subject::who(Line::new(), who).text(" promoted it")).unwrap_or_default();
        let allowed = subject::allowed(facts, &self.pinned(facts));
        let gap = if why.0.is_empty() || allowed.0.is_empty() { "" } else { "; " };
        let why = allowed.0.into_iter().fold(why.text(gap), Line::span);
        card.row("Why", why).button(Weight::Quiet, "What runs now?", "/status")
    }

    fn taken_back(&self, call: &Call<'_>, facts: &Facts<'_>) -> Card {
        let title = Line::new().change(self.change.number).text(" was rolled back");
        let by = operation(facts, self.course.operation.as_ref());
        let by_itself = by.is_some_and(|of| of.action.principal == Principal::Automation);
        let row = self.row.filter(|_| self.by_the_way());
        let grounds = row.filter(|_| by_itself).and_then(grounds);
        let state = if grounds.is_some() { CardState::Harmful } else { CardState::Held };
        let mut card = Card::new(state, title).say(self.author(facts).text(format!(
            "nobody has your change now; everybody is on release {} again.",
            self.course.release
        )));
        card = match (row.zip(grounds), by) {
            (Some((row, grounds)), _) => {
                card.say(telling::figures(&plan(row, facts.now()))).row("Why", telling::cause(grounds))
            }
            (None, Some(of)) => {
                let asked =
                    Call { principal: &of.action.principal, place: &of.place, args: &of.args, ..*call };
                card.row("Why", subject::why(&asked, "asked for it"))
            }
            (None, None) => card,
        };
        let next =
            "It is still on the default branch: others wait until it is reverted, pardoned or promoted again";
        revert::offered(card.row("Next", next), [self.change])
    }

    /// "Mira, ": the author, who is spoken to and not notified.
    fn author(&self, facts: &Facts<'_>) -> Line {
        let known = facts.fold::<Changes>().and_then(|changes| {
            let row =
                facts.row(&changes.open, self.change).or_else(|| facts.row(&changes.closed, self.change))?;
            Some(subject::of(facts, changes, self.change, row).author_span())
        });
        known.map_or_else(Line::new, |author| Line::new().span(author).text(", "))
    }

    /// The commits that were promoted.
    fn pinned(&self, facts: &Facts<'_>) -> Vec<(ChangeRef, Sha)> {
        let releases = facts.fold::<Releases>();
        let release = releases.and_then(|releases| facts.row(&releases.releases, &self.course.release));
        let brought = release.into_iter().flat_map(|release| release.changes.iter());
        brought.filter(|(change, _)| change == self.change).cloned().collect()
    }
}

/// How many people used a change, at whichever commit.
fn tried(facts: &Facts<'_>, change: &ChangeRef) -> u64 {
    let rows = facts.fold::<Usages>().into_iter().flat_map(|usages| facts.rows(&usages.rows));
    let people: BTreeSet<&PersonId> =
        rows.filter(|(key, _)| key.change == *change).flat_map(|(_, row)| &row.people).collect();
    u64::try_from(people.len()).unwrap_or(u64::MAX)
}
