//! What is said on pull requests, into the pipeline.
//!
//! The author's number decides who speaks, never a name; programs are not obeyed, ours no more than others. Whoever says
//! a command for the first time is known from then on, as a stranger until somebody or GitHub says otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use folkops_engine::{
    Audience, Body, Draft, Engine, Inbound, Lookout, Note, Operations, People, Receipt, Rejected, Reply,
    ReplyKey,
};
use folkops_model::ports::random_word;
use folkops_model::{
    Account, Card, CardState, Cause, ChangeNumber, ChangeRef, Group, Line, MessageId, OperationId, PersonId,
    Place, Principal,
};
use folkops_previews::Changes;
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify, OnceCell};

use crate::event::{Author, Event, Hand, Pressed, Pushed, Said};
use crate::github::GitHub;
use crate::settings::{Bare, place, surface};
use crate::words::{self, Words};

/// How often somebody new is made known when the record moved meanwhile.
const ATTEMPTS: u32 = 5;

/// Takes what is said on pull requests.
pub struct Intake {
    github: Arc<GitHub>,
    engine: OnceCell<Engine>,
    /// Another bot is told of one at a time, so that it is told once.
    telling: Mutex<()>,
    moved: Notify,
}

/// It was not taken, and may be later: nobody is told that it was.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Later(pub String);

/// Something for the pipeline, by an account.
struct Spoken<'a> {
    place: Place,
    by: &'a Author,
    message: MessageId,
    text: String,
    at: Option<Timestamp>,
}

impl Intake {
    /// In front of GitHub. `attach` gives it the engine before anything is taken.
    pub fn new(github: Arc<GitHub>) -> Self {
        Self { github, engine: OnceCell::new(), telling: Mutex::default(), moved: Notify::new() }
    }

    /// Gives it the engine into which it speaks, and what looks at repositories when something moved there.
    pub fn attach(self: &Arc<Self>, engine: Engine, lookout: Arc<dyn Lookout>) {
        if self.engine.set(engine).is_err() {
            tracing::warn!("the intake had an engine already");
            return;
        }
        let intake = self.clone();
        tokio::spawn(async move {
            loop {
                intake.moved.notified().await;
                if let Err(error) = lookout.look().await {
                    tracing::warn!(%error, "a repository that moved could not be looked at");
                }
            }
        });
    }

    /// The adapter's way to GitHub.
    pub fn github(&self) -> &Arc<GitHub> {
        &self.github
    }

    /// The engine, once it runs.
    ///
    /// # Errors
    /// [`Later`] while the program starts.
    pub fn engine(&self) -> Result<&Engine, Later> {
        self.engine.get().ok_or_else(|| Later("the program is still starting".into()))
    }

    /// Takes one event of the delivery with this id; ends when what was said is durable.
    ///
    /// # Errors
    /// [`Later`] where it was not taken and must be delivered again.
    pub async fn take(&self, event: Event, delivery: &str) -> Result<(), Later> {
        match event {
            Event::Said(said) => self.said(&said).await,
            Event::Approved { said, commit } => {
                self.said(&said).await?;
                if self.may_vouch(&said).await? {
                    self.approved(&said, commit.as_str()).await?;
                }
                Ok(())
            }
            Event::Pressed(pressed) => self.pressed(&pressed, delivery).await,
            Event::Pushed(pushed) => self.pushed(&pushed).await,
            Event::Moved { repository } => {
                if self.github.settings().component(&repository).is_some() {
                    self.moved.notify_one();
                }
                Ok(())
            }
            Event::Nothing => Ok(()),
        }
    }

    /// A comment, a review or a line comment: a command, or text that concerns nobody here.
    pub async fn said(&self, said: &Said) -> Result<(), Later> {
        let settings = self.github.settings();
        let Some(place) = self.place(&said.repository, said.number) else { return Ok(()) };
        if said.author.hand == Hand::Program {
            return self.heard_a_program(said, place).await;
        }
        let Some(words) = words::read(&said.text, &settings.prefix) else { return Ok(()) };
        if matches!(words, Words::Bare(_)) && !(self.knows(&words)? && self.bare_counts(&place)?) {
            return Ok(());
        }
        let message = words::message(said.source).map_err(|error| Later(error.to_string()))?;
        let text = words.line().to_owned();
        self.speak(Spoken { place, by: &said.author, message, text, at: Some(said.at) }).await
    }

