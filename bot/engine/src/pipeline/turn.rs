//! Whose turn it is: operations that wait for a lock, operations that wait for people, operations that took too long.
//!
//! A turn is judged again before anything happens: rights that were withdrawn while an operation waited count.

use std::sync::Arc;

use folkops_model::{OperationId, Principal, Request};
use folkops_record::{AppendError, Draft, End, Facts, WaitsFor, Work};

use super::Engine;
use super::handle::Ready;
use crate::cards;
use crate::command::{Call, Command, Matter, Progress, Step};
use crate::folds::{Operation, OperationState, Operations};

impl Engine {
    /// Starts the first operation of every lock's queue that is not at work yet.
    pub(super) fn turns(&self) {
        let heads = self.ledger().read(|facts| {
            let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
            let heads = operations.locks.iter().filter_map(|(_, queue)| queue.first());
            let queued = |id: &&OperationId| {
                let state = operations.operations.get(id).map(|operation| &operation.state);
                matches!(state, Some(OperationState::Queued { .. }))
            };
            heads.filter(queued).cloned().collect::<Vec<_>>()
        });
        for id in heads {
            let engine = self.clone();
            tokio::spawn(async move { engine.begin(&id).await });
        }
    }

    async fn begin(&self, id: &OperationId) {
        self.learn_for(id).await;
        loop {
            let (draft, reads) = self.ledger().decide(|facts| self.first_step(facts, id));
            let Some(draft) = draft else { return };
            match self.ledger().append(draft.provided(reads)).await {
                Ok(recorded) => return self.follow(&recorded),
                Err(AppendError::Moved) => {}
                Err(error) => {
                    tracing::error!(operation.id = %id, %error, "an operation could not start");
                    return;
                }
            }
        }
    }

    fn first_step(&self, facts: &Facts<'_>, id: &OperationId) -> Option<Draft> {
        let operations = facts.fold::<Operations>()?;
        let operation = facts.row(&operations.operations, id)?;
        let OperationState::Queued { lock, .. } = &operation.state else { return None };
        facts.row(&operations.locks, lock).filter(|queue| queue.first() == Some(id))?;
        let command = self.command_of(operation)?;
        if let Some(card) = self.not_any_more(facts, &operation.action) {
            let reply = self.edit(facts, id, card)?;
            return Some(Draft::ended(id.clone(), End::Failed).reply(reply));
        }
        let call = self.call_of(operation, id);
        let step = command.proceed(&call, facts, &Progress(&operation.effects));
        Some(self.stepped(facts, id, operation, Draft::started(id.clone()), step))
    }

    /// Adds a step to a draft of the same operation.
    pub(super) fn stepped(
        &self,
        facts: &Facts<'_>,
        id: &OperationId,
        operation: &Operation,
        draft: Work,
        step: Step,
    ) -> Draft {
        let mut draft = draft;
        let next = operation.effects.keys().next_back().map_or(0, |last| last + 1);
        let (intents, card, private) = match step {
            Step::Wait => return draft.finish(),
            Step::Also { cards, step } => {
                let replies = cards.into_iter().filter_map(|(other, card)| self.edit(facts, &other, card));
                return self.stepped(facts, id, operation, replies.fold(draft, Work::reply), *step);
            }
            Step::Alerting { alerts, step } => {
                let replies = alerts.into_iter().filter_map(|alert| self.alert(facts, alert));
                return self.stepped(facts, id, operation, replies.fold(draft, Work::reply), *step);
            }
            Step::Owe { effects, intents, card, private } => {
                for intent in intents {
                    draft = draft.intend(intent);
                }
                for (index, effect) in (next..).zip(effects) {
                    draft = draft.owe(index, effect);
                }
                (Vec::new(), card, private)
            }
            Step::End { end, intents, card, private } => {
                draft = draft.end(end);
                (intents, card, private)
            }
        };
        for intent in intents {
            draft = draft.intend(intent);
        }
        if let Some(reply) = card.and_then(|card| self.edit(facts, id, card)) {
            draft = draft.reply(reply);
        }
        let own = operation.cards.range(..Matter::FIRST_SLOT);
        let first_free = own.last().map_or(1, |(last, _)| last + 1);
        for (slot, private) in (first_free..).zip(private) {
            draft = draft.reply(folkops_record::Reply {
                key: folkops_record::ReplyKey { operation: id.clone(), slot },
                revision: 0,
                place: operation.place.clone(),
                audience: folkops_record::Audience::Only(private.person),
                card: private.card,
                answers: None,
            });
        }
        draft.finish()
    }

