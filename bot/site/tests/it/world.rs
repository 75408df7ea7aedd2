//! A room with two commands, its people, and browsers that visit it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkops_engine::admission::Limits;
use folkops_engine::{Addresses, hex};
use folkops_engine::{
    Ask, Body, Call, Command, Desk, Due, Engine, EngineParts, Facts, Folds, Hands, Keyring, KeyringError,
    Ledger, Lookout, MemoryStore, Operations, Outbox, People, Plan, Private, Registry, ReplySink, Rooms,
    Unavailable,
};
use folkops_model::{
    Action, ArgKind, ArgSpec, Arity, Authority, Card, CardState, ChangeRef, Class, CommandSpec, Context,
    Decision, Group, Line, Outcome, Owner, PersonId, Resource, RoomName, Rule, Sealed, ServiceId, Sha, Span,
    SurfaceName, Verdict, Weight, ports::Clock, ports::Entropy,
};
use folkops_previews::{Changes, Mixes, Previews, Releases};
use folkops_site::{Demo, DiffSource, Site, SiteConfig, WebSink, serve};
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long a fact may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Time that stands still until it is moved.
pub struct Standing(Mutex<Timestamp>);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Unpredictable enough for a test, and the same each time.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

/// Keys in memory; erasing one forgets its text.
#[derive(Default)]
pub struct Keys(Mutex<Vec<Option<String>>>);

impl Keyring for Keys {
    fn seal(&self, text: &str) -> Result<Sealed, KeyringError> {
        let mut kept = self.0.lock().unwrap();
        kept.push(Some(text.to_owned()));
        Ok(Sealed { key: kept.len() as u64 - 1, text: "sealed".to_owned() })
    }
    fn open(&self, sealed: &Sealed) -> Option<String> {
        self.0.lock().unwrap().get(sealed.key as usize).cloned().flatten()
    }
    fn erase(&self, sealed: &Sealed) -> Result<(), KeyringError> {
        self.0.lock().unwrap()[sealed.key as usize] = None;
        Ok(())
    }
}

struct NoHands;

impl Hands for NoHands {
    fn perform<'a>(&'a self, _due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async { Ok(Outcome::Routed) }.boxed()
    }
}

/// Looks at changes only when the gate lets it, so that a test can hold a request up.
struct Gate(Arc<Semaphore>);

impl Lookout for Gate {
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async { self.0.acquire().await.map(|_| ()).map_err(|error| Unavailable(error.to_string())) }.boxed()
    }
}

struct ThreeLines;

impl DiffSource for ThreeLines {
    fn diff<'a>(
        &'a self,
        _change: &'a ChangeRef,
        _base: &'a Sha,
        _head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>> {
        async { Ok("@@ -1 +1 @@\n-<b>four</b>\n+six\n".to_owned()) }.boxed()
    }
}

/// Everybody reads; maintainers release.
struct ByClass;

impl Authority for ByClass {
    fn judge(&self, action: &Action) -> Decision {
        let allowed = action.class != Class::Release || action.groups.contains(&Group::Maintainer);
        let rule =
            Rule { id: "release-by-maintainer".into(), reason: "a maintainer promotes".into(), remedy: None };
        let verdict = if allowed { Verdict::Allow(vec![rule]) } else { Verdict::Deny(vec![rule]) };
        Decision { verdict, policy_set: "0".repeat(64) }
    }
}

static ECHO: CommandSpec = CommandSpec {
    name: "echo",
    aliases: &["say-again"],
    summary: "says it again, and a secret to whoever said it",
    example: "/echo soup",
    class: Class::Read,
    args: &[ArgSpec { name: "words", help: "what to say", kind: ArgKind::Rest, arity: Arity::One }],
    internal: false,
};

static PROMOTE: CommandSpec = CommandSpec {
    name: "promote",
    aliases: &[],
    summary: "gives a change to everyone",
    example: "/promote 41",
    class: Class::Release,
    args: &[ArgSpec { name: "change", help: "a number", kind: ArgKind::Change, arity: Arity::Many }],
    internal: false,
};

struct Echo;
struct Promote;

fn ask() -> Ask {
    Ask { resource: Resource::Service, context: Context::default() }
}

