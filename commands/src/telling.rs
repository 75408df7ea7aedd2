//! How a rollout is told: one card for each, edited in place, with the figures in plain words.

use folkops_model::{BasisPoints, Card, CardState, Held, Line, Rollout, Span, Weight};
use folkops_rollouts::plan::Grounds;
pub use folkops_rollouts::words::share;
use folkops_rollouts::words::{bad, stands_out, unsound};
use folkops_rollouts::{Evidence, Planned, Row, Stage};
use jiff::SignedDuration;

use crate::{revert, soak, subject};

/// The lock that the steps of rollouts share.
pub const LOCK: &str = "rollout";

/// The card of a rollout that has just begun.
pub fn begun(rollout: &Rollout, smallest: f64) -> Card {
    let card = rising(rollout, 0, "The first visitors get it; each is watched and counted once.".into());
    if smallest * 1e6 > f64::from(rollout.rungs.last().map_or(0, |last| last.margin_ppm)) * 1.01 {
        let shown = share(smallest);
        return card.row(
            "Note",
            format!("So few visitors cannot show a rise of failures below {shown} in this time"),
        );
    }
    card
}

/// The card of a rollout that has come to another step.
pub fn stepped(row: &Row, planned: &Planned, rung: u32) -> Card {
    rising(&row.rollout, rung, figures(planned))
}

fn rising(rollout: &Rollout, rung: u32, figures: Line) -> Card {
    let weight = rungs(rollout, rung).map_or(BasisPoints::ALL, |rung| rung.weight);
    let of = rollout.rungs.len();
    let title = changes(rollout).text(format!(" → everyone: {weight} of people, step {} of {of}", rung + 1));
    let margin = rungs(rollout, rung).map_or(0.0, |rung| f64::from(rung.margin_ppm) / 1e6);
    let next = rungs(rollout, rung + 1).map_or(BasisPoints::ALL, |next| next.weight);
    Card::new(CardState::Working, title)
        .say(figures)
        .row("Next", format!("{next} of people, once the visitors rule out {} more failures", share(margin)))
        .open(Weight::Quiet, "Graph", page(rollout))
        .button(Weight::Plain, "Pause", "/pause")
        .button(Weight::Danger, "Roll back", "/rollback")
        .hint(Line::new().text("without me: ").code("folkops rollback --offline"))
}

/// The card of a rollout that stands still by itself.
pub fn held(row: &Row, planned: &Planned, why: Held) -> Card {
    let (title, next) = match why {
        Held::Silent => (
            " stands still: no visitor comes, to neither build",
            "It goes on by itself when visitors come again; nothing is judged by their absence",
        ),
        Held::WrongShares => (
            " stands still: visitors do not fall to the builds as they should",
            "An operator looks at the router; what was measured meanwhile is not judged",
        ),
        Held::Suspicion => (
            " stands still: the new build may be worse",
            "It goes on, or back, by itself as soon as the numbers are certain",
        ),
        Held::Late => (" stands still: time is up, and the numbers have not decided", "Somebody decides"),
        Held::Unsound => (
            " stands still: what is measured cannot be trusted",
            "Somebody decides; more time does not make it sound",
        ),
        Held::NothingSound => (
            " stands still: the current build itself fails most of its visitors",
            "It goes on by itself when the current build is well again; if this release is what mends it, somebody may let it go on",
        ),
    };
    let mut card =
        Card::new(CardState::Held, changes(&row.rollout).text(title)).say(figures(planned)).row("Next", next);
    card = card.open(Weight::Quiet, "Graph", page(&row.rollout));
    if why.may_be_overruled() {
        card = card.button(Weight::Plain, "Go on", "/resume --anyway");
    }
    card.button(Weight::Danger, "Roll back", "/rollback")
}

