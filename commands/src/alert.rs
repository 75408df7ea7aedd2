//! Alerts: what went wrong, told to the room in a line that opens a thread, and in the thread whole.
//!
//! An alert belongs to the promotion that it is about. There is one card for each matter of it: what happens again, or is
//! over, is told by editing that card, so that the room hears only of what changed.

use folkops_engine::{Alert, Call, Facts, Matter, Operations};
use folkops_model::{
    Card, CardState, ChangeRef, Held, Line, OperationId, Pictured, Principal, Sha, Span, Weight,
};
use folkops_previews::Releases;
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::{Planned, Row, Stage};
use jiff::Timestamp;

use crate::telling::{self, long, people};
use crate::{revert, subject};

/// What an alert is about.
#[derive(Debug, Clone, Copy)]
enum About {
    /// The promotion came to nothing.
    Failed,
    /// It went back by itself.
    Back,
    /// It stands still by itself.
    Held(Held),
}

impl About {
    /// INVARIANT: the numbers are in journals; none ever comes to mean something else.
    fn matter(self) -> Matter {
        Matter(match self {
            Self::Failed => 0,
            Self::Back => 1,
            Self::Held(Held::Silent) => 2,
            Self::Held(Held::WrongShares) => 3,
            Self::Held(Held::Suspicion) => 4,
            Self::Held(Held::Late) => 5,
            Self::Held(Held::Unsound) => 6,
            Self::Held(Held::NothingSound) => 7,
        })
    }
}

/// A promotion failed; none when nothing broke, as after a conflict.
pub fn failed(
    operation: &OperationId,
    facts: &Facts<'_>,
    pinned: &[(ChangeRef, Sha)],
    card: &Card,
) -> Option<Alert> {
    let title = card.title.clone();
    let card = card
        .clone()
        .opening(title)
        .row("Met by", "Nobody: no visitor had it")
        .row("Promoted", promoted(operation, pinned, facts));
    let alert = Alert { operation: operation.clone(), matter: About::Failed.matter(), card };
    (alert.card.state == CardState::Harmful).then_some(alert)
}

/// Everybody is sent back by itself; `now` says how far that is.
pub fn rolled_back(
    row: &Row,
    planned: &Planned,
    grounds: Grounds,
    now: &str,
    asked: &Asked<'_, '_>,
) -> Alert {
    let title = telling::changes(&row.rollout).text(" rolled back by itself");
    let brief = title.clone().text(": ").text(brief(row));
    let card = Card::new(CardState::Harmful, title.text("; you can sleep"))
        .opening(brief)
        .say(told(row, planned))
        .picture(picture(row, None), alt(row))
        .row("Cause", telling::cause(grounds));
    let card = figures(card, row)
        .row("Promoted", asked.promoted(row))
        .row("Now", now)
        .row("Next", telling::held_back(&row.rollout));
    let pardon = format!("/pardon {}", telling::numbers(&row.rollout));
    let card =
        asked.who(card, &pardon, " can pardon it").open(Weight::Quiet, "Graph", telling::page(&row.rollout));
    let card = revert::offered(card, &row.rollout.changes).button(Weight::Quiet, "Why", "/why");
    of(row, About::Back, card)
}

/// It stands still by itself.
pub fn held(row: &Row, planned: &Planned, why: Held, asked: &Asked<'_, '_>) -> Alert {
    let card = telling::held(row, planned, why);
    let (title, buttons) = (card.title.clone(), card.buttons.clone());
    let next = card.rows.clone();
    let card = Card::new(CardState::Held, title.clone())
        .opening(title)
        .say(told(row, planned))
        .picture(picture(row, None), alt(row))
        .row("Cause", cause(row, planned, why));
    let card = figures(card, row).row("Promoted", asked.promoted(row));
    let mut card = match times(row, why) {
        0 => card,
        before => card.row(
            "Again",
            format!("It stood still for this {} before in this rollout", subject::plural(before, "time")),
        ),
    };
    card.rows.extend(next);
    let may = if why.may_be_overruled() {
        ("/resume --anyway", " can let it go on")
    } else {
        ("/rollback", " can roll it back")
    };
    let mut card = asked.who(card, may.0, may.1);
    card.buttons = buttons;
    let card = card.button(Weight::Plain, "Pause", "/pause").button(Weight::Quiet, "Why", "/why");
    of(row, About::Held(why), card)
}

/// It does not stand still any more, if it did: the same card says so, and what came of it.
pub fn over(row: &Row, planned: &Planned, at: Timestamp, came: (CardState, Line)) -> Option<Alert> {
    let Stage::Held { why, .. } = row.stage else { return None };
    let (state, how) = came;
    let after = long(at.duration_since(row.since));
    let title = telling::changes(&row.rollout).text(format!(" stood still for {after}"));
    let card = Card::new(state, title.clone())
        .opening(Line(title.0.into_iter().chain([Span::Text(": ".into())]).chain(how.0.clone()).collect()))
        .say(told(row, planned))
        .picture(picture(row, Some(at)), alt(row))
        .row("Cause", cause(row, planned, why));
    let card = figures(card, row)
        .row("Over", how)
        .open(Weight::Quiet, "Graph", telling::page(&row.rollout))
        .button(Weight::Quiet, "Why", "/why");
    Some(of(row, About::Held(why), card))
}