    /// A program is never obeyed. One that answers the words that we answer is noted, once, and told of on the spot: from
    /// then on only our own prefix counts there.
    async fn heard_a_program(&self, said: &Said, place: Place) -> Result<(), Later> {
        let settings = self.github.settings();
        let Some(component) = place.about.as_ref().map(|about| about.component.clone()) else {
            return Ok(());
        };
        let engine = self.engine()?;
        let commands = engine.desk().registry.specs().filter(|spec| !spec.internal).map(|spec| spec.name);
        let ours = said.author.app == Some(settings.app);
        if ours || settings.bare != Bare::Alone || !words::speaks_of(&said.text, commands) {
            return Ok(());
        }
        let _one = self.telling.lock().await;
        if !self.bare_counts(&place)? {
            return Ok(());
        }
        let later = |error: &dyn std::fmt::Display| Later(error.to_string());
        let seen = Body::OtherBotSeen { account: account(&said.author), component };
        let word = random_word(engine.desk().entropy.as_ref(), 16);
        let key = ReplyKey { operation: OperationId::parse(&word).map_err(|error| later(&error))?, slot: 0 };
        let (audience, card) = (Audience::Everyone, told_of_another(&settings.prefix));
        let reply = Reply { key, revision: 0, place, audience, card, answers: None };
        let Some(note) = Note::of(seen) else { return Ok(()) };
        engine.note_draft(Draft::note(note).reply(reply)).await.map(drop).map_err(|error| later(&error))
    }

    /// Whether a command counts here without our prefix.
    fn bare_counts(&self, place: &Place) -> Result<bool, Later> {
        let Some(about) = &place.about else { return Ok(false) };
        let key = format!("{}/{}", place.surface, about.component);
        let other = || {
            Ok(self.engine()?.ledger().read(|facts| {
                facts.fold::<Operations>().is_some_and(|operations| operations.others.get(&key).is_some())
            }))
        };
        match self.github.settings().bare {
            Bare::Always => Ok(true),
            Bare::Never => Ok(false),
            Bare::Alone => other().map(|other: bool| !other),
        }
    }

    /// An approving review by somebody who may vouch lets exactly the commit run that they looked at.
    async fn approved(&self, said: &Said, commit: &str) -> Result<(), Later> {
        let Some(place) = self.place(&said.repository, said.number) else { return Ok(()) };
        let message = words::message(said.source).map_err(|error| Later(error.to_string()))?;
        let message =
            MessageId::parse(&format!("{message}-approved")).map_err(|error| Later(error.to_string()))?;
        let text = format!("/ok-to-test {commit}");
        self.speak(Spoken { place, by: &said.author, message, text, at: Some(said.at) }).await
    }

    /// Everybody may approve a pull request; only who may vouch here says something by it.
    async fn may_vouch(&self, said: &Said) -> Result<bool, Later> {
        let Some(component) = self.github.settings().component(&said.repository) else { return Ok(false) };
        let account = account(&said.author);
        let known = self.engine()?.ledger().read(|facts| {
            let (_, person) = facts.fold::<People>()?.by_account(&account)?;
            Some(person.groups.contains(&Group::Maintainer))
        });
        if known == Some(true) {
            return Ok(true);
        }
        let rights = self.github.rights_in(component, said.author.id).await;
        Ok(rights.map_err(|error| Later(error.to_string()))?.contains(&Group::Maintainer))
    }

    /// Notes who pushed, whether a person or a program, and looks at what came. The same push is noted once.
    async fn pushed(&self, pushed: &Pushed) -> Result<(), Later> {
        let Some(component) = self.github.settings().component(&pushed.repository) else { return Ok(()) };
        let change = ChangeRef { component: component.clone(), number: ChangeNumber(pushed.number) };
        let (before, after, by) = (pushed.before.clone(), pushed.after.clone(), account(&pushed.by));
        let engine = self.engine()?;
        let known = engine.ledger().read(|facts| {
            let pushes = facts.fold::<Changes>()?.pushed.get(&change)?;
            let newest = pushes.last()?;
            Some(newest.before == before && newest.after == after && newest.by == by)
        });
        if known != Some(true) {
            let body = Body::ChangePushed { change, before, after, by };
            engine.note(body).await.map_err(|error| Later(error.to_string()))?;
        }
        self.moved.notify_one();
        Ok(())
    }

