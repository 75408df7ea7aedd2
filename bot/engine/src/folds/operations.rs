//! Requests and what became of them; operations, their effects, and who holds which lock.
//!
//! What is over is kept for a while and then forgotten here, oldest first, so that neither memory nor a start grows with
//! the journal; the journal forgets nothing.

use std::collections::BTreeMap;

use folkops_model::{
    Action, Args, Decision, Effect, MessageId, OldRights, OperationId, Outcome, Place, Request, RequestId,
    SurfaceName,
};
use folkops_record::{Accepted, AnyTable, Body, End, Fold, Record, RequestEnd, Table, WaitsFor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many requests that are over stay known: for `/why`, and for messages that a surface delivers again.
pub const KEPT: usize = 5_000;

/// A request and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// What was said.
    pub request: Request,
    /// What became of it.
    pub state: RequestState,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// Nothing yet; handling it failed this often.
    Received(u32),
    /// It became an operation.
    Decided(OperationId),
    /// It ended otherwise.
    Ended(RequestEnd),
}

/// How far a network was read for what was never delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// When it was read for the first time, UTC: what is older was not said to us.
    pub first: Timestamp,
    /// Up to when, UTC.
    pub until: Timestamp,
}

/// The journalled work of one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The request it came from.
    pub request: RequestId,
    /// Where its replies go.
    pub place: Place,
    /// What was judged.
    pub action: Action,
    /// With which arguments.
    pub args: Args,
    /// The judgement.
    pub decision: Decision,
    /// Where it stands.
    pub state: OperationState,
    /// When it was decided, UTC.
    pub decided: Timestamp,
    /// Its effects in order.
    pub effects: BTreeMap<u32, EffectRow>,
    /// The newest revision of each of its cards.
    pub cards: BTreeMap<u32, u32>,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    /// It starts by itself when something has happened.
    Waiting(WaitsFor),
    /// It waits for its turn.
    Queued {
        /// For this lock.
        lock: String,
        /// Given up at, UTC.
        deadline: Timestamp,
    },
    /// It is at work.
    Running {
        /// Holding this lock.
        lock: String,
        /// Given up at, UTC.
        deadline: Timestamp,
    },
    /// It is over.
    Ended(End),
}

/// An effect and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRow {
    /// What.
    pub effect: Effect,
    /// The record that owes it.
    pub sequence: u64,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// Where it began by rights of a while ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<OldRights>,
}

impl Operation {
    /// Whether it may still do something.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, OperationState::Ended(_))
    }

    /// The rights of a while ago that it was judged by, or that its last such effect began by.
    pub fn old_rights(&self) -> Option<&OldRights> {
        let trusted = self.effects.values().rev().find_map(|row| row.trusted.as_ref());
        trusted.or(self.action.rights_as_of.as_ref())
    }

    /// The lock it holds or waits for.
    pub fn lock(&self) -> Option<&str> {
        match &self.state {
            OperationState::Queued { lock, .. } | OperationState::Running { lock, .. } => Some(lock),
            OperationState::Waiting(_) | OperationState::Ended(_) => None,
        }
    }
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Operations {
    /// By id.
    pub requests: Table<RequestId, RequestRow>,
    /// By the surface's message id: what was received as it.
    pub messages: Table<MessageId, RequestId>,
    /// By id.
    pub operations: Table<OperationId, Operation>,
    /// By name of the lock: who holds it, then who waits, in order.
    pub locks: Table<String, Vec<OperationId>>,
    /// Operations that are not over.
    pub live: Table<OperationId, ()>,
    /// Requests that nothing has become of.
    pub open: Table<RequestId, ()>,
    /// Requests that are over, by the record that ended them.
    over: Table<u64, RequestId>,
    /// By network: when the newest message was received that is forgotten. What was said no later is never new.
    pub forgotten: Table<SurfaceName, Timestamp>,
    /// By network and component, `github/web`: how far it was read for what was never delivered.
    pub scanned: Table<String, Scanned>,
    /// By network and component, `github/web`: another program there that answers the same words, by its number.
    pub others: Table<String, String>,
    /// For what people were told that they are needed.
    pub told: Table<String, std::collections::BTreeSet<folkops_model::PersonId>>,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            requests: Table::new("requests"),
            messages: Table::new("messages"),
            operations: Table::new("operations"),
            locks: Table::new("locks"),
            live: Table::new("live-operations"),
            open: Table::new("open-requests"),
            over: Table::new("requests-over"),
            forgotten: Table::new("messages-forgotten"),
            scanned: Table::new("scanned"),
            others: Table::new("other-bots"),
            told: Table::new("told"),
        }
    }
}

impl Operations {
    fn end_request(&mut self, at: u64, request: &RequestId, state: RequestState) {
        self.requests.change(at, request, |row| row.state = state);
        self.open.remove(at, request);
    }

    /// Nothing more comes of a request; the oldest such is forgotten when there are too many.
    fn is_over(&mut self, at: u64, request: RequestId) {
        self.over.put(at, at, request);
        while self.over.len() > KEPT
            && let Some((_, oldest)) = self.over.pop_first(at)
        {
            self.forget(at, &oldest);
        }
    }

    fn forget(&mut self, at: u64, request: &RequestId) {
        let Some(row) = self.requests.remove(at, request) else { return };
        self.messages.remove(at, &row.request.message);
        let surface = row.request.place.surface;
        let before = self.forgotten.get(&surface).copied().unwrap_or(Timestamp::MIN);
        self.forgotten.put(at, surface, before.max(row.request.received));
        if let RequestState::Decided(operation) = row.state {
            self.operations.remove(at, &operation);
        }
    }

