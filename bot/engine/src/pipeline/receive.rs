//! The first stage: what was said becomes a durable request, or is turned away with a time to come back.
//!
//! Nobody is told "accepted" before the request is on disk. A redelivery gets the first answer; an edit never runs.

use std::time::Duration;

use folkops_model::{BodyHash, Cause, MessageId, Place, Principal, Request, RequestId, ports::random_word};
use folkops_record::{AppendError, Body, Draft, KeyringError, Note, Read, StoreError};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Engine;
use crate::admission;
use crate::desk::hex;
use crate::folds::Operations;
use crate::text::{Reading, read};

/// Something said, as a surface hands it in.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Where.
    pub place: Place,
    /// Who.
    pub principal: Principal,
    /// The surface's own id for it; the same one again is a redelivery.
    pub message: MessageId,
    /// The words.
    pub text: String,
    /// Why, when nobody said it.
    pub cause: Cause,
    /// When it was said, UTC, where the surface knows: one that delivers for days may repeat what is long forgotten.
    pub said: Option<Timestamp>,
}

/// A request that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// For the first time.
    New(RequestId),
    /// It had been received before.
    Again(RequestId),
}

/// A request that was turned away. Nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Too much at once from one person or one network.
    #[error("that is a lot at once; try again in {} s", .0.as_secs().max(1))]
    TooFast(Duration),
    /// Too much waits already.
    #[error("a lot is waiting to be handled; try again in a few seconds")]
    Busy,
    /// The same message with other words: an edit.
    #[error("an edited message does not run; say it again as a new one")]
    Edited,
    /// It may have been received before: messages of its age are not known any more.
    #[error("that was said too long ago to tell whether it is new; say it again")]
    Old,
    /// It is longer than a message may be.
    #[error("a message may have {LONGEST} characters; this one is longer")]
    TooLong,
    /// Storage has failed; the process is ending.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key store has failed.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// The program is stopping.
    #[error("the program is stopping; try again in a few seconds")]
    Stopping,
}

/// The longest message in characters.
pub const LONGEST: usize = 4_000;

enum Before {
    Never(Vec<Read>),
    Same(RequestId),
    Other,
    Forgotten,
}

impl Engine {
    /// Receives one message; ends when it is durable.
    pub async fn receive(&self, inbound: Inbound) -> Result<Receipt, Rejected> {
        if inbound.text.chars().count() > LONGEST {
            return Err(Rejected::TooLong);
        }
        let body = body_hash(&inbound.text);
        let mut admitted = false;
        loop {
            let reads = match self.seen(&inbound, &body) {
                Before::Same(request) => return Ok(Receipt::Again(request)),
                Before::Other => return Err(Rejected::Edited),
                Before::Forgotten => return Err(Rejected::Old),
                Before::Never(reads) => reads,
            };
            let safety = self.is_safety(&inbound);
            if !admitted {
                self.admit(&inbound, safety)?;
                admitted = true;
            }
            let lane = if safety { &self.shared.safety } else { &self.shared.ordinary };
            let place = lane.try_reserve().map_err(|full| match full {
                tokio::sync::mpsc::error::TrySendError::Full(()) => Rejected::Busy,
                tokio::sync::mpsc::error::TrySendError::Closed(()) => Rejected::Stopping,
            })?;
            let request = self.request(&inbound, &body)?;
            let id = request.id.clone();
            match self.write(request, reads).await {
                Ok(()) => {
                    place.send(id.clone());
                    return Ok(Receipt::New(id));
                }
                Err(AppendError::Moved) => {}
                Err(AppendError::Store(error)) => return Err(error.into()),
                Err(AppendError::Encode(error)) => return Err(StoreError::Write(error.to_string()).into()),
            }
        }
    }

    fn seen(&self, inbound: &Inbound, body: &BodyHash) -> Before {
        let (before, reads) = self.ledger().decide(|facts| {
            let operations = facts.fold::<Operations>()?;
            let Some(request) = facts.row(&operations.messages, &inbound.message) else {
                let forgotten = operations.forgotten.get(&inbound.place.surface)?;
                return inbound.said.is_some_and(|said| said <= *forgotten).then_some(Before::Forgotten);
            };
            let same = operations.requests.get(request)?.request.body == *body;
            Some(if same { Before::Same(request.clone()) } else { Before::Other })
        });
        before.unwrap_or(Before::Never(reads))
    }

    fn is_safety(&self, inbound: &Inbound) -> bool {
        let Reading::Line(line) = read(&inbound.text) else { return false };
        let found = self.desk().registry.find(&line.name, &inbound.principal);
        found.is_ok_and(|command| admission::is_safety(command.spec()))
    }

    fn admit(&self, inbound: &Inbound, safety: bool) -> Result<(), Rejected> {
        let Some(person) = inbound.principal.person() else { return Ok(()) };
        let limits = &self.shared.parts.limits;
        let now = self.clock().monotonic();
        let lane = if safety { "safety" } else { "ordinary" };
        let person = format!("{lane}/{person}");
        let surface = format!("{lane}/{}", inbound.place.surface);
        let buckets = &self.shared.buckets;
        buckets.take(&person, now, limits.person_burst, limits.person_every).map_err(Rejected::TooFast)?;
        buckets.take(&surface, now, limits.surface_burst, limits.surface_every).map_err(Rejected::TooFast)
    }

    fn request(&self, inbound: &Inbound, body: &BodyHash) -> Result<Request, Rejected> {
        let word = random_word(self.desk().entropy.as_ref(), 16);
        let id = RequestId::parse(&word).map_err(|error| StoreError::Write(error.to_string()))?;
        Ok(Request {
            id,
            place: inbound.place.clone(),
            principal: inbound.principal.clone(),
            message: inbound.message.clone(),
            body: body.clone(),
            text: self.desk().keyring.seal(&inbound.text)?,
            cause: inbound.cause.clone(),
            received: self.clock().now(),
        })
    }

    async fn write(&self, request: Request, reads: Vec<Read>) -> Result<(), AppendError> {
        let Some(note) = Note::of(Body::RequestReceived(request)) else { return Ok(()) };
        let recorded = self.ledger().append(Draft::note(note).provided(reads)).await?;
        tracing::debug!(record.sequence = recorded.sequence(), "request received");
        Ok(())
    }
}

/// SHA-256 of a message's words.
#[expect(clippy::expect_used, reason = "64 lower-case hex characters are a body hash by construction")]
fn body_hash(text: &str) -> BodyHash {
    BodyHash::parse(&hex(&Sha256::digest(text.as_bytes()))).expect("a SHA-256 in hex is a body hash")
}
