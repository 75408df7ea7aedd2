//! What is said by itself where a change stands: a welcome to somebody new, and what became of it.

use folkops_engine::{Body, Inbound, Keyring, MemoryStore};
use folkops_model::{
    Cause, ChangeNumber, ChangeRef, DiffSummary, Effect, Group, MessageId, ObservedChange, Place, Principal,
    RoomName, SurfaceName, Target,
};
use folkops_previews::tidings::{Tiding, courses, reverts, uses, welcomes};
use jiff::{SignedDuration, Timestamp};

use crate::doubles::{component, sha, tree};
use crate::rollouts::open;
use crate::room::Room;

const WELCOME: &str = "Good: Welcome, Lee: your first change here
It can be seen running, and tried on real work, before anybody merges it (1 file, 3 lines, no dependencies, no scripts). Three steps; each is a new comment.
1: `/deploy-preview 70` brings up Potluck with it, once a maintainer has looked at c8fa55a
2: `/opt-in 70` lets it handle your own requests, and nobody else’s; `/opt-out` ends that
3: `/promote 70` is a maintainer’s to say. Everybody gets it, a few at first; it goes back by itself if it hurts
Around: jo said something here within a day
[Bring it up] [Try it on my account] [What can I say?]";
const LIVE: &str = "Live: #41 is live for everyone
Mira, your change is what everybody gets, since release 2.
Why: jo promoted it; jo allowed b9dac04
[What runs now?]";
const TAKEN_BACK: &str = "Held: #41 was rolled back
Mira, nobody has your change now; everybody is on release 1 again.
Why: jo asked for it: the soup is cold
Next: It is still on the default branch: others wait until it is reverted, pardoned or promoted again
[Pardon] [Open revert]";

fn web(number: u32) -> ChangeRef {
    ChangeRef { component: component("web"), number: ChangeNumber(number) }
}

/// Where a change stands.
fn home(change: &ChangeRef) -> Place {
    let room = RoomName::parse(&format!("{}-{}", change.component, change.number)).unwrap();
    Place { about: Some(change.clone()), ..Place::room(SurfaceName::parse("web").unwrap(), room) }
}

/// A moment in minutes from now.
fn minutes(room: &Room, minutes: i64) -> Timestamp {
    room.ledger.read(|facts| facts.now()) + SignedDuration::from_mins(minutes)
}

impl Room {
    /// A network is read from now on.
    async fn reads(&self, name: &str) {
        let until = self.ledger.read(|facts| facts.now());
        let surface = SurfaceName::parse("github").unwrap();
        self.engine.note(Body::SurfaceScanned { surface, component: component(name), until }).await.unwrap();
    }

    /// A pull request of an account is seen, which was opened so many minutes from now.
    async fn opens(&self, number: u32, author: &str, opened: i64) {
        let seed = format!("{number} first");
        let change = ObservedChange {
            number: ChangeNumber(number),
            head: sha(&seed),
            tree: tree(&seed),
            base: sha("main web"),
            author: author.into(),
            author_name: String::new(),
            title: "A pull request".into(),
            diff: DiffSummary { files: 1, added: 3, ..DiffSummary::default() },
            opened: Some(minutes(self, opened)),
            target: Target::Production,
        };
        let author_name = self.keyring.seal("Lee").unwrap();
        self.engine
            .note(Body::ChangeObserved { component: component("web"), change, author_name })
            .await
            .unwrap();
    }

    /// The changes whose authors are to be welcomed.
    fn newcomers(&self) -> Vec<u32> {
        let welcomes = self.ledger.read(welcomes);
        welcomes.into_iter().map(|(tiding, _)| tiding.change.number.0).collect()
    }

