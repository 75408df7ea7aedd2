//! Replies: posted at least once, shown once, always in their newest state.

use std::time::Duration;

use folkops_record::{Body, Draft, Note, ReplyKey};

use super::Engine;
use crate::folds::Outbox;

/// The pause before a surface that does not answer is tried again.
const PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// Starts the delivery of a reply's newest state.
    pub(super) fn deliver(&self, key: ReplyKey) {
        let engine = self.clone();
        tokio::spawn(async move {
            while !engine.shared.stopping.is_cancelled() && !engine.deliver_once(&key).await {
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Posts the newest state, unless it stands there already; `false` to try again.
    async fn deliver_once(&self, key: &ReplyKey) -> bool {
        let reply = self.ledger().read(|facts| {
            let outbox = facts.fold::<Outbox>()?;
            outbox.owed.get(key)?;
            outbox.replies.get(key).map(|row| row.reply.clone())
        });
        let Some(reply) = reply else { return true };
        let Some(sink) = self.shared.parts.sinks.get(&reply.place.surface) else {
            tracing::error!(surface = %reply.place.surface, "a reply is owed on a surface that is not connected");
            return true;
        };
        let message = match sink.post(&reply).await {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(operation.id = %key.operation, %error, "a reply could not be posted yet");
                return false;
            }
        };
        let posted = Body::ReplyPosted { key: key.clone(), revision: reply.revision, message };
        let Some(note) = Note::of(posted) else { return true };
        // Two deliveries may meet here; the record of the first makes the second one's look stale.
        let (stands, reads) = self
            .ledger()
            .decide(|facts| facts.fold::<Outbox>().and_then(|outbox| facts.row(&outbox.owed, key)).is_none());
        if stands {
            return true;
        }
        match self.ledger().append(Draft::note(note).provided(reads)).await {
            Ok(_) => self
                .ledger()
                .read(|facts| facts.fold::<Outbox>().is_none_or(|outbox| outbox.owed.get(key).is_none())),
            Err(_) => false,
        }
    }
}