/// The card of a rollout that somebody paused.
pub fn paused(row: &Row, planned: &Planned, who: Line) -> Card {
    let weight =
        row.stage.rung().and_then(|rung| rungs(&row.rollout, rung)).map_or(BasisPoints::NONE, |r| r.weight);
    Card::new(CardState::Held, changes(&row.rollout).text(format!(" stands still at {weight} of people")))
        .say(figures(planned))
        .row("Why", who)
        .row("Still", "If the numbers show harm, it goes back by itself all the same")
        .button(Weight::Plain, "Go on", "/resume")
        .button(Weight::Danger, "Roll back", "/rollback")
}

/// The card of a rollout that has come to everybody.
pub fn live(row: &Row, planned: &Planned) -> Card {
    Card::new(
        CardState::Live,
        changes(&row.rollout).text(format!(" {} live for everyone", are(&row.rollout))),
    )
    .say(figures(planned))
    .row("Tried by", people(row.totals.candidate.visitors))
    .row(
        "Runs",
        format!("Release {}; release {} stays up for the way back", row.rollout.release, row.rollout.from),
    )
    .open(Weight::Quiet, "Graph", page(&row.rollout))
    .button(Weight::Danger, "Roll back", "/rollback")
    .hint(Line::new().text("without me: ").code("folkops rollback --offline"))
}

/// The card of a rollout that went back.
pub fn went_back(row: &Row, planned: &Planned, grounds: Option<Grounds>) -> Card {
    let (state, title) = match grounds {
        Some(_) => (CardState::Harmful, " rolled back by itself; you can sleep"),
        None => (CardState::Held, " was rolled back"),
    };
    let card = Card::new(state, changes(&row.rollout).text(title)).say(figures(planned));
    let card = match grounds {
        Some(grounds) => card.row("Cause", cause(grounds)),
        None => card,
    };
    let who = if row.soak.is_some() { "since everybody had it" } else { "who had the new build" };
    let met = row.met();
    let card = card
        .row("Met an error", format!("{} of {} {who}", people(met.affected), met.visitors))
        .row("Now", format!("Everybody is on release {} again", row.rollout.from))
        .row("Held", held_back(&row.rollout))
        .open(Weight::Quiet, "Graph", page(&row.rollout));
    revert::offered(card, &row.rollout.changes)
}

/// Why everybody goes back.
pub fn cause(grounds: Grounds) -> &'static str {
    match grounds {
        Grounds::Harm => {
            "Visitors with the new build fail more often; the risk of a false alarm is under 1 in 1,000"
        }
        Grounds::Budget => "More visitors met an error of the new build than may",
        Grounds::Soak => {
            "It got worse after everybody had it; the risk of a false alarm is under 1 in 1,000, unless something else hit \
             everybody meanwhile"
        }
        Grounds::Late => "Time was up and the numbers had not decided; that is what was to be done then",
    }
}

/// What becomes of changes that went back.
pub fn held_back(rollout: &Rollout) -> Line {
    let (is, it) = if rollout.changes.len() == 1 { (" is", "it does") } else { (" are", "they do") };
    changes(rollout).text(format!(
        "{is} still on the default branch: {it} not come along with other changes until reverted or pardoned"
    ))
}

/// "New build 0.9 % failed, current build 1.0 %. No sign of harm."; a kind of clients that stands out is named.
pub fn figures(planned: &Planned) -> Line {
    if let Some(found) = &planned.soak {
        return soak::figures(found);
    }
    let Some(evidence) = &planned.evidence else { return Line::from("Nothing is known yet.") };
    let rates =
        evidence.worst.as_ref().and_then(|worst| Some((worst, worst.canary.rate?, worst.stable.rate?)));
    let Some((worst, new, current)) = rates else {
        return Line::from("Too few visitors were watched to the end so far.");
    };
    let rates = format!("New build {} {}, current build {}. ", share(new), bad(worst), share(current));
    let harm = if evidence.harm >= evidence.roll_back_at {
        "The new build is worse."
    } else if evidence.harm > evidence.advance_at / 2.0 {
        "The new build may be worse."
    } else {
        "No sign of harm."
    };
    let more = [stands_out(evidence), unsound(evidence)].into_iter().flatten().map(|said| format!(" {said}"));
    Line::from(rates + harm + &more.collect::<String>())
}