impl Command for Echo {
    fn spec(&self) -> &'static CommandSpec {
        &ECHO
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(ask())
    }
    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let words = call.args.text("words").cloned().unwrap_or_default();
        let person = call.principal.person().unwrap();
        let title = Line::new().person(person).text(" said ").span(Span::Foreign(words.clear.clone()));
        let card = Card::new(CardState::Good, title)
            .say(Line::new().text("Again: ").span(Span::Said(words.sealed.unwrap())))
            .log(words.clear.clone())
            .row("Who", Line::new().person(person).text(" can say more"))
            .button(Weight::Main, "Promote it", "/promote 41")
            .button(Weight::Quiet, "Again", "/echo again");
        let link =
            call.desk.keyring.seal(&format!("http://ana.potluck.localhost:7080/join/{}", words.clear.len()));
        let secret =
            Card::new(CardState::Good, "Your link").say(Line::new().span(Span::SecretLink(link.unwrap())));
        let mut plan = Plan::answer(card);
        plan.private.push(Private { person: person.clone(), card: secret });
        plan
    }
}

impl Command for Promote {
    fn spec(&self) -> &'static CommandSpec {
        &PROMOTE
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(ask())
    }
    fn decide(&self, call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        let title = Line::new().list(call.args.changes("change").into_iter().map(Span::Change));
        Plan::answer(Card::new(CardState::Live, title.text(" is live")))
    }
}

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
}

impl Default for Setting {
    fn default() -> Self {
        let generous = Limits { person_burst: 1_000, surface_burst: 1_000, ..Limits::default() };
        Self { limits: generous, demo: None }
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
            diffs: Arc::new(ThreeLines),
            ready: Box::new(|| Ok(())),
            metrics: Box::new(|| "# EOF\n".into()),
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
        self.engine.note(Body::SessionOpened { hash, person, expires }).await.unwrap();
        Browser { host: self.host.clone(), port: self.port, cookie: Some(token) }
    }

    /// A browser of somebody who only reads.
    pub fn reader(&self) -> Browser {
        Browser { host: self.host.clone(), port: self.port, cookie: None }
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
    };
    let desk = Desk {
        registry: Registry::new(vec![Arc::new(Echo), Arc::new(Promote)]),
        authority: Arc::new(ByClass),
        keyring: keys,
        entropy: Arc::new(Counting::default()),
        addresses,
        service,
    };
    let sinks: BTreeMap<SurfaceName, Arc<dyn ReplySink>> =
        BTreeMap::from([(SurfaceName::parse("web").unwrap(), Arc::new(WebSink) as Arc<dyn ReplySink>)]);
    let (ledger, hands, lookout) = (Arc::new(ledger), Arc::new(NoHands), Arc::new(Gate(gate)));
    Engine::start(EngineParts { ledger, desk, hands, lookout, sinks, clock, limits })
}

/// One browser.
#[derive(Clone)]
pub struct Browser {
    pub host: String,
    pub port: u16,
    pub cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser {
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    pub fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", &self.host);
        match &self.cookie {
            Some(cookie) => request.header("cookie", format!("theme=dark; folkops_session={cookie}")),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.send(self.request("GET", path).body(Full::default()).unwrap()).await).await
    }

    /// Sends a form as our own page would.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.form(path, fields).header("origin", format!("http://{}", self.host));
        answer(self.send(request.body(body(fields)).unwrap()).await).await
    }

    pub fn form(&self, path: &str, _fields: &[(&str, &str)]) -> hyper::http::request::Builder {
        self.request("POST", path).header("content-type", "application/x-www-form-urlencoded")
    }

    /// The proof that this session's forms carry.
    pub async fn csrf(&self) -> String {
        let page = self.get("/room/kitchen").await.body;
        let after = page.split("id=\"composer\"").nth(1).expect("a composer");
        after.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// Says a line with a key of its own, as the page's script does.
    pub async fn says(&self, text: &str) -> Answer {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = format!("testkey{}", NEXT.fetch_add(1, Ordering::SeqCst) + 10);
        let csrf = self.csrf().await;
        self.says_json(&[("text", text), ("key", &key), ("csrf", &csrf)]).await
    }

    pub async fn says_json(&self, fields: &[(&str, &str)]) -> Answer {
        let request = self.form("/room/kitchen/say", fields).header("sec-fetch-site", "same-origin");
        let request = request.header("accept", "application/json").body(body(fields)).unwrap();
        answer(self.send(request).await).await
    }
}

pub async fn answer(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub fn body(fields: &[(&str, &str)]) -> Full<Bytes> {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    Full::new(Bytes::from(pairs.join("&")))
}
