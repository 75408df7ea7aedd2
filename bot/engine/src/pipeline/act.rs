//! Acting: effects whose record is durable are done, at least once, and their end is recorded with what follows.
//!
//! Before one begins, the rights of whoever asked are judged again: what was withdrawn meanwhile is not done.
//! What cannot be done now is tried again, ever more slowly, until the operation's deadline; the hands look first
//! whether it has happened already.

use std::sync::PoisonError;
use std::time::Duration;

use folkops_model::{OperationId, Outcome};
use folkops_record::{AppendError, Draft, Due, Facts, Settled};
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::command::Progress;
use crate::folds::{OperationState, Operations};

/// The first pause before an effect is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

impl Engine {
    /// Starts one effect.
    pub(super) fn perform(&self, due: Due) {
        if self.shared.stopping.is_cancelled() {
            return;
        }
        let token = {
            let mut at_work = self.shared.at_work.lock().unwrap_or_else(PoisonError::into_inner);
            at_work.entry(due.operation().clone()).or_default().clone()
        };
        let engine = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = engine.perform_until_done(&due) => {}
            }
        });
    }

    /// Stops the effects of an operation that is over.
    pub(super) fn give_up(&self, operation: &OperationId) {
        let mut at_work = self.shared.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = at_work.remove(operation) {
            CancellationToken::cancel(&token);
        }
    }

    async fn perform_until_done(&self, due: &Due) {
        if !self.may_begin(due).await {
            return;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            match self.shared.parts.hands.perform(due).await {
                Ok(outcome) => return self.settle(due, outcome).await,
                Err(error) => {
                    tracing::warn!(operation.id = %due.operation(), effect.index = due.index(), %error, "an effect will be tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn settle(&self, due: &Due, outcome: Outcome) {
        loop {
            let (draft, reads) = self.ledger().decide(|facts| self.settlement(facts, due, &outcome));
            let Some(draft) = draft else { return };
            match self.ledger().append(draft.provided(reads)).await {
                Ok(recorded) => return self.follow(&recorded),
                Err(AppendError::Moved) => {}
                Err(error) => {
                    tracing::error!(operation.id = %due.operation(), %error, "an effect's end could not be recorded");
                    return;
                }
            }
        }
    }

    /// The end of an effect and the step that follows from it; nothing when the operation is over meanwhile.
    fn settlement(&self, facts: &Facts<'_>, due: &Due, outcome: &Outcome) -> Option<Draft> {
        let operations = facts.fold::<Operations>()?;
        let operation = facts.row(&operations.operations, due.operation())?;
        let open = operation.effects.get(&due.index()).is_some_and(|row| row.outcome.is_none());
        if !open || !matches!(operation.state, OperationState::Running { .. }) {
            return None;
        }
        let mut effects = operation.effects.clone();
        effects.entry(due.index()).and_modify(|row| row.outcome = Some(outcome.clone()));
        let call = self.call_of(operation, due.operation());
        let step = self.command_of(operation)?.proceed(&call, facts, &Progress(&effects));
        let settled = Settled { index: due.index(), outcome: outcome.clone() };
        Some(self.stepped(facts, due.operation(), operation, Draft::settled(due, settled), step))
    }
}
