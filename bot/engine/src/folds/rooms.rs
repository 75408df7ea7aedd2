//! What was said in the rooms: people's words and our cards, in the order in which they came.

use std::ops::Bound::{Excluded, Unbounded};

use folkops_model::{MessageId, Place, Principal, RequestId, RoomName, Sealed};
use folkops_record::{AnyTable, Audience, Body, Fold, Record, ReplyKey, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many messages of all rooms together stay known; the oldest are forgotten here, never in the journal.
const KEPT: usize = 10_000;

/// A message's place in its room: the room's name and the record that put it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimelineKey {
    /// The room.
    pub room: RoomName,
    /// The record.
    pub sequence: u64,
}

/// A message in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineItem {
    /// Somebody said something.
    Said {
        /// As this message.
        message: MessageId,
        /// Ours.
        request: RequestId,
        /// Who.
        by: Principal,
        /// What.
        text: Sealed,
        /// In this thread.
        thread: Option<MessageId>,
        /// When, UTC.
        at: Timestamp,
    },
    /// We replied. The card itself is in the outbox, in its newest posted state.
    Card {
        /// As this message.
        message: MessageId,
        /// Which reply.
        key: ReplyKey,
        /// Who sees it.
        audience: Audience,
        /// In this thread.
        thread: Option<MessageId>,
        /// When, UTC.
        at: Timestamp,
        /// When it was last edited, UTC.
        edited: Option<Timestamp>,
    },
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// In order, room by room.
    pub timeline: Table<TimelineKey, TimelineItem>,
    /// Where each card stands.
    pub cards: Table<ReplyKey, TimelineKey>,
    pending: Table<ReplyKey, (Place, Audience)>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            timeline: Table::new("timeline"),
            cards: Table::new("timeline-cards"),
            pending: Table::new("timeline-pending"),
        }
    }
}

impl Rooms {
    /// A room's messages, oldest first.
    pub fn room(&self, room: &RoomName) -> impl DoubleEndedIterator<Item = (&TimelineKey, &TimelineItem)> {
        let from = TimelineKey { room: room.clone(), sequence: 0 };
        let to = TimelineKey { room: room.clone(), sequence: u64::MAX };
        self.timeline.range(from..=to)
    }

    fn put(&mut self, at: u64, line: TimelineKey, item: TimelineItem) {
        self.timeline.put(at, line, item);
        while self.timeline.len() > KEPT
            && let Some(oldest) = self.oldest()
            && let Some(item) = self.timeline.remove(at, &oldest)
        {
            if let TimelineItem::Card { key, .. } = item {
                self.cards.remove(at, &key);
            }
        }
    }

    /// The oldest message of all rooms: the least of each room's first.
    fn oldest(&self) -> Option<TimelineKey> {
        let mut first = self.timeline.iter().next().map(|(key, _)| key);
        let mut oldest = first?;
        while let Some(key) = first {
            if key.sequence < oldest.sequence {
                oldest = key;
            }
            let last = TimelineKey { room: key.room.clone(), sequence: u64::MAX };
            first = self.timeline.range((Excluded(last), Unbounded)).next().map(|(key, _)| key);
        }
        Some(oldest.clone())
    }

    fn posted(&mut self, record: &Record, key: &ReplyKey, message: &MessageId) {
        let at = record.sequence;
        if let Some(place) = self.cards.get(key).cloned() {
            self.timeline.change(at, &place, |item| {
                if let TimelineItem::Card { edited, .. } = item {
                    *edited = Some(record.time);
                }
            });
            return;
        }
        let Some((place, audience)) = self.pending.remove(at, key) else { return };
        let item = TimelineItem::Card {
            message: message.clone(),
            key: key.clone(),
            audience,
            thread: place.thread,
            at: record.time,
            edited: None,
        };
        let line = TimelineKey { room: place.room, sequence: at };
        self.cards.put(at, key.clone(), line.clone());
        self.put(at, line, item);
    }
}

impl Fold for Rooms {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::RequestReceived(request) if request.principal.person().is_some() => {
                let item = TimelineItem::Said {
                    message: request.message.clone(),
                    request: request.id.clone(),
                    by: request.principal.clone(),
                    text: request.text.clone(),
                    thread: request.place.thread.clone(),
                    at: record.time,
                };
                self.put(at, TimelineKey { room: request.place.room.clone(), sequence: at }, item);
            }
            Body::ReplyOwed(reply) if self.cards.get(&reply.key).is_none() => {
                self.pending.put(at, reply.key.clone(), (reply.place.clone(), reply.audience.clone()));
            }
            Body::ReplyPosted { key, message, .. } => self.posted(record, key, message),
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.timeline, &self.cards, &self.pending]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.timeline, &mut self.cards, &mut self.pending]
    }
}

impl std::fmt::Display for TimelineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:020}", self.room, self.sequence)
    }
}

impl std::str::FromStr for TimelineKey {
    type Err = folkops_model::Malformed;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || folkops_model::Malformed::new(text, "a place in a timeline");
        let (room, sequence) = text.rsplit_once('.').ok_or_else(malformed)?;
        Ok(Self { room: RoomName::parse(room)?, sequence: sequence.parse().map_err(|_| malformed())? })
    }
}
