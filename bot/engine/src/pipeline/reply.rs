//! Replies: posted at least once, shown once, always in their newest state.

use std::ops::RangeInclusive;
use std::time::Duration;

use folkops_record::{Body, Draft, Note, ReplyKey};

use super::Engine;
use crate::folds::Outbox;
use crate::ports::Unposted;

/// The pauses before a surface that does not answer is tried again: twice as long each time.
const PAUSES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32);

impl Engine {
    /// Starts the delivery of a reply's newest state.
    pub(super) fn deliver(&self, key: ReplyKey) {
        let engine = self.clone();
        tokio::spawn(async move {
            let mut pause = *PAUSES.start();
            // On the heap, so that a task that waits for its next try holds no more than its key.
            while !engine.shared.stopping.is_cancelled() && !Box::pin(engine.deliver_once(&key)).await {
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(*PAUSES.end());
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
        let (key, revision) = (key.clone(), reply.revision);
        let ended = match sink.post(&reply).await {
            Ok(message) => Body::ReplyPosted { key: key.clone(), revision, message },
            Err(Unposted::Later(error)) => {
                tracing::warn!(operation.id = %key.operation, %error, "a reply could not be posted yet");
                return false;
            }
            Err(Unposted::Refused(why)) => {
                tracing::error!(operation.id = %key.operation, why, "a reply was refused and is set aside");
                Body::ReplyRefused { key: key.clone(), revision, why }
            }
        };
        let Some(note) = Note::of(ended) else { return true };
        // Two deliveries may meet here; the record of the first makes the second one's look stale.
        let (stands, reads) = self.ledger().decide(|facts| {
            facts.fold::<Outbox>().and_then(|outbox| facts.row(&outbox.owed, &key)).is_none()
        });
        if stands {
            return true;
        }
        match self.ledger().append(Draft::note(note).provided(reads)).await {
            Ok(_) => self
                .ledger()
                .read(|facts| facts.fold::<Outbox>().is_none_or(|outbox| outbox.owed.get(&key).is_none())),
            Err(_) => false,
        }
    }
}
