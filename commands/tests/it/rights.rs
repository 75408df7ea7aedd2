//! Who may do what by a source of rights: which components count, for how long, and what happens when it is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use folkops_engine::MemoryStore;
use folkops_engine::{Body, Rights, RightsSource, Unavailable};
use folkops_model::{Account, Group, SurfaceName};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::doubles::component;
use crate::recovery::entries;
use crate::room::{Ground, Room};

/// A forge that knows who maintains what.
#[derive(Default)]
pub(crate) struct Forge {
    says: Mutex<BTreeMap<String, Rights>>,
    down: AtomicBool,
    asked: AtomicUsize,
}

impl Forge {
    pub(crate) fn says(&self, id: &str, web: &[Group], api: &[Group]) {
        let of = |name: &str, groups: &[Group]| (component(name), groups.iter().copied().collect());
        self.says.lock().unwrap().insert(id.into(), BTreeMap::from([of("web", web), of("api", api)]));
    }

    pub(crate) fn falls(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl RightsSource for Forge {
    fn rights<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Rights, Unavailable>> {
        async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err(Unavailable("the forge does not answer".into()));
            }
            Ok(self.says.lock().unwrap().get(&account.id).cloned().unwrap_or_default())
        }
        .boxed()
    }
}

pub(crate) fn github() -> SurfaceName {
    SurfaceName::parse("github").unwrap()
}

fn account(id: &str) -> Account {
    Account { surface: github(), id: id.into() }
}

pub(crate) async fn room(forge: &Arc<Forge>, ground: Ground) -> Room {
    let rights = BTreeMap::from([(github(), forge.clone() as Arc<dyn RightsSource>)]);
    let room = Room::furnished(Ground { rights, ..ground }).await;
    room.join_as("kim", vec![Group::User], BTreeSet::from([account("7")])).await;
    room
}

pub(crate) const NOBODY: &[Group] = &[];
pub(crate) const MAINTAINER: &[Group] = &[Group::Maintainer];
const YES: &str = "allowed";
pub(crate) const NO: &str = "Refused: Not by kim";
const SILENT: &str = "Refused: Not now: GitHub does not answer about the rights of kim";
const DAY: i64 = 24 * 60 * 60;

/// What kim may in web and in api, a line, how long ago the forge was asked, whether it is down now, and the end.
type Row = ((&'static [Group], &'static [Group]), &'static str, i64, bool, &'static str);

/// How a line ends that kim says some seconds after the forge was asked last, with the forge up or down.
async fn ends(forge: &Arc<Forge>, line: &str, age: i64, down: bool) -> &'static str {
    let room = room(forge, Ground::default()).await;
    room.says("kim", "/whoami").await;
    room.clock.pass(age);
    forge.falls(down);
    let card = room.says("kim", line).await;
    forge.falls(false);
    let found = [NO, SILENT].into_iter().find(|title| card.starts_with(title));
    found.unwrap_or(YES)
}

#[tokio::test]
async fn rights_count_in_their_component_for_a_minute_and_for_safety_for_a_day() {
    let (web, api, both) = ((MAINTAINER, NOBODY), (NOBODY, MAINTAINER), (MAINTAINER, MAINTAINER));
    let none = (NOBODY, NOBODY);
    #[rustfmt::skip]
    let table: &[Row] = &[
        // A change of one component needs the right in that one.
        (web, "/promote 41", 0, false, YES),
        (api, "/promote 41", 0, false, NO),
        (api, "/promote 43", 0, false, YES),
        (none, "/promote 41", 0, false, NO),
        // Several need it in all.
        (web, "/promote 41 43", 0, false, NO),
        (api, "/promote 43 41", 0, false, NO),
        (both, "/promote 41 43", 0, false, YES),
        // The service as a whole needs it everywhere, but one component is enough to make it safer.
        (web, "/pardon 41", 0, false, NO),
        (both, "/pardon 41", 0, false, YES),
        (none, "/freeze", 0, false, NO),
        (api, "/freeze", 0, false, YES),
        (both, "/rollback", 0, false, YES),
        // What was said a minute ago counts, and no longer; a source that answers is asked again.
        (web, "/promote 41", 60, true, YES),
        (web, "/promote 41", 61, true, SILENT),
        (web, "/promote 41", 61, false, YES),
        (web, "/promote 41", DAY, true, SILENT),
        (both, "/pardon 41", 61, true, SILENT),
        // Safety goes by what was known within a day.
        (api, "/freeze", 61, true, YES),
        (web, "/rollback", DAY, true, YES),
        (web, "/rollback", DAY + 1, true, SILENT),
        (none, "/rollback", 61, true, SILENT),
        // What needs no right needs no source.
        (none, "/status", DAY + 1, true, YES),
    ];
    for (rights, line, age, down, wanted) in table {
        let forge = Arc::new(Forge::default());
        forge.says("7", rights.0, rights.1);
        let end = ends(&forge, line, *age, *down).await;
        assert_eq!(end, *wanted, "{rights:?} {line} after {age} s, down: {down}");
    }
}

#[tokio::test]
async fn an_account_that_the_source_does_not_know_has_no_right() {
    let forge = Arc::new(Forge::default());
    for line in ["/promote 41", "/freeze", "/pardon 41"] {
        assert_eq!(ends(&forge, line, 0, false).await, NO, "{line}");
    }
}