    fn decided(&mut self, record: &Record, id: &OperationId, decided: &folkops_record::Decided) {
        let at = record.sequence;
        self.end_request(at, &decided.request, RequestState::Decided(id.clone()));
        let state = match &decided.accepted {
            Accepted::Answered => OperationState::Ended(End::Done),
            Accepted::Refused => OperationState::Ended(End::Failed),
            Accepted::Waiting(waits) => OperationState::Waiting(waits.clone()),
            Accepted::Work { lock, deadline } => {
                OperationState::Queued { lock: lock.clone(), deadline: *deadline }
            }
        };
        let cards = self.operations.get(id).map(|earlier| earlier.cards.clone()).unwrap_or_default();
        let operation = Operation {
            request: decided.request.clone(),
            place: decided.place.clone(),
            action: decided.action.clone(),
            args: decided.args.clone(),
            decision: decided.decision.clone(),
            state,
            decided: record.time,
            effects: BTreeMap::new(),
            cards,
        };
        if let Some(lock) = operation.lock() {
            self.queue(at, lock.to_owned(), id);
        }
        if operation.is_live() {
            self.live.put(at, id.clone(), ());
        } else {
            self.live.remove(at, id);
            self.is_over(at, decided.request.clone());
        }
        self.operations.put(at, id.clone(), operation);
    }

    fn queue(&mut self, at: u64, lock: String, id: &OperationId) {
        let mut queue = self.locks.get(&lock).cloned().unwrap_or_default();
        if !queue.contains(id) {
            queue.push(id.clone());
        }
        self.locks.put(at, lock, queue);
    }

    fn ended(&mut self, at: u64, id: &OperationId, end: End) {
        let lock = self.operations.get(id).and_then(|operation| operation.lock().map(str::to_owned));
        if let Some(lock) = lock {
            let mut queue = self.locks.get(&lock).cloned().unwrap_or_default();
            queue.retain(|other| other != id);
            if queue.is_empty() {
                self.locks.remove(at, &lock);
            } else {
                self.locks.put(at, lock, queue);
            }
        }
        self.operations.change(at, id, |operation| operation.state = OperationState::Ended(end));
        self.live.remove(at, id);
        if let Some(request) = self.operations.get(id).map(|operation| operation.request.clone()) {
            self.is_over(at, request);
        }
    }

    fn of_operation(&mut self, record: &Record, id: &OperationId) {
        let at = record.sequence;
        match &record.body {
            Body::OperationDecided(decided) => self.decided(record, id, decided),
            Body::OperationStarted {} => self.operations.change(at, id, |operation| {
                if let OperationState::Queued { lock, deadline } = &operation.state {
                    operation.state = OperationState::Running { lock: lock.clone(), deadline: *deadline };
                }
            }),
            Body::EffectOwed { index, effect } => self.operations.change(at, id, |operation| {
                let row = EffectRow { effect: effect.clone(), sequence: at, outcome: None, trusted: None };
                operation.effects.insert(*index, row);
            }),
            Body::EffectTrusted { index, rights } => self.operations.change(at, id, |operation| {
                if let Some(row) = operation.effects.get_mut(index) {
                    row.trusted = Some(rights.clone());
                }
            }),
            Body::EffectSettled(settled) => self.operations.change(at, id, |operation| {
                if let Some(row) = operation.effects.get_mut(&settled.index) {
                    row.outcome = Some(settled.outcome.clone());
                }
            }),
            Body::OperationEnded { end } => self.ended(at, id, *end),
            Body::ReplyOwed(reply) => self.operations.change(at, id, |operation| {
                operation.cards.insert(reply.key.slot, reply.revision);
            }),
            _ => {}
        }
    }
}

impl Fold for Operations {
    fn apply(&mut self, record: &Record) {
        let at = record.sequence;
        match &record.body {
            Body::RequestReceived(request) => {
                self.messages.put(at, request.message.clone(), request.id.clone());
                self.open.put(at, request.id.clone(), ());
                let row = RequestRow { request: request.clone(), state: RequestState::Received(0) };
                self.requests.put(at, request.id.clone(), row);
            }
            Body::RequestFailed { request, attempt } => {
                self.requests.change(at, request, |row| row.state = RequestState::Received(*attempt));
            }
            Body::RequestEnded { request, end } => {
                self.end_request(at, request, RequestState::Ended(*end));
                self.is_over(at, request.clone());
            }
            Body::OtherBotSeen { account, component } => {
                self.others.put(at, format!("{}/{component}", account.surface), account.id.clone());
            }
            Body::SurfaceScanned { surface, component, until } => {
                let key = format!("{surface}/{component}");
                let first = self.scanned.get(&key).map_or(*until, |scanned| scanned.first);
                self.scanned.put(at, key, Scanned { first, until: *until });
            }
            Body::PeopleTold { subject, people } => {
                let mut told = self.told.get(subject).cloned().unwrap_or_default();
                told.extend(people.iter().cloned());
                self.told.put(at, subject.clone(), told);
            }
            _ => {
                if let Some(id) = &record.operation {
                    self.of_operation(record, id);
                }
            }
        }
    }

    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.requests,
            &self.messages,
            &self.operations,
            &self.locks,
            &self.live,
            &self.open,
            &self.over,
            &self.forgotten,
            &self.scanned,
            &self.others,
            &self.told,
        ]
    }

    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.requests,
            &mut self.messages,
            &mut self.operations,
            &mut self.locks,
            &mut self.live,
            &mut self.open,
            &mut self.over,
            &mut self.forgotten,
            &mut self.scanned,
            &mut self.others,
            &mut self.told,
        ]
    }
}
