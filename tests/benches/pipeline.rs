//! The shipped pipeline in this process: engine, judge, commands, ledger, journal, projection and key store.
//!
//! Nothing in it is made lighter but the world outside: hands that do nothing, a room that takes every reply at once,
//! and limits on people that a bench does not run into.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use folkops_embedded::Embedded;
use folkops_engine::admission::Limits;
use folkops_engine::{
    Addresses, Body, Desk, Engine, EngineParts, Folds, Inbound, Keyring, Ledger, Operations, Outbox, People,
    Registry, Reply, ReplySink, Rooms, Unposted,
};
use folkops_model::ports::Entropy;
use folkops_model::{
    Cause, ChangeNumber, DiffSummary, Group, MessageId, ObservedChange, Owner, PersonId, Place, Principal,
    RoomName, ServiceId, SurfaceName, Target,
};
use folkops_policies::{Judge, shipped};
use folkops_previews::{Changes, Mixes, Previews, Releases};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::hands::{IdleHands, component, sha, tree};
use crate::ports::{SystemClock, SystemEntropy};
use crate::settings::settings;

/// What the shipped program calls the projection's rows; with the same text it takes up what is written here.
const SCHEMA: &str = "1";

/// A pipeline at work.
pub struct Pipeline {
    /// The engine.
    pub engine: Engine,
    /// Its journal.
    pub ledger: Arc<Ledger>,
    keyring: Arc<dyn Keyring>,
    room: Arc<Room>,
    messages: AtomicU64,
}

/// A room that takes every reply at once and tells who waits for it.
#[derive(Default)]
struct Room {
    waiting: Mutex<BTreeMap<MessageId, oneshot::Sender<()>>>,
    posted: AtomicU64,
}

impl ReplySink for Room {
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>> {
        let number = self.posted.fetch_add(1, Ordering::Relaxed);
        let waiter =
            reply.place.thread.as_ref().and_then(|thread| self.waiting.lock().expect("whole").remove(thread));
        if let Some(waiter) = waiter {
            // Who said it may have stopped waiting, at the end of a round.
            let _gone = waiter.send(());
        }
        async move { Ok(message(format!("c-{number}"))) }.boxed()
    }
}

impl Pipeline {
    /// Opens a folder, new or used.
    pub async fn open(folder: &Path) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let config = folkops_embedded::Config {
            folder: folder.to_owned(),
            schema: SCHEMA.into(),
            entropy: entropy.clone(),
        };
        let Embedded { store, keyring } = folkops_embedded::open(config).expect("the folder can be opened");
        let clock = Arc::new(SystemClock::start());
        let service = ServiceId::parse("potluck").expect("a service's id");
        let ledger = Ledger::open(store, folds, clock.clone(), service.clone()).await;
        let ledger = Arc::new(ledger.expect("the journal can be read"));
        let room = Arc::new(Room::default());
        let engine = Engine::start(EngineParts {
            ledger: ledger.clone(),
            desk: desk(service, keyring.clone(), entropy),
            hands: Arc::new(IdleHands),
            lookout: Arc::new(IdleHands),
            rights: BTreeMap::new(),
            sinks: BTreeMap::from([(surface(), room.clone() as Arc<dyn ReplySink>)]),
            clock,
            limits: Limits { person_burst: u32::MAX, surface_burst: u32::MAX, ..Limits::default() },
        });
        Self { engine, ledger, keyring, room, messages: AtomicU64::new(0) }
    }

    /// Lets somebody in.
    pub async fn join(&self, name: &str, groups: &[Group]) -> Principal {
        let person = PersonId::parse(name).expect("a person's id");
        let joined = Body::PersonJoined {
            person: person.clone(),
            name: self.keyring.seal(name).expect("a name can be sealed"),
            groups: BTreeSet::from_iter(groups.iter().copied()),
            accounts: BTreeSet::new(),
            owner: Owner::parse(name).ok(),
        };
        self.engine.note(joined).await.expect("a person can be noted");
        Principal::Person(person)
    }

    /// A change is seen.
    pub async fn push(&self, name: &str, number: u32) {
        let change = ObservedChange {
            number: ChangeNumber(number),
            head: sha(&format!("change {number}")),
            tree: tree(&format!("change {number}")),
            base: sha(name),
            author: "mira".into(),
            author_name: String::new(),
            title: format!("Change {number}"),
            diff: DiffSummary { files: 1, added: 3, ..DiffSummary::default() },
            opened: None,
            target: Target::Production,
        };
        let author_name = self.keyring.seal("Mira").expect("a name can be sealed");
        let observed = Body::ChangeObserved { component: component(name), change, author_name };
        self.engine.note(observed).await.expect("a change can be noted");
    }

    /// Says something and waits until the first reply to it has been posted.
    pub async fn ask(&self, who: &Principal, text: &str) {
        let (answered, answer) = oneshot::channel();
        let thread = self.next_message();
        self.room.waiting.lock().expect("whole").insert(thread.clone(), answered);
        self.say(who, text, Some(thread)).await;
        answer.await.expect("every command is answered");
    }

    /// Says something; ends when that is durable.
    pub async fn say(&self, who: &Principal, text: &str, thread: Option<MessageId>) {
        let room = RoomName::parse("kitchen").expect("a room's name");
        let inbound = Inbound {
            place: Place { thread, ..Place::room(surface(), room) },
            principal: who.clone(),
            message: self.next_message(),
            text: text.into(),
            cause: Cause::Said,
            said: None,
        };
        self.engine.receive(inbound).await.expect("what is said is received");
    }

    /// Waits until no request is open, no operation is under way and no reply is owed.
    pub async fn quiet(&self) {
        let mut durable = self.ledger.subscribe();
        let is_quiet = || {
            self.ledger.read(|facts| {
                let (operations, outbox) = (facts.fold::<Operations>(), facts.fold::<Outbox>());
                operations.is_some_and(|o| o.open.is_empty() && o.locks.is_empty())
                    && outbox.is_some_and(|outbox| outbox.owed.is_empty())
            })
        };
        while !is_quiet() {
            durable.changed().await.expect("the ledger lives");
        }
    }

    fn next_message(&self) -> MessageId {
        message(format!("m-{}", self.messages.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Every fold that the shipped program has, in its order.
fn folds() -> Folds {
    Folds::new()
        .with(People::default())
        .with(Operations::default())
        .with(Outbox::default())
        .with(Rooms::default())
        .with(Changes::default())
        .with(Previews::default())
        .with(Mixes::default())
        .with(Releases::default())
        .with(folkops_rollouts::Rollouts::default())
}

fn desk(service: ServiceId, keyring: Arc<dyn Keyring>, entropy: Arc<dyn Entropy>) -> Desk {
    let registry = Registry::new(folkops_commands::all(&settings()));
    let specs: Vec<_> = registry.specs().copied().collect();
    let authority = Arc::new(Judge::new(&specs, &shipped()).expect("the shipped policies load"));
    let addresses = Addresses {
        site: "http://folkops.localhost".into(),
        scheme: "http".into(),
        service: "potluck.localhost".into(),
        owner_hosts: true,
        previews: "preview.localhost".into(),
        repositories: BTreeMap::new(),
    };
    Desk { registry, authority, keyring, entropy, addresses, service }
}

fn surface() -> SurfaceName {
    SurfaceName::parse("web").expect("a surface's name")
}

fn message(text: String) -> MessageId {
    MessageId::parse(&text).expect("a message's id")
}