#[tokio::test]
async fn a_source_that_never_answered_is_named_in_the_refusal() {
    let forge = Arc::new(Forge::default());
    forge.falls(true);
    let room = room(&forge, Ground::default()).await;
    let card = room.says("kim", "/promote 41").await;
    assert!(card.starts_with(SILENT), "{card}");
    assert!(card.contains("Nothing has changed."), "{card}");
    assert!(card.contains("Rights: What GitHub says counts for a minute; it has not answered yet"), "{card}");
    assert!(card.contains("Next: Say it again when it answers"), "{card}");
    assert!(card.contains("Who: jo can"), "{card}");
}

#[tokio::test]
async fn safety_by_old_rights_says_so_in_every_state_of_its_card_and_in_the_record() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    let room = room(&forge, Ground::default()).await;
    room.says("jo", "/promote 41").await;
    room.says("kim", "/whoami").await;
    room.clock.pass(3_600);
    forge.falls(true);
    let card = room.says("kim", "/rollback").await;
    let words = "Rights: As GitHub said them at 2026-05-28T20:26:40Z; it does not answer now, and making things safer does not wait for it";
    assert!(card.starts_with("Good: "), "{card}");
    assert!(card.contains(words), "{card}");
    let card = room.says("kim", "/why").await;
    assert!(card.contains("/rollback` by kim was allowed") && card.contains(words), "{card}");
    let card = room.says("kim", "/can-i freeze").await;
    assert!(card.starts_with("Good: Yes, you may") && card.contains(words), "{card}");
    forge.falls(false);
    let card = room.says("kim", "/freeze").await;
    assert!(!card.contains("Rights:"), "{card}");
}

#[tokio::test]
async fn whoami_tells_what_the_source_said_and_names_the_components_that_differ() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    let room = room(&forge, Ground::default()).await;
    let card = room.says("kim", "/whoami").await;
    assert!(card.starts_with("Good: You are kim, here as user\n"), "{card}");
    assert!(card.contains("Also: in `web`: user, maintainer"), "{card}");
    assert!(!card.contains("in `api`"), "{card}");
    assert!(card.lines().any(|line| line.starts_with("May: ") && line.contains("/promote")), "{card}");
    let card = room.says("ana", "/promote 41").await;
    assert!(card.contains("Who: jo and kim can"), "{card}");
    let card = room.says("ana", "/promote 43").await;
    assert!(card.contains("Who: jo can"), "{card}");
}

#[tokio::test]
async fn a_minute_of_commands_is_one_look_and_one_record() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, MAINTAINER);
    let store = MemoryStore::new();
    let room = room(&forge, Ground { store: store.clone(), ..Ground::default() }).await;
    for _ in 0..5 {
        room.says("kim", "/whoami").await;
        room.clock.pass(10);
    }
    room.says("kim", "/promote 41").await;
    room.says("jo", "/whoami").await;
    let observed = || {
        let all = entries(&store);
        let text = all.iter().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned());
        text.filter(|text| text.contains(r#""kind":"rights-observed""#)).count()
    };
    assert_eq!((forge.asked(), observed()), (1, 1), "50 s are within the minute");
    room.clock.pass(1);
    room.says("kim", "/whoami").await;
    assert_eq!((forge.asked(), observed()), (2, 2));
    room.clock.pass(3_600);
    room.says("jo", "/status").await;
    assert_eq!((forge.asked(), observed()), (2, 2), "nobody asks about somebody who says nothing");
}

#[tokio::test]
async fn two_accounts_on_one_surface_count_together() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    forge.says("8", NOBODY, MAINTAINER);
    let room = room(&forge, Ground::default()).await;
    room.join_as("lee", vec![], BTreeSet::from([account("7"), account("8")])).await;
    let card = room.says("lee", "/pardon 41").await;
    assert!(card.starts_with("Refused: #41 was not rolled back"), "{card}");
}

#[tokio::test]
async fn an_answer_that_comes_after_a_newer_one_is_dropped() {
    let forge = Arc::new(Late::default());
    let rights = BTreeMap::from([(github(), forge.clone() as Arc<dyn RightsSource>)]);
    let room = Room::furnished(Ground { rights, ..Ground::default() }).await;
    room.join_as("kim", vec![], BTreeSet::from([account("7")])).await;
    let (asked, answer) = forge.hold();
    room.begins_quietly("kim", "/promote 41").await;
    asked.await.unwrap();
    // While the source still thinks, a newer look says that kim maintains nothing.
    let nothing: Rights = BTreeMap::from([(component("web"), BTreeSet::new())]);
    let person = folkops_model::PersonId::parse("kim").unwrap();
    room.engine.note(Body::RightsObserved { person, source: github(), rights: nothing }).await.unwrap();
    answer.send(()).unwrap();
    room.quiet().await;
    assert!(room.newest().starts_with(NO), "{}", room.all());
}

/// A forge that calls kim a maintainer, and takes its time.
#[derive(Default)]
struct Late(Mutex<Option<(Tell, Told)>>);
type Tell = tokio::sync::oneshot::Sender<()>;
type Told = tokio::sync::oneshot::Receiver<()>;

impl Late {
    fn hold(&self) -> (Told, Tell) {
        let (asking, asked) = tokio::sync::oneshot::channel();
        let (answer, answered) = tokio::sync::oneshot::channel();
        *self.0.lock().unwrap() = Some((asking, answered));
        (asked, answer)
    }
}

impl RightsSource for Late {
    fn rights<'a>(&'a self, _account: &'a Account) -> BoxFuture<'a, Result<Rights, Unavailable>> {
        let held = self.0.lock().unwrap().take();
        async move {
            if let Some((asking, answered)) = held {
                asking.send(()).unwrap();
                answered.await.unwrap();
            }
            Ok(BTreeMap::from([(component("web"), BTreeSet::from([Group::Maintainer]))]))
        }
        .boxed()
    }
}
