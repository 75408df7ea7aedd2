//! Replies that are owed and not yet where they should be, and the newest of those that are.

use folkops_model::MessageId;
use folkops_record::{AnyTable, Body, Fold, Record, Reply, ReplyKey, Table};
use serde::{Deserialize, Serialize};

/// How many replies stay known that stand where they should; the oldest are forgotten here, never in the journal.
const KEPT: usize = 10_000;

/// A reply's newest state and how far it was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The newest state.
    pub reply: Reply,
    /// The record by which that is its newest state.
    pub since: u64,
    /// The revision that stands there, and as which message.
    pub posted: Option<(u32, MessageId)>,
    /// The record by which it last came to stand as it should.
    settled: Option<u64>,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// All replies.
    pub replies: Table<ReplyKey, OutboxRow>,
    /// Those whose newest state is not posted.
    pub owed: Table<ReplyKey, ()>,
    /// Those that stand as they should, by the record by which they came to.
    settled: Table<u64, ReplyKey>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            replies: Table::new("replies"),
            owed: Table::new("replies-owed"),
            settled: Table::new("replies-settled"),
        }
    }
}

impl Outbox {
    fn owed(&mut self, at: u64, reply: &Reply) {
        let before = self.replies.get(&reply.key);
        let posted = before.and_then(|row| row.posted.clone());
        if let Some(settled) = before.and_then(|row| row.settled) {
            self.settled.remove(at, &settled);
        }
        self.owed.put(at, reply.key.clone(), ());
        self.replies.put(
            at,
            reply.key.clone(),
            OutboxRow { reply: reply.clone(), since: at, posted, settled: None },
        );
    }

    fn posted(&mut self, at: u64, key: &ReplyKey, revision: u32, message: &MessageId) {
        self.replies.change(at, key, |row| row.posted = Some((revision, message.clone())));
        self.settled(at, key, revision);
    }

    fn settled(&mut self, at: u64, key: &ReplyKey, revision: u32) {
        if self.owed.get(key).is_some()
            && self.replies.get(key).is_some_and(|row| row.reply.revision == revision)
        {
            self.owed.remove(at, key);
            self.replies.change(at, key, |row| row.settled = Some(at));
            self.settled.put(at, at, key.clone());
            self.forget(at);
        }
    }

    fn forget(&mut self, at: u64) {
        while self.settled.len() > KEPT
            && let Some((_, oldest)) = self.settled.pop_first(at)
        {
            self.replies.remove(at, &oldest);
        }
    }
}

impl Fold for Outbox {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::ReplyOwed(reply) => self.owed(at, reply),
            Body::ReplyPosted { key, revision, message } => self.posted(at, key, *revision, message),
            Body::ReplyRefused { key, revision, .. } => self.settled(at, key, *revision),
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.replies, &self.owed, &self.settled]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.replies, &mut self.owed, &mut self.settled]
    }
}