    /// The automation says where changes stand what it should, until nothing is left; what is new there.
    pub(crate) async fn tells(&self, due: impl Fn(&folkops_engine::Facts<'_>) -> Vec<Tiding>) -> String {
        let before = self.cards().len();
        self.begins_by_itself(due).await;
        self.quiet().await;
        self.cards().split_off(before).join("\n---\n")
    }

    /// The same; returns when that is decided, with its effects still to come.
    pub(crate) async fn begins_by_itself(&self, due: impl Fn(&folkops_engine::Facts<'_>) -> Vec<Tiding>) {
        for tiding in self.ledger.read(&due) {
            let inbound = Inbound {
                place: home(&tiding.change),
                principal: Principal::Automation,
                message: MessageId::parse(&tiding.key.replace('#', "-")).unwrap(),
                text: tiding.line,
                cause: Cause::News,
                said: None,
            };
            self.engine.receive(inbound).await.unwrap();
        }
        self.decided().await;
    }

    pub(crate) async fn says_there(&self, who: &str, change: &ChangeRef, text: &str) {
        let inbound = Inbound {
            place: home(change),
            principal: Principal::Person(folkops_model::PersonId::parse(who).unwrap()),
            message: MessageId::parse(&format!("there-{}", self.cards().len())).unwrap(),
            text: text.into(),
            cause: Cause::Said,
            said: None,
        };
        self.engine.receive(inbound).await.unwrap();
        self.quiet().await;
    }

    async fn tries(&self, who: &str, number: u32) {
        self.says(who, &format!("/opt-in {number}")).await;
        let word = self.consent_word();
        self.says(who, &format!("/opt-in {number} --yes={word}")).await;
    }

    async fn promoted(&self, number: u32) {
        self.says("jo", &format!("/ok-to-test {}", sha(&format!("{number} first")))).await;
        self.says("jo", &format!("/promote {number}")).await;
    }
}

#[tokio::test]
async fn who_comes_with_a_first_change_is_shown_what_to_do_and_who_is_around_once() {
    let room = Room::open().await;
    room.reads("web").await;
    room.opens(70, "github:7", 1).await;
    room.says("mira", "/help").await;
    room.says("jo", "/help").await;
    let welcomed = |facts: &folkops_engine::Facts<'_>| {
        welcomes(facts).into_iter().map(|(tiding, _)| tiding).collect::<Vec<_>>()
    };
    assert_eq!(room.tells(welcomed).await, WELCOME);
    assert!(room.newcomers().is_empty());
    room.opens(71, "github:7", 2).await;
    assert!(room.newcomers().is_empty(), "their second");
}

#[tokio::test]
async fn nobody_is_welcomed_who_was_there_before_us_or_is_gone_or_long_here_or_keeps_order() {
    let room = Room::open().await;
    room.opens(70, "github:1", 1).await;
    room.reads("web").await;
    room.opens(71, "github:2", -1).await;
    assert!(room.newcomers().is_empty(), "open before anything was read here");
    room.opens(72, "github:3", 1).await;
    room.closes("web", 72).await;
    assert!(room.newcomers().is_empty(), "closed meanwhile");
    let account = folkops_model::Account::of_author("github:4").unwrap();
    room.join_as("kim", vec![Group::Maintainer], [account].into()).await;
    room.opens(73, "github:4", 1).await;
    let welcomed = |facts: &folkops_engine::Facts<'_>| welcomes(facts).into_iter().map(|(t, _)| t).collect();
    assert_eq!(room.tells(welcomed).await, "", "a maintainer");
    assert!(room.newcomers().is_empty());
    room.opens(74, "github:5", 1).await;
    assert_eq!(room.newcomers(), [74]);
    room.clock.pass(25 * 3_600);
    assert!(room.newcomers().is_empty(), "a day later it is no news");
}

#[tokio::test]
async fn what_became_of_a_change_is_told_where_it_stands_once() {
    let room = Room::open().await;
    room.promoted(41).await;
    assert_eq!(room.tells(courses).await, LIVE);
    assert_eq!(room.tells(courses).await, "");
    room.says("jo", "/rollback 1 the soup is cold").await;
    assert_eq!(room.tells(courses).await, TAKEN_BACK);
    assert_eq!(room.tells(courses).await, "");
}

#[tokio::test]
async fn what_was_promoted_or_rolled_back_in_that_very_place_is_not_told_there_again() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says_there("jo", &web(41), "/promote 41").await;
    assert_eq!(room.tells(courses).await, "");
    room.says_there("jo", &web(41), "/rollback").await;
    assert_eq!(room.tells(courses).await, "");
    assert!(room.ledger.read(courses).is_empty());
}

