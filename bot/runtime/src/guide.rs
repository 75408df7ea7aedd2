//! The guided path through the demo: what to do, who does it, and how the page knows that it has happened.
//!
//! A step ticks itself off by what the record or the router says, never by a press in the page; so whoever takes it,
//! and by whichever way, it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use folkops_engine::{Facts, Operations};
use folkops_model::{ChangeName, ChangeNumber, ChangeRef, Line, PersonId, RolloutEnd};
use folkops_previews::ports::Traffic;
use folkops_previews::{Allowed, Changes, Mixes, PreviewState, Previews, Releases};
use folkops_rollouts::{Rollouts, Row, Stage};
use folkops_site::{Deed, GuideStep};

use crate::build::Bot;
use crate::edge::Edge;

/// How often the router is asked whether somebody used their mix.
const ASK: Duration = Duration::from_secs(1);

/// Who takes steps.
pub struct Cast {
    /// The stranger.
    pub mira: PersonId,
    /// The maintainer.
    pub jo: PersonId,
    /// The user with a mix.
    pub ana: PersonId,
}

/// The path, in order.
pub fn guide(bot: &Bot, cast: &Cast) -> Vec<GuideStep> {
    let used = Arc::new(AtomicBool::new(false));
    tokio::spawn(notice(bot.edge.clone(), used.clone()));
    let start =
        "Potluck’s first release is built from the default branches and started. That takes some seconds.";
    let mut steps = vec![step("start", Line::from(start), None, |facts| release(facts) >= 1)];
    steps.extend(looked_at(cast));
    steps.extend(tried(cast, used));
    steps.extend(given(cast));
    steps
}

/// A stranger's change is looked at before it runs.
fn looked_at(Cast { mira, jo, ana }: &Cast) -> Vec<GuideStep> {
    let (page, api) = (ChangeNumber(41), ChangeNumber(43));
    let asks = Line::new().person(mira).text(", a stranger here, asks for a preview of ").change(page);
    let allow = "It waits. The card names the rule and who can help: a maintainer reads the lines and allows exactly that one commit.";
    let up = "It starts by itself: the whole stack again, with this change in it, for whoever wants to look.";
    let goes_with =
        Line::new().text("The change of the API that goes with it, ").change(api).text(", is asked for too");
    let same = Line::new().person(jo).text(" allows that one as well");
    vec![
        step("ask", asks.text("."), says(mira, "/deploy-preview 41"), move |facts| asked(facts, page)),
        step("allow", Line::from(allow), presses(jo, "Allow"), move |facts| allowed(facts, page)),
        step("up", Line::from(up), None, move |facts| up_with(facts, page)),
        step("ask-api", goes_with.text("."), says(ana, "/deploy-preview 43"), move |facts| asked(facts, api)),
        step("allow-api", same.text("."), presses(jo, "Allow"), move |facts| allowed(facts, api)),
    ]
}

/// One person takes both for their own account, and nobody else is affected.
fn tried(Cast { ana, .. }: &Cast, used: Arc<AtomicBool>) -> Vec<GuideStep> {
    let takes = Line::new()
        .person(ana)
        .text(" wants both, together, on her own account. The card says what the code will see.");
    let agrees = Line::new()
        .person(ana)
        .text(" says yes. A stack with her data, and only hers, comes up beside production.");
    let opens = Line::new().person(ana).text("’s link, which only she sees, ties this browser to her mix. Then look at the two services: her soup scales to any number of guests, Ben’s does not.");
    let open = Deed::Presses {
        person: ana.clone(),
        label: "Open ana.".into(),
        in_pane: Some("Use it in this browser".into()),
    };
    let wanted = ana.clone();
    vec![
        step("mix", takes, says(ana, "/opt-in 41 43"), move |facts| said_by(facts, "opt-in", &wanted)),
        step("consent", agrees, presses(ana, "Try it on my account"), mixed),
        step("link", opens, Some(open), move |_| used.load(Ordering::Relaxed)),
    ]
}

/// Everybody gets it, and it is taken back.
fn given(cast: &Cast) -> Vec<GuideStep> {
    let Cast { jo, .. } = cast;
    let promotes = Line::new()
        .person(jo)
        .text(" gives both to everyone. The merged tree is built clean and started; then some of the crowd get it, and more as the numbers rule harm out.");
    let back = "Take it back with one word: everybody is on the first release again, byte for byte.";
    let mut steps = vec![step("promote", promotes, says(jo, "/promote 41 43"), |facts| release(facts) >= 2)];
    steps.extend(hurts(cast));
    steps.push(step("rollback", Line::from(back), says(jo, "/rollback"), taken_back));
    steps
}

