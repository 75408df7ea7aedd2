//! The middle of the pipeline: parse, authorise, decide, and append all of it at once.
//!
//! A decision is pure; when a fact moved before it was appended, it is simply taken again. A request whose handling
//! panics, or ends the program, three times is set aside with a visible reply, so that it cannot block its lane or come
//! back for ever.

use folkops_model::{
    Action, ArgKind, Args, Card, ChangeName, Class, CommandSpec, Decision, OperationId, Place, Principal,
    Request, RequestId, ports::random_word,
};
use folkops_record::{
    Accepted, AppendError, Audience, Body, Decided, Draft, Facts, Note, Permitted, Refused, Reply, ReplyKey,
    RequestEnd,
};

use super::Engine;
use crate::cards;
use crate::command::{Alert, Call, Command, Plan, Work};
use crate::folds::{Operations, RequestState};
use crate::ports::Unavailable;
use crate::text::{Misread, Reading, read};

/// How often handling is tried before a request is set aside.
const ATTEMPTS: u32 = 3;

/// How often a decision is taken again because a fact moved, before it counts as a failed attempt.
const DECISIONS: u32 = 50;

/// A command that has been read, about to be judged.
pub(super) struct Ready {
    pub(super) command: std::sync::Arc<dyn Command>,
    pub(super) args: Args,
    pub(super) operation: OperationId,
    pub(super) request: Request,
}

