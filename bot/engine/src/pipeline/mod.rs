//! The pipeline itself. One file a stage; this one holds what they share and starts the lanes.
//!
//! Requests are handled one at a time in the order in which they became durable, in two lanes: one for everything, one
//! that only safety verbs use, so that nothing stands in front of a rollback.

mod act;
mod handle;
mod receive;
mod recover;
mod reply;
mod rights;
mod turn;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use folkops_model::{OperationId, RequestId, SurfaceName, ports::Clock};
use folkops_record::{Body, Draft, Ledger, Note, Recorded};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::admission::{Buckets, Limits};
use crate::desk::Desk;
use crate::ports::{Hands, Lookout, ReplySink, RightsSource};

pub use receive::{Inbound, Receipt, Rejected};

/// What the engine is made of.
pub struct EngineParts {
    /// The journal.
    pub ledger: Arc<Ledger>,
    /// Commands, judge, keys, addresses.
    pub desk: Desk,
    /// Does effects.
    pub hands: Arc<dyn Hands>,
    /// Looks at changes before a decision that needs them.
    pub lookout: Arc<dyn Lookout>,
    /// Who says what people may do beside what is given here, by the surface of the accounts that it knows.
    pub rights: BTreeMap<SurfaceName, Arc<dyn RightsSource>>,
    /// Where replies go, by surface.
    pub sinks: BTreeMap<SurfaceName, Arc<dyn ReplySink>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Admission.
    pub limits: Limits,
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    parts: EngineParts,
    buckets: Buckets,
    ordinary: mpsc::Sender<RequestId>,
    safety: mpsc::Sender<RequestId>,
    at_work: Mutex<BTreeMap<OperationId, CancellationToken>>,
    stopping: CancellationToken,
}

impl Engine {
    /// Starts the lanes and takes up what was under way when the program last stopped.
    pub fn start(parts: EngineParts) -> Self {
        let (ordinary, ordinary_in) = mpsc::channel(parts.limits.queue);
        let (safety, safety_in) = mpsc::channel(parts.limits.queue);
        let shared = Shared {
            parts,
            buckets: Buckets::default(),
            ordinary,
            safety,
            at_work: Mutex::default(),
            stopping: CancellationToken::new(),
        };
        let engine = Self { shared: Arc::new(shared) };
        tokio::spawn(engine.clone().lane(ordinary_in));
        tokio::spawn(engine.clone().lane(safety_in));
        engine.recover();
        engine
    }

    /// Takes no more requests from the lanes and starts no more effects. What is owed is taken up at the next start.
    pub fn stop(&self) {
        self.shared.stopping.cancel();
        let mut at_work = self.shared.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.values().for_each(CancellationToken::cancel);
        at_work.clear();
    }

    /// The journal.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.parts.ledger
    }

    /// Commands, judge, keys, addresses.
    pub fn desk(&self) -> &Desk {
        &self.shared.parts.desk
    }

    /// Time.
    pub fn clock(&self) -> &dyn Clock {
        self.shared.parts.clock.as_ref()
    }

    async fn lane(self, mut requests: mpsc::Receiver<RequestId>) {
        loop {
            let request = tokio::select! {
                () = self.shared.stopping.cancelled() => return,
                request = requests.recv() => request,
            };
            let Some(request) = request else { return };
            self.handle(request).await;
        }
    }

    /// Appends something seen or administered, and lets everything follow that follows from it. Gives the
    /// place of the last record.
    pub async fn note(&self, body: Body) -> Result<u64, crate::ports::Unavailable> {
        let note = Note::of(body)
            .ok_or_else(|| crate::ports::Unavailable("intents and effects need a judgement".into()))?;
        self.note_draft(Draft::note(note)).await
    }

    /// Appends a draft of notes, and lets everything follow that follows from it. Gives the place of the last record.
    pub async fn note_draft(&self, draft: Draft) -> Result<u64, crate::ports::Unavailable> {
        let recorded = self.ledger().append(draft).await;
        let recorded = recorded.map_err(|error| crate::ports::Unavailable(error.to_string()))?;
        self.follow(&recorded);
        Ok(recorded.sequence())
    }

    /// Starts whatever a durable append brings about: effects, replies, turns, second looks at waiting requests.
    fn follow(&self, recorded: &Recorded) {
        for reply in recorded.replies() {
            self.deliver(reply.key.clone());
        }
        for due in recorded.due() {
            self.perform(due);
        }
        let mut reconsider = false;
        for record in recorded.records() {
            match &record.body {
                Body::OperationEnded { .. } => {
                    record.operation.iter().for_each(|id| self.give_up(id));
                    self.turns();
                }
                Body::OperationDecided(_) => self.turns(),
                Body::ChangeObserved { .. } | Body::ChangeGone { .. } | Body::PersonGranted { .. } => {
                    reconsider = true
                }
                Body::Intended(
                    folkops_model::Intent::AllowCommit { .. } | folkops_model::Intent::CarryCommit { .. },
                ) => reconsider = true,
                _ => {}
            }
        }
        if reconsider {
            self.reconsider();
        }
    }
}