/// A change that looks right hurts some, and goes back with nobody touching it.
fn hurts(Cast { jo, ana, .. }: &Cast) -> Vec<GuideStep> {
    let bad = ChangeNumber(52);
    let asks =
        Line::new().change(bad).text(" makes the pages faster, and looks right to everybody who tries it.");
    let promotes = Line::new()
        .person(jo)
        .text(" gives it to everyone. About one answer in twenty fails; nobody in this room knows that yet.");
    let back = "Now wait. The visitors who got it fail more often than the others, and when that cannot be chance any more it goes back by itself.";
    vec![
        step("ask-bad", asks, says(ana, "/deploy-preview 52"), move |facts| asked(facts, bad)),
        step("allow-bad", Line::from("It is looked at and allowed."), presses(jo, "Allow"), move |facts| {
            allowed(facts, bad) && up_with(facts, bad)
        }),
        step("promote-bad", promotes, says(jo, "/promote 52"), move |facts| tried_out(facts, bad)),
        step("back", Line::from(back), None, move |facts| went_back(facts, bad)),
    ]
}

/// A rollout that brings a change has begun.
fn tried_out(facts: &Facts<'_>, number: ChangeNumber) -> bool {
    rollouts_of(facts, number).next().is_some()
}

/// A rollout that brings a change went back.
fn went_back(facts: &Facts<'_>, number: ChangeNumber) -> bool {
    rollouts_of(facts, number).any(|row| row.stage == Stage::Ended(RolloutEnd::RolledBack))
}

fn rollouts_of<'a>(facts: &Facts<'a>, number: ChangeNumber) -> impl Iterator<Item = &'a Row> {
    let rows = facts.fold::<Rollouts>().into_iter().flat_map(|rollouts| rollouts.rollouts.iter());
    rows.map(|(_, row)| row)
        .filter(move |row| row.rollout.changes.iter().any(|change| change.number == number))
}

fn step(
    id: &str,
    text: Line,
    deed: Option<Deed>,
    done: impl Fn(&Facts<'_>) -> bool + Send + Sync + 'static,
) -> GuideStep {
    GuideStep { id: id.to_owned(), text, deed, done: Box::new(done) }
}

fn says(person: &PersonId, line: &str) -> Option<Deed> {
    Some(Deed::Says(person.clone(), line.to_owned()))
}

fn presses(person: &PersonId, label: &str) -> Option<Deed> {
    Some(Deed::Presses { person: person.clone(), label: label.to_owned(), in_pane: None })
}

/// Notices that a mix has answered somebody: a link was used.
async fn notice(edge: Arc<Edge>, used: Arc<AtomicBool>) {
    let mut looks = tokio::time::interval(ASK);
    loop {
        looks.tick().await;
        // A router that does not answer is asked again; until then the step is simply not ticked.
        let seen = edge.outcomes().await.unwrap_or_default();
        if seen.iter().any(|(stack, seen)| stack.as_str().starts_with("mix-") && seen.requests > 0) {
            used.store(true, Ordering::Relaxed);
            return;
        }
    }
}

fn asked(facts: &Facts<'_>, number: ChangeNumber) -> bool {
    let Some(operations) = facts.fold::<Operations>() else { return false };
    operations.operations.iter().any(|(_, operation)| {
        operation.action.command == "deploy-preview"
            && operation.args.changes("change").contains(&ChangeName::Number(number))
    })
}

fn said_by(facts: &Facts<'_>, command: &str, person: &PersonId) -> bool {
    let Some(operations) = facts.fold::<Operations>() else { return false };
    operations.operations.iter().any(|(_, operation)| {
        operation.action.command == command
            && operation.action.principal.person() == Some(person)
            && operation.decision.allows()
    })
}

fn allowed(facts: &Facts<'_>, number: ChangeNumber) -> bool {
    let is = |row: &Allowed| row.change.number == number;
    facts.fold::<Changes>().is_some_and(|changes| changes.allowed.iter().any(|(_, row)| is(row)))
}

fn up_with(facts: &Facts<'_>, number: ChangeNumber) -> bool {
    let Some(previews) = facts.fold::<Previews>() else { return false };
    previews.previews.iter().any(|(_, preview)| {
        let mut changes = preview.parts.iter().filter_map(|part| part.change.as_ref());
        matches!(preview.state, PreviewState::Up(_)) && changes.any(|(change, _)| change.number == number)
    })
}

fn mixed(facts: &Facts<'_>) -> bool {
    facts.fold::<Mixes>().is_some_and(|mixes| mixes.mixes.iter().any(|(_, mix)| mix.serving.is_some()))
}

fn release(facts: &Facts<'_>) -> u64 {
    let current = facts.fold::<Releases>().and_then(|releases| releases.current(facts));
    current.map_or(0, |(production, _)| production.release.0)
}

fn taken_back(facts: &Facts<'_>) -> bool {
    // What the promotion on the path brought, not the bad change that went back before.
    let brought = |change: &ChangeRef| change.number == ChangeNumber(41);
    facts
        .fold::<Releases>()
        .is_some_and(|releases| releases.taken_back.iter().any(|(change, _)| brought(change)))
}
