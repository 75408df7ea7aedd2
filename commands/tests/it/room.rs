//! A room with people in it, and hands that do effects at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use folkops_commands::Settings;
use folkops_commands::{CarryOver, Point};
use folkops_engine::admission::Limits;
use folkops_engine::{
    Addresses, Body, Command, Desk, Engine, EngineParts, Facts, Folds, Hands, Inbound, Keyring, Ledger,
    MemoryStore, Operations, Outbox, People, Receipt, Registry, Rejected, ReplySink, RightsSource, Rooms,
    Store, TimelineItem,
};
use folkops_model::{
    Account, Authority, Card, Cause, ChangeNumber, DiffSummary, Group, Line, MessageId, ObservedChange,
    Owner, PersonId, Place, Principal, RoomName, ServiceId, Span, Strategy, SurfaceName, Target,
};
use folkops_previews::{Changes, Landings, Mixes, Previews, Releases, Tidings, Usages};
use folkops_rollouts::{Rollouts, Template};

use crate::doubles::{
    Counting, Nothing, PlainKeyring, QuickHands, Sink, SmallJudge, Still, component, sha, tree,
};

pub struct Room {
    pub engine: Engine,
    pub ledger: Arc<Ledger>,
    pub hands: Arc<QuickHands>,
    pub keyring: Arc<PlainKeyring>,
    pub clock: Arc<Still>,
    messages: AtomicU64,
}

/// What a room stands on.
pub struct Ground {
    pub store: MemoryStore,
    pub keyring: Arc<PlainKeyring>,
    pub clock: Arc<Still>,
    pub extra: Vec<Arc<dyn Command>>,
    pub dice: u64,
    pub limits: Limits,
    /// How releases come to everybody; all at once, unless a story is about that.
    pub rollout: Template,
    /// Who says what people may do, beside the room itself.
    pub rights: BTreeMap<SurfaceName, Arc<dyn RightsSource>>,
    /// What stands between the pipeline and the world; nothing does when there is none.
    pub between: Option<Arc<dyn Between>>,
    /// What maintainers answer for before a promotion, and which pushes keep an allowance.
    pub rules: (Vec<Point>, Option<CarryOver>),
    /// Who says yes and no.
    pub judge: Arc<dyn Authority>,
}

/// Stands between the pipeline and its ports.
pub trait Between: Send + Sync {
    fn store(&self, store: MemoryStore) -> Arc<dyn Store>;
    fn hands(&self, hands: Arc<QuickHands>) -> Arc<dyn Hands>;
    fn sink(&self) -> Arc<dyn ReplySink>;
}

impl Default for Ground {
    fn default() -> Self {
        Self {
            store: MemoryStore::new(),
            keyring: Arc::default(),
            clock: Arc::default(),
            extra: Vec::new(),
            dice: 0,
            limits: Limits { person_burst: 10_000, surface_burst: 100_000, ..Limits::default() },
            rollout: Template { strategy: Strategy::AtOnce, ..Template::ordinary() },
            rights: BTreeMap::new(),
            between: None,
            rules: Default::default(),
            judge: Arc::new(SmallJudge),
        }
    }
}

/// What the commands of a room are told.
fn settings(rollout: Template, (checklist, carry_over): (Vec<Point>, Option<CarryOver>)) -> Settings {
    Settings {
        service: "Potluck".into(),
        previews_a_person: 2,
        places: 4,
        lasts: Duration::from_secs(7_200),
        lasts_at_most: Duration::from_secs(86_400),
        sign_in: None,
        rollout: rollout.into(),
        checklist,
        carry_over,
        release_branches: BTreeMap::from([(component("api"), "production".to_owned())]),
    }
}

impl Room {
    /// A room with release 1 up and the changes #41 (web, by Mira), #43 (api) and #57 (web) open.
    pub async fn open() -> Self {
        Self::furnished(Ground::default()).await
    }

    pub async fn furnished(ground: Ground) -> Self {
        let room = Self::on(ground).await;
        for (id, groups) in [("mira", vec![]), ("jo", vec![Group::Maintainer]), ("ana", vec![Group::User])] {
            room.join(id, groups).await;
        }
        for (name, number, seed) in
            [("web", 41, "41 first"), ("api", 43, "43 first"), ("web", 57, "57 first")]
        {
            room.push(name, number, seed).await;
        }
        room.says_by_itself("/restore").await;
        room.until(|facts| facts.fold::<Releases>().unwrap().current(facts).is_some()).await;
        room.quiet().await;
        room
    }

    pub async fn empty(store: MemoryStore) -> Self {
        Self::on(Ground { store, ..Ground::default() }).await
    }