/// Whom an alert asks, and from which facts.
pub struct Asked<'a, 'f> {
    /// The call that raises it.
    pub call: &'a Call<'a>,
    /// What it knows.
    pub facts: &'a Facts<'f>,
}

impl Asked<'_, '_> {
    /// A row with the people who may say a line.
    fn who(&self, card: Card, line: &str, can: &str) -> Card {
        let Ok(judged) = self.call.desk.would(self.call, self.facts, line) else { return card };
        let who = self.call.desk.who_could(self.facts, &judged.action);
        let people = who.iter().take(4).cloned().map(Span::Person);
        match who.is_empty() {
            true => card.row("Who", "Nobody here can do anything about it, as things stand"),
            false => card.row("Who", Line::new().list(people).text(can)),
        }
    }

    fn promoted(&self, row: &Row) -> Line {
        let releases = self.facts.fold::<Releases>();
        let release = releases.and_then(|releases| releases.releases.get(&row.rollout.release));
        promoted(&row.rollout.operation, release.map_or(&[], |release| &release.changes), self.facts)
    }
}

fn of(row: &Row, about: About, card: Card) -> Alert {
    Alert { operation: row.rollout.operation.clone(), matter: about.matter(), card }
}

/// "Jo promoted it; Sam allowed 9f2c41e".
fn promoted(operation: &OperationId, pinned: &[(ChangeRef, Sha)], facts: &Facts<'_>) -> Line {
    let operations = facts.fold::<Operations>();
    let by = operations.and_then(|o| o.operations.get(operation)).map(|o| &o.action.principal);
    let line = subject::who(Line::new(), by.unwrap_or(&Principal::Automation)).text(" promoted it");
    let allowed = subject::allowed(facts, pinned);
    if allowed.0.is_empty() {
        return line;
    }
    allowed.0.into_iter().fold(line.text("; "), Line::span)
}

/// "12 people met an error of the new build, for about 94 s".
fn brief(row: &Row) -> String {
    match (row.met().affected, row.failing_for()) {
        (0, _) | (_, None) => "nobody met an error of the new build".into(),
        (affected, Some(time)) => {
            format!("{} met an error of the new build, for about {}", people(affected), long(time))
        }
    }
}

/// How many met an error and for how long, then how both builds fare.
fn told(row: &Row, planned: &Planned) -> Line {
    let met = brief(row);
    let met = met.strip_prefix("nobody").map_or(met.clone(), |rest| format!("Nobody{rest}"));
    telling::figures(planned).0.into_iter().fold(Line::from(met + ". "), Line::span)
}

/// What both builds did, a row each.
fn figures(card: Card, row: &Row) -> Card {
    let row_of = |counts: &folkops_model::Counts| {
        format!(
            "{} of {} met an error; {} of {} failed",
            counts.affected,
            people(counts.visitors.max(counts.affected)),
            counts.failed,
            subject::plural(counts.requests, "request")
        )
    };
    card.row("New", row_of(&row.met())).row("Current", row_of(&row.totals.stable))
}

/// What the numbers say that holds it.
fn cause(row: &Row, planned: &Planned, why: Held) -> Line {
    match why {
        Held::Silent => match row.heard {
            Some(heard) => {
                Line::new().text("No request of either build ended since ").span(Span::Time(heard))
            }
            None => Line::from("No request of either build ended yet"),
        },
        Held::WrongShares => match row.judged.shares() {
            Some((wanted, found)) => Line::from(format!(
                "Of those who are compared, {} have the new build; {} should",
                telling::share(found),
                telling::share(wanted)
            )),
            None => Line::from("Nobody has come yet"),
        },
        Held::Suspicion => Line::from(planned.evidence.as_ref().map_or_else(String::new, telling::by_chance)),
        Held::Late => Line::new()
            .text("The numbers had until ")
            .span(Span::Time(row.rollout.deadline))
            .text(" to decide"),
        Held::NothingSound => Line::from("More than half of those who have the current build meet failures"),
        Held::Unsound => {
            Line::from("Two halves of the same build differ, so something other than the build decides")
        }
    }
}

/// How often it stood still for this before.
fn times(row: &Row, why: Held) -> u64 {
    let same = |stage: &Stage| matches!(stage, Stage::Held { why: before, .. } if *before == why);
    row.marks.iter().filter(|(_, stage)| same(stage)).fold(0, |count, _| count + 1)
}

/// Its course, up to a moment or up to whenever it is looked at.
pub fn picture(row: &Row, until: Option<Timestamp>) -> Pictured {
    Pictured::Rollout { release: row.rollout.release, until }
}

/// What its picture says.
pub fn alt(row: &Row) -> String {
    let (new, current) = (&row.totals.candidate, &row.totals.stable);
    format!(
        "Graph of visitors who met an error: {} of {} with the new build, {} of {} with the current one",
        new.affected,
        new.visitors.max(new.affected),
        current.affected,
        current.visitors.max(current.affected)
    )
}
