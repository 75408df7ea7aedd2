//! What stands beside a room: its threads, what moves, what runs, and who is there.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Facts, Operation, OperationState, Operations, Outbox, Rooms, TimelineItem};
use folkops_model::{
    Card, CardState, ChangeName, ChangeNumber, ComponentName, Digest, Effect, Line, MessageId, Part,
    PersonId, PreviewId, Principal, ReleaseNumber, RoomName, Sealed, StackName,
};
use folkops_previews::{Mixes, PreviewState, Previews, Releases};
use jiff::Timestamp;

use super::items::is_visible;

/// How far back threads are looked for, in messages.
const RECENT: usize = 500;
/// Threads that are listed.
const THREADS: usize = 8;

/// What stands beside a room.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rails {
    /// Newest first.
    pub(crate) threads: Vec<ThreadRow>,
    /// Operations that are not over, oldest first.
    pub(crate) moving: Vec<Moving>,
    /// What everybody gets.
    pub(crate) production: Option<(ReleaseNumber, Vec<(ComponentName, Digest)>)>,
    /// Previews, with their changes, their end, and whether they answer.
    pub(crate) previews: Vec<(PreviewId, Vec<ChangeNumber>, Timestamp, bool)>,
    /// People who use a mix, with the changes in it and the stack that serves it.
    pub(crate) mixes: BTreeMap<PersonId, (Vec<ChangeNumber>, StackName)>,
    /// Whether requests are being led elsewhere right now.
    pub(crate) switching: bool,
    /// A freeze: by whom, and until when.
    pub(crate) frozen: Option<(Option<PersonId>, Option<Timestamp>)>,
}

/// A thread as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ThreadRow {
    /// The message that opened it.
    pub(crate) message: MessageId,
    /// The state of its newest card.
    pub(crate) state: Option<CardState>,
    /// What it is about.
    pub(crate) title: ThreadTitle,
    /// What was said in it.
    pub(crate) replies: usize,
}

/// What a thread is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ThreadTitle {
    /// A card's title.
    Card(Line),
    /// Somebody's words.
    Words(Sealed),
}

/// An operation that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moving {
    /// Which command.
    pub(crate) command: String,
    /// About which changes.
    pub(crate) changes: Vec<ChangeNumber>,
    /// For whom.
    pub(crate) by: Principal,
    /// How far it is.
    pub(crate) course: Course,
    /// Since when, UTC.
    pub(crate) since: Timestamp,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Waits for people.
    Waiting,
    /// Waits for its turn.
    Queued,
    /// At work, at this stage of four.
    Working(Stage),
}

/// The stages in which a stack comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Trees are merged.
    Merging,
    /// Builds are made.
    Building,
    /// The stack starts and gets healthy.
    Starting,
    /// Requests are led to it.
    Switching,
}

impl Stage {
    /// From 1 to 4.
    pub(crate) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// In one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Merging => "merging",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Switching => "switching",
        }
    }

    fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Resolve
            | Effect::Compose { .. }
            | Effect::Merge { .. }
            | Effect::Revert { .. }
            | Effect::Withdraw { .. } => Self::Merging,
            Effect::Build { .. } => Self::Building,
            Effect::Run { .. } => Self::Starting,
            Effect::Route | Effect::Settle { .. } | Effect::Stop { .. } | Effect::Extend { .. } => {
                Self::Switching
            }
        }
    }
}

impl Rails {
    pub(crate) fn read(facts: &Facts<'_>, viewer: Option<&PersonId>, room: &RoomName) -> Self {
        let releases = facts.fold::<Releases>();
        let current = releases.and_then(|releases| releases.current(facts));
        let production = current.map(|(_, release)| {
            let builds = release.components.iter().map(|(name, it)| (name.clone(), it.digest.clone()));
            (release.number, builds.collect())
        });
        let frozen = releases.and_then(|releases| releases.frozen(facts));
        Self {
            threads: threads(facts, viewer, room),
            moving: moving(facts),
            production,
            previews: previews(facts),
            mixes: mixes(facts),
            switching: switching(facts),
            frozen: frozen.map(|freeze| (freeze.by.clone(), freeze.until)),
        }
    }
}

fn previews(facts: &Facts<'_>) -> Vec<(PreviewId, Vec<ChangeNumber>, Timestamp, bool)> {
    let previews = facts.fold::<Previews>().map(|previews| previews.previews.iter());
    let row = |(id, preview): (&PreviewId, &folkops_previews::Preview)| {
        let up = matches!(preview.state, PreviewState::Up(_));
        (id.clone(), numbers(&preview.parts), preview.deadline, up)
    };
    previews.into_iter().flatten().map(row).collect()
}

