//! What a command is to the pipeline.
//!
//! A command reads facts and answers with plans; it does nothing itself. All its methods are pure, so that a decision
//! can be taken again when a fact has moved, and again after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use folkops_model::{
    Args, Card, CommandSpec, ComponentName, Context, Decision, Effect, Failure, Intent, OperationId, Outcome,
    PersonId, Place, Principal, Resource,
};
use folkops_record::{End, Facts, WaitsFor};

use crate::desk::Desk;
use crate::folds::EffectRow;

/// A command.
pub trait Command: Send + Sync {
    /// How it is declared.
    fn spec(&self) -> &'static CommandSpec;

    /// What policy shall judge. A card instead, when the facts alone make it moot, such as an unknown change.
    fn ask(&self, call: &Call<'_>, facts: &Facts<'_>) -> Result<Ask, Box<Card>>;

    /// What to do now that it is allowed.
    fn decide(&self, call: &Call<'_>, facts: &Facts<'_>) -> Plan;

    /// What to do when policy refuses but names a remedy; `None` to refuse.
    fn wait(&self, _call: &Call<'_>, _facts: &Facts<'_>, _decision: &Decision) -> Option<Plan> {
        None
    }

    /// A refusal by policy with what the facts add to it, such as what is missing and who is asked for it.
    fn explain(&self, _call: &Call<'_>, _facts: &Facts<'_>, refusal: Card) -> Card {
        refusal
    }

    /// What comes next in an operation that has work to do: at its start, and after each effect that ended.
    fn proceed(&self, _call: &Call<'_>, _facts: &Facts<'_>, _progress: &Progress<'_>) -> Step {
        Step::End { end: End::Done, intents: Vec::new(), card: None, private: Vec::new() }
    }
}

/// What policy shall judge.
#[derive(Debug, Clone)]
pub struct Ask {
    /// About what.
    pub resource: Resource,
    /// Which components it touches beside the resource's own: whoever asks needs the right in all of them.
    pub also: BTreeSet<ComponentName>,
    /// With which facts.
    pub context: Context,
}

impl Ask {
    /// About something, with these facts.
    pub fn about(resource: Resource, context: Context) -> Self {
        Self { resource, also: BTreeSet::new(), context }
    }
    /// Touching these components as well.
    #[must_use]
    pub fn touching(mut self, components: impl IntoIterator<Item = ComponentName>) -> Self {
        self.also.extend(components);
        self
    }
}

/// One call of a command.
pub struct Call<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// Where.
    pub place: &'a Place,
    /// With which arguments.
    pub args: &'a Args,
    /// As which operation.
    pub operation: &'a OperationId,
    /// What else a command may ask.
    pub desk: &'a Desk,
}

/// What a command wants, now that it is allowed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What becomes of the operation.
    pub work: Work,
    /// Changes of desired state.
    pub intents: Vec<Intent>,
    /// Other operations that end by this one, with the last state of their card.
    pub ends: Vec<(OperationId, End, Option<Card>)>,
    /// Other operations' cards, as they read from now on.
    pub also: Vec<(OperationId, Card)>,
    /// Alerts, new or as they read from now on.
    pub alerts: Vec<Alert>,
    /// The reply, unless there is nothing to say.
    pub card: Option<Card>,
    /// Replies that only one person sees.
    pub private: Vec<Private>,
    /// People who are told, once for this subject, that they are needed.
    pub told: Option<(String, BTreeSet<PersonId>)>,
}

/// What becomes of an operation.
#[derive(Debug, Clone)]
pub enum Work {
    /// Nothing more.
    Answered,
    /// Nothing, because the facts are against it.
    Refused,
    /// It starts by itself later.
    Waits(WaitsFor),
    /// It has effects to come, one operation at a time for this lock.
    Does {
        /// The lock.
        lock: String,
        /// How long it may take altogether.
        within: Duration,
    },
}

/// A card beside an operation's own, in the room itself and not in the thread that the operation was asked for in. It
/// opens a thread when it has a brief line.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Whose work it is about.
    pub operation: OperationId,
    /// What of it: there is one card for each matter, and raising it again edits that.
    pub matter: Matter,
    /// As it reads from now on.
    pub card: Card,
}

/// What an alert is about, among those of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matter(pub u16);

impl Matter {
    /// The first place among an operation's cards that an alert has; those below are its own card and private ones.
    pub(crate) const FIRST_SLOT: u32 = 1_000;

    /// Which matter has this place among an operation's cards; none where the place is not an alert's.
    pub fn of_slot(slot: u32) -> Option<Self> {
        slot.checked_sub(Self::FIRST_SLOT)?.try_into().ok().map(Self)
    }

    /// Its place among the operation's cards.
    pub(crate) fn slot(self) -> u32 {
        Self::FIRST_SLOT + u32::from(self.0)
    }
}

/// A reply for one person.
#[derive(Debug, Clone)]
pub struct Private {
    /// Who sees it.
    pub person: PersonId,
    /// What.
    pub card: Card,
}