    async fn pressed(&self, pressed: &Pressed, delivery: &str) -> Result<(), Later> {
        let Some((change, text)) = words::pressed(&pressed.key, &pressed.action) else { return Ok(()) };
        if self.github.settings().component(&pressed.repository) != Some(&change.component) {
            return Ok(());
        }
        let place = place(&change).map_err(|error| Later(error.to_string()))?;
        let Ok(message) = MessageId::parse(&format!("gh-press-{}", delivery.to_ascii_lowercase())) else {
            return Ok(());
        };
        self.speak(Spoken { place, by: &pressed.by, message, text, at: None }).await
    }

    fn place(&self, repository: &str, number: u32) -> Option<Place> {
        let component = self.github.settings().component(repository)?.clone();
        place(&ChangeRef { component, number: ChangeNumber(number) }).ok()
    }

    fn knows(&self, words: &Words) -> Result<bool, Later> {
        let registry = &self.engine()?.desk().registry;
        Ok(registry.specs().any(|spec| spec.name == words.name() || spec.aliases.contains(&words.name())))
    }

    async fn speak(&self, spoken: Spoken<'_>) -> Result<(), Later> {
        if spoken.by.hand == Hand::Program {
            return Ok(());
        }
        let engine = self.engine()?;
        let person = self.person(engine, spoken.by).await?;
        let (place, message) = (spoken.place, spoken.message);
        let inbound = Inbound {
            place: place.clone(),
            principal: Principal::Person(person),
            message: message.clone(),
            text: spoken.text,
            cause: Cause::Said,
            said: spoken.at,
        };
        match engine.receive(inbound).await {
            Ok(Receipt::New(_)) => {
                let github = self.github.clone();
                tokio::spawn(async move { github.seen(&place, &message).await });
                Ok(())
            }
            Ok(Receipt::Again(_)) | Err(Rejected::Edited | Rejected::Old | Rejected::TooLong) => Ok(()),
            Err(later) => Err(Later(later.to_string())),
        }
    }

    /// The person whose account this is; somebody new is made known, unless they became known meanwhile.
    async fn person(&self, engine: &Engine, author: &Author) -> Result<PersonId, Later> {
        let account = account(author);
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let (known, reads) = engine.ledger().decide(|facts| {
                facts.fold::<People>().and_then(|people| people.holder(facts, &account)).cloned()
            });
            if let Some(person) = known {
                return Ok(person);
            }
            let (person, joined) = newcomer(engine, author, &account).map_err(Later)?;
            match engine.note_draft(joined.provided(reads)).await {
                Ok(_) => return Ok(person),
                Err(error) => why = error.to_string(),
            }
        }
        Err(Later(why))
    }
}

/// Somebody who speaks for the first time: a stranger, by their account.
fn newcomer(engine: &Engine, author: &Author, account: &Account) -> Result<(PersonId, Draft), String> {
    let desk = engine.desk();
    let person =
        PersonId::parse(&random_word(desk.entropy.as_ref(), 16)).map_err(|error| error.to_string())?;
    let joined = Body::PersonJoined {
        person: person.clone(),
        name: desk.keyring.seal(&author.login).map_err(|error| error.to_string())?,
        groups: BTreeSet::new(),
        accounts: BTreeSet::from([account.clone()]),
        owner: None,
    };
    let note = Note::of(joined).ok_or("somebody cannot be made known")?;
    Ok((person, Draft::note(note)))
}

/// What is said once where another bot answers the same words.
fn told_of_another(prefix: &str) -> Card {
    let qualified = |command: &str| format!("/{prefix} {command}");
    Card::new(CardState::Held, "Another bot here answers the same words")
        .say(
            Line::new()
                .text("So that nothing is done twice, in this repository only the qualified form counts from now on: ")
                .code(qualified("promote"))
                .text("."),
        )
        .row("Next", Line::new().code(qualified("help")).text(" shows what can be said"))
        .row("Who", Line::new().text("An operator changes this with ").code("bare").text(" in the configuration"))
}

/// The account of an author.
fn account(author: &Author) -> Account {
    Account { surface: surface(), id: author.id.to_string() }
}