    /// A room on what an earlier one left: its journal, its keys, and dice that do not repeat.
    pub async fn on(ground: Ground) -> Self {
        let Ground { store, keyring, clock, extra, dice, limits, rollout, rights, between, rules, judge } =
            ground;
        let plain = Arc::new(QuickHands::default());
        let (store, hands, sink): (Arc<dyn Store>, Arc<dyn Hands>, Arc<dyn ReplySink>) = match between {
            Some(between) => (between.store(store), between.hands(plain.clone()), between.sink()),
            None => (Arc::new(store), plain.clone(), Arc::new(Sink)),
        };
        let folds = || {
            Folds::new()
                .with(People::default())
                .with(Operations::default())
                .with(Outbox::default())
                .with(Rooms::default())
                .with(Changes::default())
                .with(Previews::default())
                .with(Mixes::default())
                .with(Releases::default())
                .with(Usages::default())
                .with(Tidings::default())
                .with(Landings::default())
                .with(Rollouts::default())
        };
        let service = ServiceId::parse("potluck").unwrap();
        let ledger = Arc::new(Ledger::open(store, folds, clock.clone(), service.clone()).await.unwrap());
        let settings = settings(rollout, rules);
        let desk = Desk {
            registry: Registry::new(folkops_commands::all(&settings).into_iter().chain(extra).collect()),
            authority: judge,
            keyring: keyring.clone(),
            entropy: Arc::new(Counting(AtomicU64::new(dice))),
            addresses: Addresses {
                site: "http://folkops.localhost".into(),
                scheme: "http".into(),
                service: "potluck.localhost".into(),
                owner_hosts: true,
                previews: "preview.localhost".into(),
                repositories: BTreeMap::new(),
            },
            service,
        };
        let engine = Engine::start(EngineParts {
            ledger: ledger.clone(),
            desk,
            hands,
            lookout: Arc::new(Nothing),
            rights,
            sinks: BTreeMap::from([(SurfaceName::parse("web").unwrap(), sink)]),
            clock: clock.clone(),
            limits,
        });
        Self { engine, ledger, hands: plain, keyring, clock, messages: AtomicU64::new(dice) }
    }

    pub async fn join(&self, id: &str, groups: Vec<Group>) {
        self.join_as(id, groups, BTreeSet::new()).await;
    }

    /// Somebody joins who has accounts on surfaces.
    pub async fn join_as(&self, id: &str, groups: Vec<Group>, accounts: BTreeSet<Account>) {
        let body = Body::PersonJoined {
            person: PersonId::parse(id).unwrap(),
            name: self.keyring.seal(id).unwrap(),
            groups: BTreeSet::from_iter(groups),
            accounts,
            owner: Some(Owner::parse(id).unwrap()),
        };
        self.engine.note(body).await.unwrap();
    }

    pub async fn push(&self, name: &str, number: u32, seed: &str) {
        let change = ObservedChange {
            number: ChangeNumber(number),
            head: sha(seed),
            tree: tree(seed),
            base: sha(&format!("main {name}")),
            author: "mira".into(),
            author_name: String::new(),
            title: format!("Change {number}"),
            diff: DiffSummary { files: 1, added: 3, ..DiffSummary::default() },
            opened: None,
            target: Target::Production,
        };
        let author_name = self.keyring.seal("Mira").unwrap();
        self.engine
            .note(Body::ChangeObserved { component: component(name), change, author_name })
            .await
            .unwrap();
    }

    /// The forge does not list a change as open any more.
    pub async fn closes(&self, name: &str, number: u32) {
        let gone =
            Body::ChangeGone { component: component(name), number: ChangeNumber(number), landed: None };
        self.engine.note(gone).await.unwrap();
    }

    pub fn place() -> Place {
        Place::room(SurfaceName::parse("web").unwrap(), RoomName::parse("kitchen").unwrap())
    }

    async fn receive(&self, principal: Principal, text: &str) -> Receipt {
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        self.hears(principal, &format!("m-{number}"), text).await.unwrap()
    }

    /// A message reaches the room under the id that its surface gave it.
    pub async fn hears(&self, principal: Principal, message: &str, text: &str) -> Result<Receipt, Rejected> {
        let message = MessageId::parse(message).unwrap();
        let inbound = Inbound {
            place: Self::place(),
            principal,
            message,
            text: text.into(),
            cause: Cause::Said,
            said: None,
        };
        self.engine.receive(inbound).await
    }

    pub async fn says_by_itself(&self, text: &str) {
        self.receive(Principal::Automation, text).await;
    }

    /// Somebody says something, everything that follows from it happens, and the newest card is read.
    pub async fn says(&self, who: &str, text: &str) -> String {
        self.receive(Principal::Person(PersonId::parse(who).unwrap()), text).await;
        self.quiet().await;
        self.newest()
    }

    /// Somebody says something; returns when it was decided, with its effects still to come.
    pub async fn begins(&self, who: &str, text: &str) -> String {
        self.receive(Principal::Person(PersonId::parse(who).unwrap()), text).await;
        self.decided().await;
        self.newest()
    }

    /// Somebody says something; the future ends when that is durable, whatever becomes of it.
    pub async fn begins_quietly(&self, who: &str, text: &str) {
        self.receive(Principal::Person(PersonId::parse(who).unwrap()), text).await;
    }

    /// Waits until whatever was said is decided and told; its effects may still be to come.
    pub async fn decided(&self) {
        self.until(|facts| {
            facts.fold::<Operations>().unwrap().open.is_empty()
                && facts.fold::<Outbox>().unwrap().owed.is_empty()
        })
        .await;
    }