fn mixes(facts: &Facts<'_>) -> BTreeMap<PersonId, (Vec<ChangeNumber>, StackName)> {
    let mixes = facts.fold::<Mixes>().map(|mixes| mixes.mixes.iter());
    let serving = |(person, mix): (&PersonId, &folkops_previews::Mix)| {
        let serving = mix.serving.as_ref()?;
        Some((person.clone(), (numbers(&serving.parts), serving.stack.clone())))
    };
    mixes.into_iter().flatten().filter_map(serving).collect()
}

fn numbers(parts: &[Part]) -> Vec<ChangeNumber> {
    let numbers: BTreeSet<ChangeNumber> =
        parts.iter().filter_map(|part| part.change.as_ref()).map(|(change, _)| change.number).collect();
    numbers.into_iter().collect()
}

fn moving(facts: &Facts<'_>) -> Vec<Moving> {
    let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
    let live = operations.live.iter().filter_map(|(id, ())| operations.operations.get(id));
    let mut moving: Vec<Moving> = live.filter_map(one).collect();
    moving.sort_by_key(|moving| moving.since);
    moving
}

fn one(operation: &Operation) -> Option<Moving> {
    let course = match operation.state {
        OperationState::Waiting(_) => Course::Waiting,
        OperationState::Queued { .. } => Course::Queued,
        OperationState::Running { .. } => {
            let open = operation.effects.values().filter(|row| row.outcome.is_none());
            let stages = open.map(|row| Stage::of(&row.effect));
            Course::Working(stages.min().unwrap_or(Stage::Merging))
        }
        OperationState::Ended(_) => return None,
    };
    Some(Moving {
        command: operation.action.command.clone(),
        changes: operation.args.changes("change").iter().map(ChangeName::number).collect(),
        by: operation.action.principal.clone(),
        course,
        since: operation.decided,
    })
}

fn switching(facts: &Facts<'_>) -> bool {
    // On the way back, who is led where changes a few times before all are back.
    if facts.fold::<Releases>().is_some_and(|releases| releases.leaving(facts).is_some()) {
        return true;
    }
    let Some(operations) = facts.fold::<Operations>() else { return false };
    let mut live = operations.live.iter().filter_map(|(id, ())| operations.operations.get(id));
    live.any(|operation| {
        let mut open = operation.effects.values().filter(|row| row.outcome.is_none());
        open.any(|row| matches!(row.effect, Effect::Route))
    })
}

fn threads(facts: &Facts<'_>, viewer: Option<&PersonId>, room: &RoomName) -> Vec<ThreadRow> {
    let Some(rooms) = facts.fold::<Rooms>() else { return Vec::new() };
    let recent = rooms.room(room).rev().take(RECENT).map(|(_, item)| item);
    let mut found: Vec<(MessageId, usize, Option<CardState>)> = Vec::new();
    let mut rows: BTreeMap<MessageId, ThreadRow> = BTreeMap::new();
    for item in recent.filter(|item| is_visible(item, viewer)) {
        let (message, thread, card) = match item {
            TimelineItem::Said { message, thread, .. } => (message, thread, None),
            TimelineItem::Card { message, thread, key, .. } => (message, thread, card(facts, key)),
        };
        let state = card.map(|card| card.state);
        if let Some(thread) = thread {
            match found.iter_mut().find(|(known, ..)| known == thread) {
                Some((_, replies, newest)) => {
                    *replies += 1;
                    *newest = newest.or(state);
                }
                None => found.push((thread.clone(), 1, state)),
            }
        } else {
            // An alert is a thread before anybody has answered.
            if card.is_some_and(|card| card.brief.is_some())
                && !found.iter().any(|(known, ..)| known == message)
            {
                found.push((message.clone(), 0, state));
            }
            let Some((_, replies, newest)) = found.iter().find(|(known, ..)| known == message) else {
                continue;
            };
            let title = match (item, card) {
                (TimelineItem::Said { text, .. }, _) => ThreadTitle::Words(text.clone()),
                (_, Some(card)) => ThreadTitle::Card(card.title.clone()),
                _ => continue,
            };
            let row =
                ThreadRow { message: message.clone(), state: newest.or(state), title, replies: *replies };
            rows.insert(message.clone(), row);
        }
    }
    found.into_iter().filter_map(|(message, ..)| rows.remove(&message)).take(THREADS).collect()
}

fn card<'a>(facts: &Facts<'a>, key: &folkops_engine::ReplyKey) -> Option<&'a Card> {
    facts.fold::<Outbox>()?.replies.get(key).map(|row| &row.reply.card)
}
