//! What the automation should say where changes stand: a welcome, what became of them, how they are used, what takes
//! them back.
//!
//! Pure. Each of these is a line that goes through the whole pipeline, in the place of the change that it is about.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{Cause, ChangeRef};
use folkops_record::Facts;
use jiff::{SignedDuration, Timestamp};

use crate::folds::{Changes, Landings, Mixes, Releases, Tidings, ToldUse};

/// What is older is no news: an upgrade, or a component that moves to another forge, does not tell of what is long over.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// How long after the last word on how a change is used the next one comes.
const BETWEEN: SignedDuration = SignedDuration::from_mins(5);

/// A move by this part of those who tried it is worth a word: one of so many.
const STEP: u64 = 4;

/// A line to be said where a change stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiding {
    /// At which change.
    pub change: ChangeRef,
    /// The line.
    pub line: String,
    /// Why.
    pub cause: Cause,
    /// What makes it the same as an earlier one, so that it is said once.
    pub key: String,
}

/// First changes whose authors are to be welcomed, with what their forge knows the author by.
pub fn welcomes(facts: &Facts<'_>) -> Vec<(Tiding, String)> {
    let Some((tidings, changes)) = facts.fold::<Tidings>().zip(facts.fold::<Changes>()) else {
        return Vec::new();
    };
    let fresh = tidings.welcomes.iter().filter(|(_, at)| is_news(facts, **at));
    let owed = fresh.filter_map(|(change, _)| {
        let author = changes.open.get(change)?.author.clone();
        let (line, key) = ("/welcome".to_owned(), format!("welcome-{change}"));
        Some((Tiding { change: change.clone(), line, cause: Cause::News, key }, author))
    });
    owed.collect()
}

/// Changes of which something became that was not told where they stand.
pub fn courses(facts: &Facts<'_>) -> Vec<Tiding> {
    let Some(releases) = facts.fold::<Releases>() else { return Vec::new() };
    let fresh = releases.untold.iter().filter(|(_, course)| is_news(facts, course.at));
    let untold = fresh.map(|(change, course)| {
        let key = format!("news-{change}-{}", course.since);
        Tiding { change: change.clone(), line: "/news".to_owned(), cause: Cause::News, key }
    });
    untold.collect()
}

/// Open changes that so many more, or fewer, people try than was told last.
pub fn uses(facts: &Facts<'_>) -> Vec<Tiding> {
    let Some((tidings, changes)) = facts.fold::<Tidings>().zip(facts.fold::<Changes>()) else {
        return Vec::new();
    };
    let tried = all_trying(facts);
    let all: BTreeSet<&ChangeRef> =
        tried.keys().chain(tidings.uses.iter().map(|(change, _)| change)).collect();
    let moved = all.into_iter().filter_map(|change| {
        let (now, told) = (tried.get(change).copied().unwrap_or(0), tidings.uses.get(change));
        (changes.open.get(change).is_some() && is_due(facts.now(), now, told)).then(|| {
            let last = told.map_or(0, |told| told.at.as_millisecond());
            let (line, key) = (format!("/evidence {change}"), format!("use-{change}-{last}"));
            Tiding { change: change.clone(), line, cause: Cause::News, key }
        })
    });
    moved.collect()
}

/// Changes that were taken back from everybody, are still on the default branch, and that nothing open takes out of it.
pub fn reverts(facts: &Facts<'_>) -> Vec<Tiding> {
    let Some((releases, changes)) = facts.fold::<Releases>().zip(facts.fold::<Changes>()) else {
        return Vec::new();
    };
    // What takes it out is open, or was merged and waits for the next release.
    let stands = |revert: &ChangeRef| {
        let landings = facts.fold::<Landings>();
        let lands = landings.is_some_and(|landings| landings.waiting.get(revert).is_some());
        lands || changes.closed.get(revert).is_none()
    };
    let taken_out = |change: &ChangeRef| {
        let mut reverts = releases.reverts.iter().filter(|(_, (original, _))| original == change);
        reverts.any(|(revert, _)| stands(revert))
    };
    let held =
        releases.taken_back.iter().filter(|(change, back)| is_news(facts, back.at) && !taken_out(change));
    let asked = held.map(|(change, back)| {
        let cause = back.operation.clone().map_or(Cause::News, Cause::Operation);
        let key = format!("revert-{change}-{}", back.since);
        Tiding { change: change.clone(), line: format!("/revert {change}"), cause, key }
    });
    asked.collect()
}

/// Open changes that take back what was pardoned or is live again, and that nobody should merge any more.
pub fn withdrawals(facts: &Facts<'_>) -> Vec<Tiding> {
    let Some((releases, changes)) = facts.fold::<Releases>().zip(facts.fold::<Changes>()) else {
        return Vec::new();
    };
    let open = |revert: &ChangeRef| changes.open.get(revert).is_some();
    let moot = releases.moot.iter().filter(|(revert, moot)| is_news(facts, moot.at) && open(revert));
    let asked = moot.map(|(revert, moot)| {
        let cause = moot.operation.clone().map_or(Cause::News, Cause::Operation);
        let key = format!("withdraw-{revert}-{}", moot.since);
        Tiding { change: revert.clone(), line: format!("/withdraw {revert}"), cause, key }
    });
    asked.collect()
}

/// How many people have a change on their own account now, at whichever commit.
pub fn trying(facts: &Facts<'_>, change: &ChangeRef) -> u64 {
    all_trying(facts).get(change).copied().unwrap_or(0)
}

fn all_trying(facts: &Facts<'_>) -> BTreeMap<ChangeRef, u64> {
    let mixes = facts.fold::<Mixes>().into_iter().flat_map(|mixes| mixes.mixes.iter());
    let serving = mixes.filter_map(|(_, mix)| mix.serving.as_ref());
    let tried = serving.flat_map(|raised| raised.parts.iter().filter_map(|part| part.change.as_ref()));
    let mut trying = BTreeMap::new();
    tried.for_each(|(change, _)| *trying.entry(change.clone()).or_default() += 1);
    trying
}

fn is_due(now: Timestamp, people: u64, told: Option<&ToldUse>) -> bool {
    match told {
        None => people > 0,
        Some(told) => {
            let moved = people.abs_diff(told.people);
            moved >= (told.people / STEP).max(1) && now.duration_since(told.at) >= BETWEEN
        }
    }
}

pub(crate) fn is_news(facts: &Facts<'_>, at: Timestamp) -> bool {
    facts.now().duration_since(at) <= NEWS
}

#[cfg(test)]
mod tests {
    use folkops_model::OperationId;

    use super::*;

    #[test]
    fn a_word_on_how_many_try_a_change_comes_when_they_are_a_quarter_more_or_fewer_and_minutes_after_the_last()
     {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let told = |people| ToldUse { operation: OperationId::parse("o1").unwrap(), people, at: at(0) };
        for (last, minutes, people, due) in [
            (None, 0, 0, false),
            (None, 0, 1, true),
            (Some(1), 4, 2, false),
            (Some(1), 5, 2, true),
            (Some(1), 5, 1, false),
            (Some(1), 5, 0, true),
            (Some(40), 5, 49, false),
            (Some(40), 5, 50, true),
            (Some(40), 5, 30, true),
            (Some(0), 600, 0, false),
        ] {
            let found = is_due(at(minutes), people, last.map(told).as_ref());
            assert_eq!(found, due, "told {last:?}, {people} after {minutes} min");
        }
    }
}