#[tokio::test]
async fn who_had_a_change_all_along_hears_nothing_when_a_later_one_is_taken_back() {
    let room = Room::open().await;
    room.promoted(41).await;
    room.tells(courses).await;
    room.promoted(43).await;
    room.says("jo", "/rollback").await;
    let told: Vec<u32> = room.ledger.read(courses).iter().map(|tiding| tiding.change.number.0).collect();
    assert_eq!(told, [43]);
}

#[tokio::test]
async fn a_change_that_was_taken_back_has_its_revert_opened_once_and_the_rollback_leads_there() {
    let room = Room::open().await;
    room.promoted(41).await;
    assert!(room.ledger.read(reverts).is_empty());
    room.says("jo", "/rollback").await;
    let asked = room.ledger.read(reverts);
    assert_eq!(asked.iter().map(|tiding| tiding.line.as_str()).collect::<Vec<_>>(), ["/revert web#41"]);
    let told = room.tells(reverts).await;
    assert!(told.starts_with("Good: #42 takes #41 back"), "{told}");
    let linked = room.cards().into_iter().find(|card| card.contains("is back on release 1")).unwrap();
    assert!(linked.contains("Revert: #42 takes #41 back; a person merges it"), "{linked}");
    assert!(linked.contains("[Pardon] [Read #42]"), "{linked}");
    room.push("web", 42, "42 first").await;
    room.closes("web", 42).await;
    assert_eq!(room.tells(reverts).await, "", "closed by a person, it is not opened by itself again");
}

#[tokio::test]
async fn what_the_numbers_took_back_is_told_with_their_verdict_and_all_that_offered_its_revert_leads_there() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    let told = room.tells(courses).await;
    assert!(told.starts_with("Harmful: #41 was rolled back\nMira, nobody has your change now"), "{told}");
    assert!(told.contains("Why: Visitors with the new build fail more often"), "{told}");
    room.tells(reverts).await;
    let done = room.hands.done.lock().unwrap().clone();
    let why = done.iter().find_map(|effect| match effect {
        Effect::Revert { why, .. } => Some(why.as_str()),
        _ => None,
    });
    let why = why.unwrap();
    assert!(why.contains("who went back to release 1. Visitors with the new build fail more often"), "{why}");
    assert!(why.contains("Evidence: http://folkops.localhost/rollouts/2"), "{why}");
    let leads = "Revert: #42 takes #41 back; a person merges it";
    let (_, _, alert) = room.alerts().into_iter().next_back().unwrap();
    assert!(alert.contains("rolled back by itself") && alert.contains(leads), "{alert}");
    let promotion = room.cards().into_iter().find(|card| card.contains("rolled back by itself")).unwrap();
    assert!(promotion.contains(leads) && !promotion.contains("[Open revert]"), "{promotion}");
}

#[tokio::test]
async fn how_a_change_is_used_is_told_by_one_card_that_is_edited() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    assert!(room.ledger.read(uses).is_empty());
    room.tries("ana", 41).await;
    let told = room.tells(uses).await;
    assert!(told.starts_with("Waiting: No evidence yet on #41"), "{told}");
    assert!(told.contains("Now: 1 person on their own account"), "{told}");
    room.tries("jo", 41).await;
    assert!(room.ledger.read(uses).is_empty(), "minutes must pass first");
    room.clock.pass(301);
    assert_eq!(room.tells(uses).await, "", "no second card");
    assert!(room.all().contains("Now: 2 people on their own account"), "{}", room.all());
    assert!(room.ledger.read(uses).is_empty());
}
