//! Recovery: after a start, everything goes on where the record says it stood.
//!
//! Nothing here guesses: requests without a decision are handled one after the other, which counts as a failure before it
//! is tried, because what ended the program may be one of them; effects without an end are done again (the hands
//! look first), replies that are owed are posted, and turns are given.

use folkops_model::{Effect, OperationId};
use folkops_record::Facts;

use super::Engine;
use crate::folds::{OperationState, Operations, Outbox};

impl Engine {
    /// Takes up what was under way.
    pub(super) fn recover(&self) {
        let open = self.ledger().read(|facts| {
            let operations = facts.fold::<Operations>();
            let mut open: Vec<_> = operations
                .into_iter()
                .flat_map(|o| o.open.iter().filter_map(|(id, ())| o.requests.get(id)))
                .map(|row| row.request.clone())
                .collect();
            open.sort_by_key(|request| request.received);
            open
        });
        let engine = self.clone();
        tokio::spawn(async move {
            for request in open {
                engine.handle_again(&request.id).await;
            }
        });
        for due in self.ledger().overdue(owed) {
            self.perform(due);
        }
        let replies = self.ledger().read(|facts| {
            let outbox = facts.fold::<Outbox>();
            outbox
                .into_iter()
                .flat_map(|outbox| outbox.owed.iter().map(|(key, ())| key.clone()))
                .collect::<Vec<_>>()
        });
        replies.into_iter().for_each(|key| self.deliver(key));
        self.turns();
        self.reconsider();
    }
}

fn owed(facts: &Facts<'_>) -> Vec<(OperationId, u32, Effect, u64)> {
    let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
    let live = operations.live.iter().filter_map(|(id, ())| operations.operations.get(id).map(|o| (id, o)));
    let running = live.filter(|(_, operation)| matches!(operation.state, OperationState::Running { .. }));
    running
        .flat_map(|(id, operation)| {
            let open = operation.effects.iter().filter(|(_, row)| row.outcome.is_none());
            open.map(move |(index, row)| (id.clone(), *index, row.effect.clone(), row.sequence))
        })
        .collect()
}