impl Plan {
    /// Just says something.
    pub fn answer(card: Card) -> Self {
        Self::of(Work::Answered, Some(card))
    }
    /// Says why not.
    pub fn refuse(card: Card) -> Self {
        Self::of(Work::Refused, Some(card))
    }
    /// Has nothing to say for itself.
    pub fn quiet() -> Self {
        Self::of(Work::Answered, None)
    }
    /// Says what it waits for.
    pub fn wait(waits: WaitsFor, card: Card) -> Self {
        Self::of(Work::Waits(waits), Some(card))
    }
    /// Goes to work.
    pub fn work(lock: impl Into<String>, within: Duration, card: Option<Card>) -> Self {
        Self::of(Work::Does { lock: lock.into(), within }, card)
    }
    /// Adds a change of desired state.
    #[must_use]
    pub fn intend(mut self, intent: Intent) -> Self {
        self.intents.push(intent);
        self
    }
    /// Adds the end of another operation.
    #[must_use]
    pub fn ending(mut self, operation: OperationId, end: End, card: Option<Card>) -> Self {
        self.ends.push((operation, end, card));
        self
    }
    /// Changes another operation's card.
    #[must_use]
    pub fn also(mut self, operation: OperationId, card: Card) -> Self {
        self.also.push((operation, card));
        self
    }
    /// Raises alerts, or edits them.
    #[must_use]
    pub fn alerting(mut self, alerts: impl IntoIterator<Item = Alert>) -> Self {
        self.alerts.extend(alerts);
        self
    }
    /// Adds a reply that only one person sees.
    #[must_use]
    pub fn privately(mut self, person: &PersonId, card: Card) -> Self {
        self.private.push(Private { person: person.clone(), card });
        self
    }
    /// Tells people once that they are needed.
    #[must_use]
    pub fn telling(mut self, subject: impl Into<String>, people: BTreeSet<PersonId>) -> Self {
        self.told = Some((subject.into(), people));
        self
    }

    fn of(work: Work, card: Option<Card>) -> Self {
        Self {
            work,
            intents: Vec::new(),
            ends: Vec::new(),
            also: Vec::new(),
            alerts: Vec::new(),
            card,
            private: Vec::new(),
            told: None,
        }
    }
}

/// The next step of an operation.
#[derive(Debug, Clone)]
pub enum Step {
    /// These effects come next.
    Owe {
        /// In this order; they may run side by side.
        effects: Vec<Effect>,
        /// Changes of desired state that go with them.
        intents: Vec<Intent>,
        /// What the card says now, if it changes.
        card: Option<Card>,
        /// Replies that only one person sees.
        private: Vec<Private>,
    },
    /// Other effects are still under way.
    Wait,
    /// It is over.
    End {
        /// How.
        end: End,
        /// Last changes of desired state.
        intents: Vec<Intent>,
        /// What the card says at the end.
        card: Option<Card>,
        /// Replies that only one person sees.
        private: Vec<Private>,
    },
    /// Other operations' cards read anew with it.
    Also {
        /// Which, and how.
        cards: Vec<(OperationId, Card)>,
        /// The step itself.
        step: Box<Step>,
    },
    /// Alerts go with it.
    Alerting {
        /// New, or as they read from now on.
        alerts: Vec<Alert>,
        /// The step itself.
        step: Box<Step>,
    },
}

impl Step {
    /// This step with other operations' cards as they read from now on, if there are any.
    #[must_use]
    pub fn also(self, cards: Vec<(OperationId, Card)>) -> Self {
        if cards.is_empty() { self } else { Self::Also { cards, step: Box::new(self) } }
    }

    /// This step with alerts, if there are any.
    #[must_use]
    pub fn alerting(self, alerts: impl IntoIterator<Item = Alert>) -> Self {
        let alerts: Vec<Alert> = alerts.into_iter().collect();
        if alerts.is_empty() { self } else { Self::Alerting { alerts, step: Box::new(self) } }
    }
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a>(pub &'a BTreeMap<u32, EffectRow>);

impl<'a> Progress<'a> {
    /// Whether nothing was owed yet.
    pub fn is_start(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether anything is still under way.
    pub fn is_pending(&self) -> bool {
        self.0.values().any(|row| row.outcome.is_none())
    }
    /// The first effect that failed.
    pub fn failure(&self) -> Option<&'a Failure> {
        self.outcomes()
            .find_map(|outcome| if let Outcome::Failed(failure) = outcome { Some(failure) } else { None })
    }
    /// How the effects that ended did so.
    pub fn outcomes(&self) -> impl Iterator<Item = &'a Outcome> + use<'a> {
        self.0.values().filter_map(|row| row.outcome.as_ref())
    }
    /// Whether an effect of this sort was owed.
    pub fn owed(&self, which: impl Fn(&Effect) -> bool) -> bool {
        self.0.values().any(|row| which(&row.effect))
    }
}
