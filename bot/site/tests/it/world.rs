//! A room with two commands and its people, served on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkops_engine::admission::Limits;
use folkops_engine::{
    Addresses, Body, Desk, Engine, EngineParts, Facts, Folds, Keyring, Ledger, MemoryStore, Operations,
    Outbox, People, Registry, ReplySink, Rooms, hex,
};
use folkops_model::{Group, Owner, PersonId, RoomName, ServiceId, SurfaceName, ports::Clock};
use folkops_previews::{Changes, Mixes, Previews, Releases};
use folkops_rollouts::Rollouts;
use folkops_site::{Demo, SignIns, Site, SiteConfig, WebSink, serve};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::browser::Browser;
use crate::commands::{Alarm, ByClass, Echo, Promote};
use crate::ports::{Counting, Gate, Keys, NoHands, Standing, ThreeLines};

/// How long a fact may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A site that listens, and what is behind it.
pub struct World {
    pub engine: Engine,
    pub keys: Arc<Keys>,
    pub clock: Arc<Standing>,
    pub gate: Arc<Semaphore>,
    pub host: String,
    pub port: u16,
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// What differs between tests.
pub struct Setting {
    pub limits: Limits,
    pub demo: Option<Demo>,
    pub sign_in: SignIns,
}

impl Default for Setting {
    fn default() -> Self {
        let generous = Limits { person_burst: 1_000, surface_burst: 1_000, ..Limits::default() };
        Self { limits: generous, demo: None, sign_in: SignIns::default() }
    }
}

pub fn room() -> RoomName {
    RoomName::parse("kitchen").unwrap()
}

fn folds() -> Folds {
    Folds::new()
        .with(Operations::default())
        .with(Outbox::default())
        .with(People::default())
        .with(Rooms::default())
        .with(Releases::default())
        .with(Previews::default())
        .with(Mixes::default())
        .with(Changes::default())
        .with(Rollouts::default())
}

impl World {
    pub async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    pub async fn with(setting: Setting) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = format!("folkops.localhost:{port}");
        let (keys, gate) = (Arc::new(Keys::default()), Arc::new(Semaphore::new(1_000)));
        let clock = Arc::new(Standing(Mutex::new("2026-11-22T14:02:00Z".parse().unwrap())));
        let engine = engine(&host, setting.limits, keys.clone(), clock.clone(), gate.clone()).await;
        let config = SiteConfig {
            title: "Potluck".into(),
            room: room(),
            other_rooms: vec![RoomName::parse("on-call").unwrap()],
            session_lasts: Duration::from_secs(3_600),
            sign_in: setting.sign_in,
            diffs: Arc::new(ThreeLines),
            ready: Box::new(|| Ok(())),
            metrics: Box::new(|| "# EOF\n".into()),
            webhooks: axum::Router::new(),
            elsewhere: Box::new(|_, _| None),
            demo: setting.demo,
        };
        let site = Site::new(engine.clone(), config).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        tokio::spawn(serve(listener, site, async move {
            let _dropped = stopped.await;
        }));
        Self { engine, keys, clock, gate, host, port, _stop: stop }
    }

    /// Somebody with a session, opened without the site.
    pub async fn knows(&self, id: &str, name: &str, groups: &[Group]) -> Browser {
        let token = format!("{id}-session-token-of-32-letters");
        let person = PersonId::parse(id).unwrap();
        let joined = Body::PersonJoined {
            person: person.clone(),
            name: self.keys.seal(name).unwrap(),
            groups: groups.iter().copied().collect(),
            accounts: BTreeSet::new(),
            owner: Owner::parse(id).ok(),
        };
        self.engine.note(joined).await.unwrap();
        let hash = hex(&Sha256::digest(token.as_bytes()));
        let expires = self.clock.now() + Duration::from_secs(3_600);
        self.engine.note(Body::SessionOpened { hash, person, expires, account: None }).await.unwrap();
        Browser { host: self.host.clone(), port: self.port, cookie: Some(token), sign_in: None }
    }

    /// A browser of somebody who only reads.
    pub fn reader(&self) -> Browser {
        Browser { host: self.host.clone(), port: self.port, cookie: None, sign_in: None }
    }

    /// Makes an invitation and returns its path.
    pub async fn invites(&self, name: &str, groups: &[Group]) -> String {
        let token = format!("invitation-of-{}", name.to_lowercase());
        let made = Body::InvitationMade {
            hash: hex(&Sha256::digest(token.as_bytes())),
            name: self.keys.seal(name).unwrap(),
            groups: groups.iter().copied().collect(),
            accounts: BTreeSet::new(),
            owner: None,
            expires: self.clock.now() + Duration::from_secs(60),
        };
        self.engine.note(made).await.unwrap();
        format!("/join/{token}")
    }

    pub fn sequence(&self) -> u64 {
        self.engine.ledger().read(|facts| facts.sequence())
    }

    pub fn moves(&self, by: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now += by;
    }

    /// Waits until nothing is owed and no request is unhandled.
    pub async fn until_quiet(&self) {
        let quiet = |facts: &Facts<'_>| {
            let open = facts.fold::<Operations>().unwrap().open.is_empty();
            open && facts.fold::<Outbox>().unwrap().owed.is_empty()
        };
        let mut durable = self.engine.ledger().subscribe();
        let waiting = async {
            while !self.engine.ledger().read(quiet) {
                durable.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the room never came to rest");
    }
}

async fn engine(
    host: &str,
    limits: Limits,
    keys: Arc<Keys>,
    clock: Arc<Standing>,
    gate: Arc<Semaphore>,
) -> Engine {
    let service = ServiceId::parse("potluck").unwrap();
    let ledger =
        Ledger::open(Arc::new(MemoryStore::new()), folds, clock.clone(), service.clone()).await.unwrap();
    let addresses = Addresses {
        site: format!("http://{host}"),
        scheme: "http".into(),
        service: "potluck.localhost:7080".into(),
        owner_hosts: true,
        previews: "preview.localhost:7080".into(),
        repositories: BTreeMap::new(),
    };
    let desk = Desk {
        registry: Registry::new(vec![Arc::new(Echo), Arc::new(Promote), Arc::new(Alarm)]),
        authority: Arc::new(ByClass),
        keyring: keys,
        entropy: Arc::new(Counting::default()),
        addresses,
        service,
    };
    let sinks: BTreeMap<SurfaceName, Arc<dyn ReplySink>> =
        BTreeMap::from([(SurfaceName::parse("web").unwrap(), Arc::new(WebSink) as Arc<dyn ReplySink>)]);
    let (ledger, hands, lookout) = (Arc::new(ledger), Arc::new(NoHands), Arc::new(Gate(gate)));
    Engine::start(EngineParts { ledger, desk, hands, lookout, rights: BTreeMap::new(), sinks, clock, limits })
}
