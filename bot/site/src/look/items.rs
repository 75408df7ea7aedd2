//! What was said: people's words and our cards, as one viewer may see them.

use std::collections::BTreeMap;

use folkops_engine::{AnyTable, Audience, Facts, Operations, Outbox, Rooms, TimelineItem, TimelineKey};
use folkops_model::{Card, CardState, Line, MessageId, PersonId, Principal, Sealed};
use jiff::Timestamp;

use super::View;
use super::judge::{Judge, May};

/// Messages that a page shows to begin with.
const WINDOW: usize = 100;

/// Messages that one live stream catches up with in one go; beyond it the page is loaded anew.
const CATCH_UP: usize = 500;

/// How far one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The newest messages, or the newest before a place.
    Last {
        /// Before this record.
        before: Option<u64>,
    },
    /// What is new or changed.
    Since {
        /// Nothing older than this record is on the viewer's page.
        from: u64,
        /// Everything up to this record is.
        since: u64,
    },
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// Oldest first; for `Since`, in the order in which they changed.
    pub(crate) shown: Vec<Shown>,
    /// Whether older ones were left out.
    pub(crate) earlier: bool,
    /// Whether newer ones were left out.
    pub(crate) later: bool,
    /// Whether there was too much to catch up with.
    pub(crate) too_many: bool,
}

/// One message.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The record that put it there.
    pub(crate) place: u64,
    /// The record that last changed it or what is said below it.
    pub(crate) version: u64,
    /// Its id.
    pub(crate) message: MessageId,
    /// When, UTC.
    pub(crate) at: Timestamp,
    /// Whether it stands in a thread.
    pub(crate) threaded: bool,
    /// What was said below it.
    pub(crate) replies: usize,
    /// What it is.
    pub(crate) what: What,
}

/// What a message is.
#[derive(Debug)]
pub(crate) enum What {
    /// Somebody's words.
    Said {
        /// Whose.
        by: Principal,
        /// Which.
        text: Sealed,
    },
    /// A reply of ours.
    Card {
        /// In its newest state.
        card: Box<Card>,
        /// For each of its buttons, whether the viewer may.
        may: Vec<May>,
        /// Whether only the viewer sees it.
        private: bool,
        /// Whether nobody had asked for it.
        by_itself: bool,
        /// When it was last edited, UTC.
        edited: Option<Timestamp>,
    },
}

/// The parts that both kinds of timeline items share.
struct Common<'a> {
    message: &'a MessageId,
    thread: Option<&'a MessageId>,
}

type Row<'a> = (&'a TimelineKey, &'a TimelineItem);

impl Items {
    pub(crate) fn read(
        facts: &Facts<'_>,
        viewer: Option<&PersonId>,
        view: &View,
        reach: Reach,
        judge: &Judge<'_>,
    ) -> Self {
        let Some(rooms) = facts.fold::<Rooms>() else { return Self::default() };
        let visible = |row: &Row<'_>| is_visible(row.1, viewer);
        match reach {
            Reach::Last { before } => {
                let rows = rooms.room(&view.room).rev().filter(visible);
                Self::last(rows, before.unwrap_or(u64::MAX), view, &Draw { facts, judge })
            }
            Reach::Since { from, since } => {
                if rooms.timeline.version_of(None) <= since {
                    return Self::default();
                }
                let key = |sequence| TimelineKey { room: view.room.clone(), sequence };
                let rows = rooms.timeline.range(key(from)..=key(u64::MAX)).filter(visible);
                Self::since(rows.collect(), rooms, since, view, &Draw { facts, judge })
            }
        }
    }

