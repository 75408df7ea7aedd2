//! What a command is to the pipeline, and the registry of them.
//!
//! A command reads facts and answers with plans; it does nothing itself. All its methods are pure, so that a decision
//! can be taken again when a fact has moved, and again after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use folkops_model::{
    Action, Args, Authority, Card, CommandSpec, Context, Decision, Effect, Failure, Group, Intent,
    OperationId, Outcome, Owner, PersonId, Place, PreviewId, Principal, Resource, Sealed, ports::Entropy,
    ports::random_word,
};
use folkops_record::{End, Facts, Keyring, KeyringError, WaitsFor};
use sha2::{Digest as _, Sha256};

use crate::folds::{EffectRow, People};
use crate::text::{Line, Misread, Reading, grammar, read};

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
    /// With which facts.
    pub context: Context,
}

/// One call of a command.
pub struct Call<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// In which groups they stand.
    pub groups: &'a BTreeSet<Group>,
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
    /// Tells people once that they are needed.
    #[must_use]
    pub fn telling(mut self, subject: impl Into<String>, people: BTreeSet<PersonId>) -> Self {
        self.told = Some((subject.into(), people));
        self
    }

    fn of(work: Work, card: Option<Card>) -> Self {
        Self { work, intents: Vec::new(), ends: Vec::new(), card, private: Vec::new(), told: None }
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

/// All commands, by name and alias.
#[derive(Clone, Default)]
pub struct Registry {
    commands: Vec<Arc<dyn Command>>,
}

impl Registry {
    /// Of these, in the order in which help shows them.
    pub fn new(commands: Vec<Arc<dyn Command>>) -> Self {
        Self { commands }
    }

    /// Every declaration.
    pub fn specs(&self) -> impl Iterator<Item = &'static CommandSpec> + '_ {
        self.commands.iter().map(|command| command.spec())
    }

    /// The command of a name or an alias that this principal can say.
    pub fn find(&self, name: &str, principal: &Principal) -> Result<&Arc<dyn Command>, Misread> {
        let sayable = |spec: &CommandSpec| !spec.internal || *principal == Principal::Automation;
        let named = |spec: &CommandSpec| spec.name == name || spec.aliases.contains(&name);
        let found = self.commands.iter().find(|c| named(c.spec()) && sayable(c.spec()));
        found.ok_or_else(|| Misread::Unknown { given: name.to_owned(), nearest: self.nearest(name) })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.specs().filter(|spec| !spec.internal);
        let names = names.flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
        let scored = names.map(|known| (strsim::osa_distance(known, name), known));
        scored
            .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
            .min()
            .map(|(_, known)| known.to_owned())
    }
}

/// The addresses that replies name.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The site, without a slash at the end, such as `http://folkops.localhost:7070`.
    pub site: String,
    /// Scheme of the service and of previews, `http` or `https`.
    pub scheme: String,
    /// Host and port of the service, such as `potluck.localhost:7080`.
    pub service: String,
    /// Whether each person has a host of their own below the service's, named by their account in the service.
    pub owner_hosts: bool,
    /// Host and port below which previews stand.
    pub previews: String,
}

impl Addresses {
    /// Where a preview is.
    pub fn preview(&self, preview: &PreviewId) -> String {
        format!("{}://{preview}.{}/", self.scheme, self.previews)
    }
    /// Where a person's own service is.
    pub fn service_of(&self, owner: &Owner) -> String {
        if self.owner_hosts {
            format!("{}://{owner}.{}/", self.scheme, self.service)
        } else {
            format!("{}://{}/", self.scheme, self.service)
        }
    }
}

/// A one-time link, minted.
#[derive(Debug, Clone)]
pub struct MintedLink {
    /// SHA-256 of its token, hex: what is kept.
    pub hash: String,
    /// The whole link, sealed: what one person gets to see.
    pub link: Sealed,
}

/// What a judge said to a line, without anything being done.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The command's declaration.
    pub spec: &'static CommandSpec,
    /// What was judged.
    pub action: Action,
    /// The judgement.
    pub decision: Decision,
}

/// What a command may ask beside facts.
pub struct Desk {
    /// All commands.
    pub registry: Registry,
    /// The judge.
    pub authority: Arc<dyn Authority>,
    /// Seals what only one person may see.
    pub keyring: Arc<dyn Keyring>,
    /// Draws tokens.
    pub entropy: Arc<dyn Entropy>,
    /// The addresses that replies name.
    pub addresses: Addresses,
    /// The service.
    pub service: folkops_model::ServiceId,
}

impl Desk {
    /// The action of a call, with the facts that policy asks for.
    pub fn action(&self, spec: &'static CommandSpec, call: &Call<'_>, ask: Ask) -> Action {
        Action {
            service: self.service.clone(),
            principal: call.principal.clone(),
            groups: call.groups.clone(),
            command: spec.name.to_owned(),
            class: spec.class,
            resource: ask.resource,
            context: ask.context,
        }
    }

    /// Who else would be allowed to do this, in order of their ids.
    pub fn who_could(&self, facts: &Facts<'_>, action: &Action) -> Vec<PersonId> {
        let Some(people) = facts.fold::<People>() else { return Vec::new() };
        let could = |(id, person): (&PersonId, &crate::folds::Person)| {
            let action = Action {
                principal: Principal::Person(id.clone()),
                groups: person.groups.clone(),
                ..action.clone()
            };
            self.authority.judge(&action).allows().then(|| id.clone())
        };
        people.people.iter().filter_map(could).collect()
    }

    /// What the judge would say if this call's principal said that line. Nothing happens.
    pub fn would(&self, call: &Call<'_>, facts: &Facts<'_>, line: &str) -> Result<Judged, Box<Card>> {
        let misread = |misread: Misread| Box::new(crate::cards::misread(&misread));
        let text = if line.starts_with('/') { line.to_owned() } else { format!("/{line}") };
        let line = match read(&text) {
            Reading::Line(line) => line,
            Reading::Misread(wrong) => return Err(misread(wrong)),
            Reading::Talk => return Err(misread(Misread::Unknown { given: text, nearest: None })),
        };
        let (command, args) = self.parse(&line, call.principal).map_err(misread)?;
        let call = Call { args: &args, ..*call };
        let ask = command.ask(&call, facts)?;
        let action = self.action(command.spec(), &call, ask);
        let decision = self.authority.judge(&action);
        Ok(Judged { spec: command.spec(), action, decision })
    }

    /// Finds the command of a line and matches its words.
    pub fn parse(&self, line: &Line, principal: &Principal) -> Result<(Arc<dyn Command>, Args), Misread> {
        let command = self.registry.find(&line.name, principal)?.clone();
        let args = grammar::parse(command.spec(), line)?;
        Ok((command, args))
    }

    /// Mints a one-time link to a person's own service.
    pub fn link(&self, owner: &Owner) -> Result<MintedLink, KeyringError> {
        let token = random_word(self.entropy.as_ref(), 32);
        let hash = hex(&Sha256::digest(token.as_bytes()));
        let link = format!("{}.folkops/join/{token}", self.addresses.service_of(owner));
        Ok(MintedLink { hash, link: self.keyring.seal(&link)? })
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