    pub(super) fn command_of(&self, operation: &Operation) -> Option<Arc<dyn Command>> {
        self.desk().registry.find(&operation.action.command, &Principal::Automation).ok().cloned()
    }

    pub(super) fn call_of<'a>(&'a self, operation: &'a Operation, id: &'a OperationId) -> Call<'a> {
        Call {
            principal: &operation.action.principal,
            place: &operation.place,
            args: &operation.args,
            operation: id,
            desk: self.desk(),
        }
    }

    /// Looks again at every request that waits for people, since something has happened that may concern it.
    pub(super) fn reconsider(&self) {
        let waiting = self.ledger().read(|facts| {
            let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
            let waiting = |id: &&OperationId| {
                let state = operations.operations.get(id).map(|operation| &operation.state);
                matches!(state, Some(OperationState::Waiting(WaitsFor::Commits(_))))
            };
            operations.live.iter().map(|(id, ())| id).filter(waiting).cloned().collect::<Vec<_>>()
        });
        for id in waiting {
            let engine = self.clone();
            tokio::spawn(async move { engine.look_again(&id).await });
        }
    }

    async fn look_again(&self, id: &OperationId) {
        let ready = self.ledger().read(|facts| {
            let operations = facts.fold::<Operations>()?;
            let operation = operations.operations.get(id)?;
            let request: Request = operations.requests.get(&operation.request)?.request.clone();
            let command = self.command_of(operation)?;
            let changed = !matches!(operation.state, OperationState::Ended(_));
            changed.then(|| Ready { command, args: operation.args.clone(), operation: id.clone(), request })
        });
        let Some(ready) = ready else { return };
        if self.ledger().read(|facts| self.still_waits(facts, &ready)) {
            return;
        }
        self.learn(&ready.request.principal).await;
        if self.ledger().read(|facts| self.still_waits(facts, &ready)) {
            return;
        }
        if let Err(error) = self.decide(ready).await {
            tracing::error!(operation.id = %id, %error, "a waiting request could not be looked at again");
        }
    }

    /// Whether looking again would say just what the card says already.
    fn still_waits(&self, facts: &Facts<'_>, ready: &Ready) -> bool {
        let Some(operations) = facts.fold::<Operations>() else { return true };
        let Some(operation) = operations.operations.get(&ready.operation) else { return true };
        let call = self.call_of(operation, &ready.operation);
        let Ok(ask) = ready.command.ask(&call, facts) else { return false };
        let action = self.desk().action(ready.command.spec(), call.principal, facts, ask);
        let decision = self.desk().authority.judge(&action);
        let waits = ready.command.wait(&call, facts, &decision).map(|plan| plan.work);
        match (&operation.state, waits) {
            (OperationState::Waiting(old), Some(crate::command::Work::Waits(new))) => {
                !decision.allows() && *old == new
            }
            (OperationState::Waiting(_), _) => false,
            _ => true,
        }
    }

    /// Ends what has taken too long. Called every second or so.
    pub async fn expire(&self) {
        let late = self.ledger().read(|facts| {
            let Some(operations) = facts.fold::<Operations>() else { return Vec::new() };
            let late =
                |id: &&OperationId| match operations.operations.get(id).map(|operation| &operation.state) {
                    Some(
                        OperationState::Queued { deadline, .. } | OperationState::Running { deadline, .. },
                    ) => *deadline <= facts.now(),
                    _ => false,
                };
            operations.live.iter().map(|(id, ())| id).filter(late).cloned().collect::<Vec<_>>()
        });
        for id in late {
            let draft = self.ledger().read(|facts| {
                let operation = facts.row(&facts.fold::<Operations>()?.operations, &id)?;
                let reply = self.edit(facts, &id, cards::expired(&operation.action))?;
                Some(Draft::ended(id.clone(), End::Expired).reply(reply))
            });
            let Some(draft) = draft else { continue };
            match self.ledger().append(draft).await {
                Ok(recorded) => self.follow(&recorded),
                Err(error) => {
                    tracing::error!(operation.id = %id, %error, "a late operation could not be ended")
                }
            }
        }
    }
}