    /// Walks back from the newest; for a thread, as far as the message that opened it.
    fn last<'a>(rows: impl Iterator<Item = Row<'a>>, before: u64, view: &View, draw: &Draw<'_>) -> Self {
        let mut items = Self { later: before < u64::MAX, ..Self::default() };
        let mut replies: BTreeMap<&MessageId, usize> = BTreeMap::new();
        for row in rows {
            let common = common(row.1);
            if let Some(thread) = common.thread {
                *replies.entry(thread).or_default() += 1;
            }
            if !belongs(view, &common) || row.0.sequence >= before {
                continue;
            }
            if view.thread.is_none() && items.shown.len() == WINDOW {
                items.earlier = true;
                break;
            }
            let below = replies.get(common.message).copied().unwrap_or(0);
            items.shown.extend(draw.row(row, row.0.sequence, below));
            if view.thread.as_ref() == Some(common.message) {
                break;
            }
        }
        items.shown.reverse();
        items
    }

    fn since(rows: Vec<Row<'_>>, rooms: &Rooms, since: u64, view: &View, draw: &Draw<'_>) -> Self {
        let mut replies: BTreeMap<&MessageId, (usize, u64)> = BTreeMap::new();
        let mut changed = Vec::new();
        // Newest first, so that what was said below a message is known when the message itself comes.
        for row in rows.into_iter().rev() {
            let common = common(row.1);
            let own = version(rooms, row);
            if let Some(thread) = common.thread {
                let entry = replies.entry(thread).or_default();
                *entry = (entry.0 + 1, entry.1.max(row.0.sequence));
            }
            let (below, last) = replies.get(common.message).copied().unwrap_or_default();
            let version = own.max(last);
            if version > since && belongs(view, &common) {
                changed.push((row, version, below));
            }
        }
        let too_many = changed.len() > CATCH_UP;
        changed.truncate(CATCH_UP);
        changed.sort_by_key(|(_, version, _)| *version);
        let shown = changed.into_iter().filter_map(|(row, version, below)| draw.row(row, version, below));
        Self { shown: shown.collect(), too_many, ..Self::default() }
    }

    /// Whether the message that opened a thread was seen.
    pub(crate) fn begins_with(&self, thread: &MessageId) -> bool {
        self.shown
            .first()
            .is_some_and(|first| first.message == *thread && !first.threaded && !first.is_private())
    }
}

impl Shown {
    /// All that the room itself shows of a card that opens a thread.
    pub(crate) fn brief(&self) -> Option<(CardState, &Line)> {
        match &self.what {
            What::Card { card, .. } => Some((card.state, card.brief.as_ref()?)),
            What::Said { .. } => None,
        }
    }

    /// Whether only the viewer sees it.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self.what, What::Card { private: true, .. })
    }
}

struct Draw<'a> {
    facts: &'a Facts<'a>,
    judge: &'a Judge<'a>,
}

impl Draw<'_> {
    fn row(&self, (key, item): Row<'_>, version: u64, replies: usize) -> Option<Shown> {
        let common = common(item);
        let (at, what) = match item {
            TimelineItem::Said { by, text, at, .. } => {
                (*at, What::Said { by: by.clone(), text: text.clone() })
            }
            TimelineItem::Card { key, audience, at, edited, .. } => {
                let card = &self.facts.fold::<Outbox>()?.replies.get(key)?.reply.card;
                let operations = self.facts.fold::<Operations>()?;
                let operation = operations.operations.get(&key.operation);
                let nobody_asked = operation.is_some_and(|o| o.action.principal == Principal::Automation);
                let what = What::Card {
                    card: Box::new(card.clone()),
                    may: card.buttons.iter().map(|button| self.judge.button(button)).collect(),
                    private: *audience != Audience::Everyone,
                    by_itself: nobody_asked || card.brief.is_some(),
                    edited: *edited,
                };
                (*at, what)
            }
        };
        Some(Shown {
            place: key.sequence,
            version,
            message: common.message.clone(),
            at,
            threaded: common.thread.is_some(),
            replies,
            what,
        })
    }
}

/// A message changes only when it is a card that is edited; looking its version up costs more than knowing that.
fn version(rooms: &Rooms, (key, item): Row<'_>) -> u64 {
    match item {
        TimelineItem::Card { edited: Some(_), .. } => rooms.timeline.version_of(Some(&key.to_string())),
        TimelineItem::Card { edited: None, .. } | TimelineItem::Said { .. } => key.sequence,
    }
}

/// INVARIANT: a card for one person is never even looked at for anybody else.
pub(super) fn is_visible(item: &TimelineItem, viewer: Option<&PersonId>) -> bool {
    match item {
        TimelineItem::Said { .. } | TimelineItem::Card { audience: Audience::Everyone, .. } => true,
        TimelineItem::Card { audience: Audience::Only(person), .. } => viewer == Some(person),
    }
}

fn common(item: &TimelineItem) -> Common<'_> {
    match item {
        TimelineItem::Said { message, thread, .. } | TimelineItem::Card { message, thread, .. } => {
            Common { message, thread: thread.as_ref() }
        }
    }
}

fn belongs(view: &View, common: &Common<'_>) -> bool {
    match &view.thread {
        None => common.thread.is_none(),
        Some(thread) => common.thread == Some(thread) || common.message == thread,
    }
}
