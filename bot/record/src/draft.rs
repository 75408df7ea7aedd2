//! Drafts: records about to be appended together.
//!
//! Each way of making a draft takes the proof that it needs. Observations and conversation need none; intents and
//! effects need a `Permitted` or, later in the same operation, the `Due` whose end brings them about.

use folkops_model::{Cause, Effect, Intent, OldRights, OperationId};

use crate::facts::Read;
use crate::kinds::{Body, Decided, End, Reply, Settled};
use crate::permit::{Permitted, Refused};
use crate::record::Due;

/// Records about to be appended, all or none.
#[derive(Debug, Clone)]
#[must_use = "a draft does nothing until the ledger appends it"]
pub struct Draft {
    pub(crate) reads: Vec<Read>,
    pub(crate) cause: Option<Cause>,
    pub(crate) bodies: Vec<(Option<OperationId>, Body)>,
}

impl Draft {
    /// Something seen, said or administered: no intent, no effect.
    pub fn note(body: Note) -> Self {
        Self { reads: Vec::new(), cause: None, bodies: vec![(None, body.0)] }
    }

    /// Several of those together; `None` when there are none.
    pub fn notes(notes: impl IntoIterator<Item = Note>) -> Option<Self> {
        let mut notes = notes.into_iter();
        let first = Self::note(notes.next()?);
        Some(notes.fold(first, Self::and))
    }

    /// The outcome of a judgement that allowed.
    pub fn permitted(operation: OperationId, permitted: &Permitted, decided: Decided) -> Work {
        debug_assert_eq!(permitted.action(), &decided.action, "what is recorded is what was judged");
        Work(Self::of(operation, Body::OperationDecided(decided)))
    }

    /// The outcome of a judgement that refused.
    pub fn refused(operation: OperationId, refused: &Refused, decided: Decided) -> Self {
        debug_assert_eq!(refused.action(), &decided.action, "what is recorded is what was judged");
        Self::of(operation, Body::OperationDecided(decided))
    }

    /// The end of an effect, from which more may follow.
    pub fn settled(due: &Due, settled: Settled) -> Work {
        Work(Self::of(due.operation().clone(), Body::EffectSettled(settled)))
    }

    /// The first effects of an operation that was permitted earlier and has its turn now.
    pub fn started(operation: OperationId) -> Work {
        Work(Self::of(operation, Body::OperationStarted {}))
    }

    /// The end of an operation that brought about nothing more.
    pub fn ended(operation: OperationId, end: End) -> Self {
        Self::of(operation, Body::OperationEnded { end })
    }

    /// The beginning of an effect by rights that are older than they may be for anything but safety.
    pub fn trusted(due: &Due, rights: OldRights) -> Self {
        Self::of(due.operation().clone(), Body::EffectTrusted { index: due.index(), rights })
    }

    fn of(operation: OperationId, body: Body) -> Self {
        Self { reads: Vec::new(), cause: None, bodies: vec![(Some(operation), body)] }
    }

    /// The append holds only if these still hold.
    pub fn provided(mut self, reads: Vec<Read>) -> Self {
        self.reads.extend(reads);
        self
    }

    /// Says why, where nobody said it.
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Adds a note to the same append.
    pub fn and(mut self, note: Note) -> Self {
        self.bodies.push((None, note.0));
        self
    }

    /// Adds a reply that is owed, also one of another operation.
    pub fn reply(mut self, reply: Reply) -> Self {
        self.bodies.push((Some(reply.key.operation.clone()), Body::ReplyOwed(reply)));
        self
    }

    fn own(&self) -> Option<OperationId> {
        self.bodies.first().and_then(|(operation, _)| operation.clone())
    }
}

/// A draft that may carry intents and effects.
#[derive(Debug, Clone)]
#[must_use = "a draft does nothing until the ledger appends it"]
pub struct Work(Draft);

impl Work {
    /// Adds a change of desired state.
    pub fn intend(mut self, intent: Intent) -> Self {
        self.0.bodies.push((self.0.own(), Body::Intended(intent)));
        self
    }
    /// Adds an effect that is owed.
    pub fn owe(mut self, index: u32, effect: Effect) -> Self {
        self.0.bodies.push((self.0.own(), Body::EffectOwed { index, effect }));
        self
    }
    /// Adds the operation's start.
    pub fn start(mut self) -> Self {
        self.0.bodies.push((self.0.own(), Body::OperationStarted {}));
        self
    }
    /// Adds the operation's end.
    pub fn end(mut self, end: End) -> Self {
        self.0.bodies.push((self.0.own(), Body::OperationEnded { end }));
        self
    }
    /// Adds the end of another operation, which this one supersedes or takes back.
    pub fn end_other(mut self, operation: OperationId, end: End) -> Self {
        self.0.bodies.push((Some(operation), Body::OperationEnded { end }));
        self
    }
    /// Adds a note.
    pub fn and(mut self, note: Note) -> Self {
        self.0 = self.0.and(note);
        self
    }
    /// Adds a reply that is owed.
    pub fn reply(mut self, reply: Reply) -> Self {
        self.0 = self.0.reply(reply);
        self
    }
    /// Nothing more to add.
    pub fn finish(self) -> Draft {
        self.0
    }
}

/// A body that neither intends nor acts.
#[derive(Debug, Clone)]
pub struct Note(Body);

impl Note {
    /// Takes any body but intents, effects and judgements; those have ways of their own, and give `None` here.
    pub fn of(body: Body) -> Option<Self> {
        let acts = matches!(
            body,
            Body::Intended(_)
                | Body::EffectOwed { .. }
                | Body::EffectTrusted { .. }
                | Body::EffectSettled(_)
                | Body::OperationDecided(_)
        );
        (!acts).then_some(Self(body))
    }
}