    /// What production should run, by digest.
    pub fn production(&self) -> Vec<String> {
        self.ledger.read(|facts| {
            let (_, release) = facts.fold::<Releases>().unwrap().current(facts).unwrap();
            release.components.values().map(|component| component.digest.to_string()).collect()
        })
    }

    /// The word of the newest consent button.
    pub fn consent_word(&self) -> String {
        self.ledger.read(|facts| {
            let outbox = facts.fold::<Outbox>().unwrap();
            let says =
                outbox.replies.iter().flat_map(|(_, row)| &row.reply.card.buttons).filter_map(|button| {
                    match &button.press {
                        folkops_model::Press::Say(line) => {
                            line.split_once("--yes=").map(|(_, word)| word.to_owned())
                        }
                        folkops_model::Press::Open(_) => None,
                    }
                });
            says.collect::<Vec<_>>().pop().unwrap()
        })
    }

    /// Waits until no request is open, no operation is at work and no reply is owed.
    pub async fn quiet(&self) {
        self.until(|facts| {
            let operations = facts.fold::<Operations>().unwrap();
            let busy = operations.locks.iter().next().is_some();
            operations.open.is_empty() && !busy && facts.fold::<Outbox>().unwrap().owed.is_empty()
        })
        .await;
    }

    pub async fn until(&self, fact: impl Fn(&Facts<'_>) -> bool) {
        let mut durable = self.ledger.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while !self.ledger.read(&fact) {
                durable.changed().await.unwrap();
            }
        });
        assert!(waited.await.is_ok(), "the fact never came about; the room shows:\n{}", self.all());
    }

    /// Every card of the room, oldest first, as plain text.
    pub fn cards(&self) -> Vec<String> {
        self.ledger.read(|facts| {
            let rooms = facts.fold::<Rooms>().unwrap();
            let outbox = facts.fold::<Outbox>().unwrap();
            let keys = rooms.timeline.iter().filter_map(|(_, item)| match item {
                TimelineItem::Card { key, .. } => Some(key),
                TimelineItem::Said { .. } => None,
            });
            keys.map(|key| self.plain(&outbox.replies.get(key).unwrap().reply.card)).collect()
        })
    }

    pub fn newest(&self) -> String {
        self.cards().pop().unwrap_or_default()
    }

    pub fn all(&self) -> String {
        self.cards().join("\n---\n")
    }

    /// The cards that open a thread, oldest first: the message, what the room shows of each, and the whole card.
    pub fn alerts(&self) -> Vec<(MessageId, String, String)> {
        self.ledger.read(|facts| {
            let rooms = facts.fold::<Rooms>().unwrap();
            let outbox = facts.fold::<Outbox>().unwrap();
            let opens = |item: &TimelineItem| {
                let TimelineItem::Card { message, key, thread: None, .. } = item else { return None };
                let card = &outbox.replies.get(key).unwrap().reply.card;
                Some((message.clone(), self.line(card.brief.as_ref()?), self.plain(card)))
            };
            rooms.timeline.iter().filter_map(|(_, item)| opens(item)).collect()
        })
    }

    /// Somebody says something in the thread of a message.
    pub async fn says_below(&self, message: &MessageId, who: &str, text: &str) -> String {
        let place = Place { thread: Some(message.clone()), ..Self::place() };
        let principal = Principal::Person(PersonId::parse(who).unwrap());
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        let message = MessageId::parse(&format!("m-{number}")).unwrap();
        let inbound =
            Inbound { place, principal, message, text: text.into(), cause: Cause::Said, said: None };
        self.engine.receive(inbound).await.unwrap();
        self.quiet().await;
        self.newest()
    }

    fn plain(&self, card: &Card) -> String {
        let mut text = format!("{:?}: {}", card.state, self.line(&card.title));
        for line in &card.body {
            text.push_str(&format!("\n{}", self.line(line)));
        }
        for row in &card.rows {
            text.push_str(&format!("\n{}: {}", row.label, self.line(&row.line)));
        }
        let buttons: Vec<String> = card.buttons.iter().map(|button| format!("[{}]", button.label)).collect();
        if !buttons.is_empty() {
            text.push_str(&format!("\n{}", buttons.join(" ")));
        }
        text
    }

    fn line(&self, line: &Line) -> String {
        let span = |span: &Span| match span {
            Span::Text(text) | Span::Strong(text) | Span::Foreign(text) | Span::Link(text) => text.clone(),
            Span::Code(text) => format!("`{text}`"),
            Span::Said(sealed) | Span::Called(sealed) | Span::SecretLink(sealed) => {
                self.keyring.open(sealed).unwrap_or_default()
            }
            Span::Person(person) => person.to_string(),
            Span::Change(number) => format!("#{number}"),
            Span::Commit(sha) => sha.short().to_owned(),
            Span::Build(name, digest) => format!("{name} {}", digest.short()),
            Span::Time(time) => time.to_string(),
        };
        line.0.iter().map(span).collect()
    }
}