impl Engine {
    /// Handles one request to its end, whatever happens on the way.
    pub(super) async fn handle(&self, id: RequestId) {
        let engine = self.clone();
        let request = id.clone();
        let handled = tokio::spawn(async move { engine.handle_once(&request).await }).await;
        match handled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(request.id = %id, %error, "a request could not be handled");
                self.failed(&id).await;
            }
            Err(panic) => {
                tracing::error!(request.id = %id, %panic, "handling a request panicked");
                self.failed(&id).await;
            }
        }
    }

    /// Handles a request that was open when the program last ended.
    ///
    /// INVARIANT: that it may have ended the program is on disk before it is tried again, so no input ends it for ever.
    pub(super) async fn handle_again(&self, id: &RequestId) {
        self.failed(id).await;
    }

    async fn failed(&self, id: &RequestId) {
        let row =
            self.ledger().read(|facts| facts.fold::<Operations>().and_then(|o| o.requests.get(id).cloned()));
        let Some(row) = row else { return };
        let RequestState::Received(attempts) = row.state else { return };
        if attempts + 1 < ATTEMPTS {
            let counted = self.note(Body::RequestFailed { request: id.clone(), attempt: attempts + 1 }).await;
            if counted.is_ok() {
                Box::pin(self.handle(id.clone())).await;
            }
            return;
        }
        tracing::error!(request.id = %id, "a request failed or ended the program {ATTEMPTS} times; it is set aside");
        let card = cards::parked();
        if let Err(error) = self.end_request(&row.request, RequestEnd::Parked, Some(card)).await {
            tracing::error!(request.id = %id, %error, "a request could not be set aside");
        }
    }

    async fn handle_once(&self, id: &RequestId) -> Result<(), AppendError> {
        let row =
            self.ledger().read(|facts| facts.fold::<Operations>().and_then(|o| o.requests.get(id).cloned()));
        let Some(row) = row.filter(|row| matches!(row.state, RequestState::Received(_))) else {
            return Ok(());
        };
        let request = row.request;
        let Some(text) = self.desk().keyring.open(&request.text) else {
            return self.end_request(&request, RequestEnd::Talk, None).await;
        };
        let line = match read(&text) {
            Reading::Talk => return self.end_request(&request, RequestEnd::Talk, None).await,
            Reading::Misread(wrong) => return self.misread(&request, &wrong).await,
            Reading::Line(line) => line,
        };
        let (command, mut args) = match self.desk().parse(&line, &request.principal, &request.place) {
            Ok(parsed) => parsed,
            Err(wrong) => return self.misread(&request, &wrong).await,
        };
        for text in args.texts_mut() {
            text.sealed = self.desk().keyring.seal(&text.clear).ok();
        }
        // What the program says by itself rests on the record; the world is asked by its effects.
        let said = request.principal.person().is_some();
        if said && let Err(error) = self.look_for(command.spec(), &args, &request.place).await {
            let card = cards::unavailable(&error.0);
            return self.end_request(&request, RequestEnd::Misread, Some(card)).await;
        }
        self.learn(&request.principal).await;
        let operation = self.mint();
        self.decide(Ready { command, args, operation, request }).await
    }

    /// Looks at what a command with these words reads of the world. Looking and making things safer need no vetting.
    async fn look_for(&self, spec: &CommandSpec, args: &Args, place: &Place) -> Result<(), Unavailable> {
        if !reads_changes(spec) {
            return Ok(());
        }
        let lookout = &self.shared.parts.lookout;
        lookout.look().await?;
        if matches!(spec.class, Class::Read | Class::Safety) {
            return Ok(());
        }
        let changes = spec.args.iter().flat_map(|arg| args.changes(arg.name));
        let here = place.about.iter().cloned().map(ChangeName::Whole);
        lookout.vet(&changes.chain(here).collect::<Vec<_>>()).await
    }

    async fn misread(&self, request: &Request, wrong: &Misread) -> Result<(), AppendError> {
        self.end_request(request, RequestEnd::Misread, Some(cards::misread(wrong))).await
    }

    async fn end_request(
        &self,
        request: &Request,
        end: RequestEnd,
        card: Option<Card>,
    ) -> Result<(), AppendError> {
        let Some(note) = Note::of(Body::RequestEnded { request: request.id.clone(), end }) else {
            return Ok(());
        };
        let mut draft = Draft::note(note);
        if let Some(card) = card {
            draft = draft.reply(first_reply(self.mint(), request, card));
        }
        let recorded = self.ledger().append(draft).await?;
        self.follow(&recorded);
        Ok(())
    }

    /// Judges and decides until the facts hold still, then appends; what follows is started once it is durable.
    pub(super) async fn decide(&self, ready: Ready) -> Result<(), AppendError> {
        for _ in 0..DECISIONS {
            let (draft, reads) = self.ledger().decide(|facts| self.draft(&ready, facts));
            let pending =
                match self.ledger().submit(draft.provided(reads).because(ready.request.cause.clone())) {
                    Ok(pending) => pending,
                    Err(AppendError::Moved) => continue,
                    Err(error) => return Err(error),
                };
            let engine = self.clone();
            tokio::spawn(async move {
                match engine.ledger().durable(pending).await {
                    Ok(recorded) => engine.follow(&recorded),
                    Err(error) => tracing::error!(%error, "a decision is not durable"),
                }
            });
            return Ok(());
        }
        Err(AppendError::Moved)
    }

    fn draft(&self, ready: &Ready, facts: &Facts<'_>) -> Draft {
        let call = self.call(ready);
        let ask = match ready.command.ask(&call, facts) {
            Ok(ask) => ask,
            Err(card) => return self.moot(ready, &call, facts, *card),
        };
        let action = self.desk().action(ready.command.spec(), call.principal, facts, ask);
        match Permitted::obtain(self.desk().authority.as_ref(), action) {
            Ok(permitted) => {
                let plan = ready.command.decide(&call, facts);
                self.permitted(ready, &permitted, plan, facts)
            }
            Err(refused) => self.refused(ready, &call, &refused, facts),
        }
    }

    fn call<'a>(&'a self, ready: &'a Ready) -> Call<'a> {
        Call {
            principal: &ready.request.principal,
            place: &ready.request.place,
            args: &ready.args,
            operation: &ready.operation,
            desk: self.desk(),
        }
    }

    /// The facts alone are against it: recorded as judged by nobody, refused by the facts.
    fn moot(&self, ready: &Ready, call: &Call<'_>, facts: &Facts<'_>, card: Card) -> Draft {
        let end =
            Note::of(Body::RequestEnded { request: ready.request.id.clone(), end: RequestEnd::Misread });
        let reply = self.reply(ready, facts, 0, Audience::Everyone, card);
        match end {
            Some(note) if !self.is_known(facts, call.operation) => Draft::note(note).reply(reply),
            _ => Draft::ended(call.operation.clone(), folkops_record::End::Failed).reply(reply),
        }
    }

    fn is_known(&self, facts: &Facts<'_>, operation: &OperationId) -> bool {
        facts.fold::<Operations>().is_some_and(|o| facts.row(&o.operations, operation).is_some())
    }

    fn refused(&self, ready: &Ready, call: &Call<'_>, refused: &Refused, facts: &Facts<'_>) -> Draft {
        let waiting = ready.command.wait(call, facts, refused.decision());
        let plan = waiting.unwrap_or_else(|| {
            let refusal = self.refusal(facts, refused.action(), refused.decision());
            Plan::refuse(ready.command.explain(call, facts, refusal))
        });
        let accepted = match &plan.work {
            Work::Waits(waits) => Accepted::Waiting(waits.clone()),
            Work::Answered | Work::Refused | Work::Does { .. } => Accepted::Refused,
        };
        let decided = decided(ready, refused.action(), refused.decision(), accepted);
        let mut draft = Draft::refused(ready.operation.clone(), refused, decided);
        if let Some((subject, people)) = plan.told
            && let Some(note) = Note::of(Body::PeopleTold { subject, people })
        {
            draft = draft.and(note);
        }
        match plan.card.filter(|_| !is_unasked(refused.action())) {
            Some(card) => draft.reply(self.reply(ready, facts, 0, Audience::Everyone, card)),
            None => draft,
        }
    }

    fn permitted(&self, ready: &Ready, permitted: &Permitted, plan: Plan, facts: &Facts<'_>) -> Draft {
        let accepted = match plan.work {
            Work::Answered => Accepted::Answered,
            Work::Refused => Accepted::Refused,
            Work::Waits(waits) => Accepted::Waiting(waits),
            Work::Does { lock, within } => Accepted::Work { lock, deadline: facts.now() + within },
        };
        let decided = decided(ready, permitted.action(), permitted.decision(), accepted);
        let mut draft = Draft::permitted(ready.operation.clone(), permitted, decided);
        for intent in plan.intents {
            draft = draft.intend(intent);
        }
        for (operation, end, card) in plan.ends {
            draft = draft.end_other(operation.clone(), end);
            if let Some(reply) = card.and_then(|card| self.edit(facts, &operation, card)) {
                draft = draft.reply(reply);
            }
        }
        for (operation, card) in plan.also {
            if let Some(reply) = self.edit(facts, &operation, card) {
                draft = draft.reply(reply);
            }
        }
        for alert in plan.alerts {
            if let Some(reply) = self.alert(facts, alert) {
                draft = draft.reply(reply);
            }
        }
        if let Some(note) =
            plan.told.and_then(|(subject, people)| Note::of(Body::PeopleTold { subject, people }))
        {
            draft = draft.and(note);
        }
        if let Some(card) = plan.card {
            let card = cards::with_old_rights(card, permitted.action().rights_as_of.as_ref());
            draft = draft.reply(self.reply(ready, facts, 0, Audience::Everyone, card));
        }
        for (slot, private) in (1..).zip(plan.private) {
            draft = draft.reply(self.reply(ready, facts, slot, Audience::Only(private.person), private.card));
        }
        draft.finish()
    }

    fn reply(&self, ready: &Ready, facts: &Facts<'_>, slot: u32, audience: Audience, card: Card) -> Reply {
        let operations = facts.fold::<Operations>();
        let known = operations.and_then(|o| o.operations.get(&ready.operation));
        let revision = known.and_then(|o| o.cards.get(&slot)).map_or(0, |last| last + 1);
        let key = ReplyKey { operation: ready.operation.clone(), slot };
        let answers = Some(ready.request.message.clone());
        Reply { key, revision, place: ready.request.place.clone(), audience, card, answers }
    }

    /// The next state of an operation's first card.
    pub(super) fn edit(&self, facts: &Facts<'_>, id: &OperationId, card: Card) -> Option<Reply> {
        let operation = facts.row(&facts.fold::<Operations>()?.operations, id)?;
        let card = cards::with_old_rights(card, operation.old_rights());
        self.state(facts, ReplyKey { operation: id.clone(), slot: 0 }, card)
    }

    /// The next state of an alert; it stands in the room itself.
    pub(super) fn alert(&self, facts: &Facts<'_>, alert: Alert) -> Option<Reply> {
        let key = ReplyKey { operation: alert.operation, slot: alert.matter.slot() };
        let reply = self.state(facts, key, alert.card)?;
        Some(Reply { place: Place { thread: None, ..reply.place }, answers: None, ..reply })
    }

    fn state(&self, facts: &Facts<'_>, key: ReplyKey, card: Card) -> Option<Reply> {
        let operations = facts.fold::<Operations>()?;
        let operation = facts.row(&operations.operations, &key.operation)?;
        let revision = operation.cards.get(&key.slot).map_or(0, |last| last + 1);
        let answers = operations.requests.get(&operation.request).map(|row| row.request.message.clone());
        let audience = Audience::Everyone;
        Some(Reply { key, revision, place: operation.place.clone(), audience, card, answers })
    }

    #[expect(clippy::expect_used, reason = "a random word of sixteen letters is an id by construction")]
    pub(super) fn mint(&self) -> OperationId {
        OperationId::parse(&random_word(self.desk().entropy.as_ref(), 16)).expect("a random word is an id")
    }
}

fn reads_changes(spec: &CommandSpec) -> bool {
    spec.args.iter().any(|arg| matches!(arg.kind, ArgKind::Change | ArgKind::Sha))
}

/// Whether nobody asked to be told and nothing was to be done: where policy has it untold, that is not told either.
fn is_unasked(action: &Action) -> bool {
    action.principal == Principal::Automation && action.class == Class::Read
}

fn decided(ready: &Ready, action: &Action, decision: &Decision, accepted: Accepted) -> Decided {
    Decided {
        request: ready.request.id.clone(),
        place: ready.request.place.clone(),
        action: action.clone(),
        args: ready.args.clone(),
        decision: decision.clone(),
        accepted,
    }
}

fn first_reply(operation: OperationId, request: &Request, card: Card) -> Reply {
    Reply {
        key: ReplyKey { operation, slot: 0 },
        revision: 0,
        place: request.place.clone(),
        audience: Audience::Everyone,
        card,
        answers: Some(request.message.clone()),
    }
}
