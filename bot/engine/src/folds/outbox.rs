//! Replies that are owed and not yet where they should be.

use folkops_model::MessageId;
use folkops_record::{AnyTable, Body, Fold, Record, Reply, ReplyKey, Table};
use serde::{Deserialize, Serialize};

/// A reply's newest state and how far it was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The newest state.
    pub reply: Reply,
    /// The revision that stands there, and as which message.
    pub posted: Option<(u32, MessageId)>,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// All replies.
    pub replies: Table<ReplyKey, OutboxRow>,
    /// Those whose newest state is not posted.
    pub owed: Table<ReplyKey, ()>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { replies: Table::new("replies"), owed: Table::new("replies-owed") }
    }
}

impl Fold for Outbox {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::ReplyOwed(reply) => {
                let posted = self.replies.get(&reply.key).and_then(|row| row.posted.clone());
                self.owed.put(at, reply.key.clone(), ());
                self.replies.put(at, reply.key.clone(), OutboxRow { reply: reply.clone(), posted });
            }
            Body::ReplyPosted { key, revision, message } => {
                self.replies.change(at, key, |row| row.posted = Some((*revision, message.clone())));
                if self.replies.get(key).is_some_and(|row| row.reply.revision == *revision) {
                    self.owed.remove(at, key);
                }
            }
            _ => {}
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.replies, &self.owed]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.replies, &mut self.owed]
    }
}