/// "This would happen by chance in fewer than 1 of 4,000 rollouts of a harmless build": the evidence of harm in words.
/// A bound that holds at every look: the chance of ever seeing evidence E is at most 1/E (Ville 1939).
pub fn by_chance(evidence: &Evidence) -> String {
    match odds(evidence.harm) {
        0..=1 => "The new build looks no worse than a harmless one".into(),
        odds => format!(
            "A harmless build would ever look as bad as this in fewer than 1 of {} rollouts",
            thousands(odds)
        ),
    }
}

/// Log-evidence as "so many to one", rounded down to two figures; no more than a billion.
pub fn odds(log: f64) -> u64 {
    let odds = (log.clamp(0.0, 20.7).exp() + 1e-6) as u64;
    let step = 10_u64.pow(odds.max(1).ilog10().saturating_sub(1));
    odds / step * step
}

/// A whole number as people write it: "4,000".
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (first, rest) = digits.split_at(lead);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let first = Some(first.to_owned()).filter(|first| !first.is_empty());
    first.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// What it waits for, such as "About 1,400 more visitors, 6 min".
pub fn waiting(planned: &Planned) -> String {
    let Some(visitors) = planned.waits.visitors else {
        return "More visitors; how many cannot be said yet".into();
    };
    let many = people(whole(visitors));
    match planned.waits.about {
        Some(about) => format!("About {many} more with the new build, {}", long(about)),
        None => format!("About {many} more with the new build"),
    }
}

/// Where it stands, in a word.
pub fn standing(stage: &Stage) -> &'static str {
    match stage {
        Stage::Rising { .. } => "goes on by itself",
        Stage::Held { .. } => "stands still by itself",
        Stage::Paused { .. } => "was paused",
        Stage::Soaking { .. } => "is live for everyone, and watched",
        Stage::Ended(folkops_model::RolloutEnd::Live) => "is live for everyone",
        Stage::Ended(folkops_model::RolloutEnd::RolledBack) => "was rolled back",
        Stage::Ended(folkops_model::RolloutEnd::Superseded) => "gave way to a newer release",
    }
}

/// The changes, in a line.
pub fn changes(rollout: &Rollout) -> Line {
    Line::new().list(rollout.changes.iter().map(|change| Span::Change(change.number)))
}

/// The changes' numbers as they are typed.
pub fn numbers(rollout: &Rollout) -> String {
    rollout.changes.iter().map(|change| change.number.to_string()).collect::<Vec<_>>().join(" ")
}

/// Where its picture is.
pub fn page(rollout: &Rollout) -> String {
    format!("/rollouts/{}", rollout.release)
}

fn are(rollout: &Rollout) -> &'static str {
    subject::are(&rollout.changes)
}

fn rungs(rollout: &Rollout, rung: u32) -> Option<&folkops_model::Rung> {
    rollout.rungs.get(usize::try_from(rung).ok()?)
}

/// "1 person", "3 people".
pub fn people(count: u64) -> String {
    match count {
        1 => "1 person".into(),
        count => format!("{count} people"),
    }
}

/// A time in the unit that people would say it in.
pub fn long(time: SignedDuration) -> String {
    match time.as_secs() {
        seconds @ ..=90 => format!("{} s", seconds.max(1)),
        seconds @ 91..=5_400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

/// A number of people as a whole number, rounded up; what nobody would wait for reads as a million.
fn whole(count: f64) -> u64 {
    (0..=60_u32)
        .map(|power| 10_u64.saturating_pow(power / 10) * (10 + u64::from(power % 10) * 9) / 10)
        .find(|round| f64::from(u32::try_from(*round).unwrap_or(u32::MAX)) >= count)
        .unwrap_or(1_000_000)
}
