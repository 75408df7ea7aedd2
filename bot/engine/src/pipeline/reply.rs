//! Replies: posted at least once, shown once, always in their newest state.

use std::ops::RangeInclusive;
use std::time::Duration;

use folkops_record::{Body, Draft, Facts, Note, ReplyKey};

use super::Engine;
use crate::folds::Outbox;
use crate::ports::{Unavailable, Unposted};

/// The pauses before a surface that does not answer is tried again: twice as long each time.
const PAUSES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32);

/// What came of one try.
enum Tried {
    /// The newest state stands there, or is set aside.
    Over,
    /// There is a newer state by now, or what was done is not recorded.
    Anew,
    /// The surface does not take it now.
    Later(Unavailable),
}

impl Engine {
    /// Starts the delivery of a reply's newest state.
    pub(super) fn deliver(&self, key: ReplyKey) {
        let engine = self.clone();
        tokio::spawn(async move {
            let mut pause = *PAUSES.start();
            while !engine.shared.stopping.is_cancelled() {
                // On the heap, so that a task that waits for its next try holds no more than its key.
                match Box::pin(engine.deliver_once(&key)).await {
                    Tried::Over => return,
                    // Said once: while a surface is away, everything that is owed there is tried again and again.
                    Tried::Later(error) if pause == *PAUSES.start() => {
                        tracing::warn!(operation.id = %key.operation, %error, "a reply could not be posted yet");
                    }
                    Tried::Later(_) | Tried::Anew => {}
                }
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(*PAUSES.end());
            }
        });
    }

    /// Posts the newest state, unless it stands there already.
    async fn deliver_once(&self, key: &ReplyKey) -> Tried {
        let reply = self.ledger().read(|facts| {
            let outbox = facts.fold::<Outbox>()?;
            outbox.owed.get(key)?;
            outbox.replies.get(key).map(|row| row.reply.clone())
        });
        let Some(reply) = reply else { return Tried::Over };
        let Some(sink) = self.shared.parts.sinks.get(&reply.place.surface) else {
            tracing::error!(surface = %reply.place.surface, "a reply is owed on a surface that is not connected");
            return Tried::Over;
        };
        let (key, revision) = (key.clone(), reply.revision);
        let ended = match sink.post(&reply).await {
            Ok(message) => Body::ReplyPosted { key: key.clone(), revision, message },
            Err(Unposted::Later(error)) => return Tried::Later(error),
            Err(Unposted::Refused(why)) => {
                tracing::error!(operation.id = %key.operation, why, "a reply was refused and is set aside");
                Body::ReplyRefused { key: key.clone(), revision, why }
            }
        };
        let Some(note) = Note::of(ended) else { return Tried::Over };
        // Two deliveries may meet here; the record of the first makes the second one's look stale.
        let (stands, reads) = self.ledger().decide(|facts| {
            facts.fold::<Outbox>().and_then(|outbox| facts.row(&outbox.owed, &key)).is_none()
        });
        if stands {
            return Tried::Over;
        }
        let noted = self.ledger().append(Draft::note(note).provided(reads)).await;
        let owed = |facts: &Facts<'_>| facts.fold::<Outbox>().is_some_and(|o| o.owed.get(&key).is_some());
        if noted.is_err() || self.ledger().read(owed) { Tried::Anew } else { Tried::Over }
    }
}
