//! What a thread is about: a word said in it needs no number.

use folkops_engine::{Call, Facts, Operations, RequestState, Rooms, TimelineItem};
use folkops_model::{Card, CardState, Weight};
use folkops_previews::Releases;
use folkops_rollouts::{Rollouts, Row};

use crate::telling;

/// The rollout that a thread is about: below its card, below one of its alerts, or below the line that promoted it.
pub fn rollout<'a>(call: &Call<'_>, facts: &Facts<'a>) -> Option<&'a Row> {
    let thread = call.place.thread.as_ref()?;
    let opens = |item: &&TimelineItem| match item {
        TimelineItem::Said { message, .. } | TimelineItem::Card { message, .. } => message == thread,
    };
    let opener = facts.fold::<Rooms>()?.room(&call.place.room).rev().map(|(_, item)| item).find(opens)?;
    let operation = match opener {
        TimelineItem::Card { key, .. } => &key.operation,
        TimelineItem::Said { request, .. } => match &facts.fold::<Operations>()?.requests.get(request)?.state
        {
            RequestState::Decided(operation) => operation,
            RequestState::Received(_) | RequestState::Ended(_) => return None,
        },
    };
    let rollouts = facts.rows(&facts.fold::<Rollouts>()?.rollouts);
    rollouts.map(|(_, row)| row).find(|row| row.rollout.operation == *operation)
}

/// A rollback without a number, said in the thread of a release that nobody has: it would take back another one.
pub fn is_about_another(call: &Call<'_>, facts: &Facts<'_>) -> Option<Card> {
    let row = rollout(call, facts).filter(|row| !row.stage.is_live())?;
    let releases = facts.fold::<Releases>()?;
    let (production, _) = releases.current(facts)?;
    let release = row.rollout.release;
    let leaving = releases.leaving(facts).is_some_and(|leaving| leaving.release == release);
    if call.args.release("release").is_some() || production.release == release || leaving {
        return None;
    }
    let runs = production.release;
    let title =
        telling::changes(&row.rollout).text(format!(": nobody has release {release}; release {runs} runs"));
    let card = Card::new(CardState::Refused, title).say("Nothing was done.");
    Some(match production.before.last() {
        Some(before) => card
            .row("Next", format!("Name the release to go back to, to take back release {runs}"))
            .button(Weight::Danger, format!("Roll back to release {before}"), format!("/rollback {before}")),
        None => card,
    })
}
