//! What a forge says of a change beside its content, as facts that policy asks for: reviews, owners, checks, people.

use std::collections::BTreeSet;

use folkops_engine::{Body, Operations};
use folkops_model::{
    Account, ChangeNumber, ChangeRef, Check, CheckState, Context, DiffSummary, Group, ObservedChange,
    PersonId, Review, ReviewState, SurfaceName, Target, Vetting,
};

use crate::doubles::{component, sha, tree};
use crate::room::Room;

fn account(id: &str) -> Account {
    Account { surface: SurfaceName::parse("github").unwrap(), id: id.into() }
}

fn change(number: u32) -> ChangeRef {
    ChangeRef { component: component("api"), number: ChangeNumber(number) }
}

/// A room with #70 of api, a pull request by account 1, and three people: lee wrote it, kim and sam maintain.
async fn room() -> Room {
    let room = Room::open().await;
    for (id, groups, number) in
        [("lee", vec![], "1"), ("kim", vec![Group::Maintainer], "2"), ("sam", vec![Group::Maintainer], "3")]
    {
        room.join_as(id, groups, BTreeSet::from([account(number)])).await;
    }
    pushed(&room, "70 first").await;
    room
}

async fn pushed(room: &Room, seed: &str) {
    let change = ObservedChange {
        number: ChangeNumber(70),
        head: sha(seed),
        tree: tree(seed),
        base: sha("main api"),
        author: "github:1".into(),
        author_name: String::new(),
        title: "A pull request".into(),
        diff: DiffSummary::default(),
        opened: None,
        target: Target::Production,
    };
    let author_name = folkops_engine::Keyring::seal(room.keyring.as_ref(), "Lee").unwrap();
    room.engine
        .note(Body::ChangeObserved { component: component("api"), change, author_name })
        .await
        .unwrap();
}

async fn vetted(room: &Room, vetting: Vetting) {
    let vetted = Body::ChangeVetted { change: change(70), head: sha("70 first"), vetting };
    room.engine.note(vetted).await.unwrap();
}

fn review(id: &str, state: ReviewState, seed: &str) -> Review {
    Review { account: account(id), state, commit: sha(seed) }
}

fn approves(id: &str) -> Review {
    review(id, ReviewState::Approved, "70 first")
}

/// The facts with which the newest `/promote` was judged.
async fn facts(room: &Room, who: &str) -> Context {
    room.says(who, "/promote api#70").await;
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        let person = PersonId::parse(who).unwrap();
        let theirs =
            operations.operations.iter().filter(|(_, o)| o.action.principal.person() == Some(&person));
        let promoted = theirs.filter(|(_, o)| o.action.command == "promote").map(|(_, o)| o);
        promoted.max_by_key(|o| o.decided).unwrap().action.context.clone()
    })
}

#[tokio::test]
async fn a_review_counts_on_its_commit_by_somebody_else_who_vouched() {
    let table: &[(Vec<Review>, Option<&str>, bool)] = &[
        (vec![], Some("kim"), false),
        (vec![approves("2")], Some("kim"), true),
        (vec![approves("2")], None, false),
        (vec![approves("2")], Some("sam"), false),
        (vec![approves("1")], Some("kim"), false),
        (vec![approves("99")], Some("kim"), false),
        (vec![review("2", ReviewState::Dismissed, "70 first")], Some("kim"), false),
        (vec![review("2", ReviewState::ChangesRequested, "70 first")], Some("kim"), false),
        (vec![review("2", ReviewState::Approved, "70 before")], Some("kim"), false),
    ];
    for (reviews, vouches, wanted) in table {
        let room = room().await;
        if let Some(person) = vouches {
            room.says(person, &format!("/ok-to-test {}", sha("70 first"))).await;
        }
        vetted(&room, Vetting { reviews: reviews.clone(), ..Vetting::default() }).await;
        assert_eq!(facts(&room, "jo").await.reviewed, *wanted, "{reviews:?} {vouches:?}");
    }
}

/// Who owns each path, who approves, whether that is enough.
type OwnersRow = (Vec<&'static [&'static str]>, Vec<&'static str>, bool);

#[tokio::test]
async fn owners_count_when_each_path_has_one_among_those_who_approve() {
    let set = |ids: &[&str]| ids.iter().map(|id| account(id)).collect::<BTreeSet<_>>();
    let table: &[OwnersRow] = &[
        (vec![&["2"]], vec!["2"], true),
        (vec![&["2", "3"], &["3"]], vec!["3"], true),
        (vec![&["2"], &["3"]], vec!["2"], false),
        (vec![&["2"], &["3"]], vec!["2", "3"], true),
        (vec![&["2"], &[]], vec!["2"], false),
        (vec![], vec!["2"], false),
        (vec![&["1"]], vec!["1"], false),
    ];
    for (owners, approvers, wanted) in table {
        let room = room().await;
        let vetting = Vetting {
            reviews: approvers.iter().map(|id| approves(id)).collect(),
            owners: owners.iter().map(|ids| set(ids)).collect(),
            ..Vetting::default()
        };
        vetted(&room, vetting).await;
        assert_eq!(facts(&room, "jo").await.owner_reviewed, *wanted, "{owners:?} {approvers:?}");
    }
}

#[tokio::test]
async fn whoever_owns_each_owned_path_asks_as_an_owner() {
    let set = |ids: &[&str]| ids.iter().map(|id| account(id)).collect::<BTreeSet<_>>();
    let table: &[(&[&[&str]], bool)] = &[
        (&[&["2"]], true),
        (&[&["2", "3"], &["2"]], true),
        (&[&["2"], &["3"]], false),
        (&[&["2"], &[]], false),
        (&[&["99"]], false),
        (&[], false),
    ];
    for (owners, wanted) in table {
        let room = room().await;
        let owners = owners.iter().map(|ids| set(ids)).collect();
        vetted(&room, Vetting { owners, ..Vetting::default() }).await;
        let facts = facts(&room, "kim").await;
        assert_eq!((facts.owner, facts.owner_reviewed), (*wanted, false), "{wanted}");
    }
}

#[tokio::test]
async fn a_card_that_says_who_looked_says_that_owners_approve() {
    let room = room().await;
    room.says("kim", &format!("/ok-to-test {}", sha("70 first"))).await;
    let words = "owners of what it touches approve";
    let card = room.says("jo", "/opt-in api#70").await;
    assert!(card.contains("kim allowed") && !card.contains(words), "{card}");
    let owners = BTreeSet::from([BTreeSet::from([account("2")])]);
    vetted(&room, Vetting { reviews: vec![approves("2")], owners, ..Vetting::default() }).await;
    let card = room.says("jo", "/opt-in api#70").await;
    assert!(card.contains(words), "{card}");
}

#[test]
fn of_a_large_team_only_those_are_kept_who_have_a_say() {
    let set = |ids: &[&str]| ids.iter().map(|id| account(id)).collect::<BTreeSet<_>>();
    let owners = BTreeSet::from([set(&["1", "2", "3", "4"]), set(&["4", "5"])]);
    let vetting = Vetting { reviews: vec![approves("3")], owners, ..Vetting::default() };
    let kept = vetting.with_owners_who(|account| account.id == "2").owners;
    assert_eq!(kept, BTreeSet::from([set(&["2", "3"]), set(&[])]), "a path stays owned");
}

#[tokio::test]
async fn checks_are_green_when_all_that_are_required_are_and_not_before_the_forge_was_heard() {
    let of = |states: &[CheckState]| {
        let check = |(name, state): (usize, &CheckState)| Check { name: name.to_string(), state: *state };
        Vetting { checks: states.iter().enumerate().map(check).collect(), ..Vetting::default() }
    };
    let (green, red, pending) = (CheckState::Green, CheckState::Red, CheckState::Pending);
    let table: &[(Option<&[CheckState]>, bool)] = &[
        (None, false),
        (Some(&[]), true),
        (Some(&[green, green]), true),
        (Some(&[green, pending]), false),
        (Some(&[red]), false),
    ];
    for (states, wanted) in table {
        let room = room().await;
        if let Some(states) = states {
            vetted(&room, of(states)).await;
        }
        assert_eq!(facts(&room, "jo").await.checks_green, *wanted, "{states:?}");
    }
    let room = room().await;
    vetted(&room, of(&[])).await;
    pushed(&room, "70 second").await;
    assert!(!facts(&room, "jo").await.checks_green, "a push is a commit of which nothing was heard");
    room.says("jo", "/promote 57").await;
    let card = room.says("jo", "/why").await;
    assert!(card.contains("checks green: yes"), "a local repository requires none: {card}");
}

#[tokio::test]
async fn a_refusal_names_the_required_checks_that_failed_that_go_on_and_that_nobody_reported() {
    let room = room().await;
    room.says("jo", "/freeze").await;
    let unheard = room.says("jo", "/promote api#70").await;
    assert!(unheard.contains("Checks: GitHub has not said how the checks of this commit stand"), "{unheard}");
    let check = |name: &str, state| Check { name: name.into(), state };
    let failed = (0..7).map(|number| check(&format!("unit {number}"), CheckState::Red));
    let others = [
        check("deploy", CheckState::Pending),
        check("sign", CheckState::Missing),
        check("lint", CheckState::Green),
    ];
    vetted(&room, Vetting { checks: failed.chain(others).collect(), ..Vetting::default() }).await;
    let refused = room.says("jo", "/promote api#70").await;
    let red = "Red: unit 0, unit 1, unit 2, unit 3, unit 4 and 2 more\nPending: deploy\nMissing: sign";
    assert!(refused.contains(red) && !refused.contains("lint"), "{refused}");
    let green = Vetting { checks: vec![check("lint", CheckState::Green)], ..Vetting::default() };
    vetted(&room, green).await;
    let refused = room.says("jo", "/promote api#70").await;
    assert!(!refused.contains("Red:") && !refused.contains("Checks:"), "{refused}");
}

#[tokio::test]
async fn two_people_are_counted_among_author_vouchers_and_who_asks() {
    // Lee wrote it. Who vouched, who asks, whether that is two people.
    for (vouches, asks, wanted) in [
        (None, "lee", false),
        (None, "kim", true),
        (Some("kim"), "kim", true),
        (Some("kim"), "lee", true),
        (Some("lee"), "lee", false),
    ] {
        let room = room().await;
        if let Some(person) = vouches {
            room.says(person, &format!("/ok-to-test {}", sha("70 first"))).await;
        }
        assert_eq!(facts(&room, asks).await.two_people, wanted, "{vouches:?} {asks}");
    }
}

#[tokio::test]
async fn nobody_s_own_approval_lets_their_commit_run() {
    let room = room().await;
    // Mo is not known as the author, and vouches; then it turns out that the account is theirs.
    room.join("mo", vec![Group::Maintainer]).await;
    room.says("mo", &format!("/ok-to-test {}", sha("70 first"))).await;
    assert!(facts(&room, "jo").await.commits_allowed);
    let person = PersonId::parse("lee").unwrap();
    room.engine.note(Body::AccountUnlinked { person, account: account("1") }).await.unwrap();
    let person = PersonId::parse("mo").unwrap();
    room.engine.note(Body::AccountLinked { person, account: account("1") }).await.unwrap();
    assert!(!facts(&room, "jo").await.commits_allowed);
}

#[tokio::test]
async fn two_accounts_that_were_linked_are_one_person_also_in_what_they_said_before() {
    let room = room().await;
    // Lea vouches for Lee's change. Then it turns out that Lea is Lee.
    room.join("lea", vec![Group::Maintainer]).await;
    room.says("lea", &format!("/ok-to-test {}", sha("70 first"))).await;
    let before = facts(&room, "lee").await;
    assert!(before.commits_allowed && before.two_people);
    let (person, into) = (PersonId::parse("lea").unwrap(), PersonId::parse("lee").unwrap());
    room.engine.note(Body::PersonBecame { person, into }).await.unwrap();
    let after = facts(&room, "lee").await;
    assert!(!after.commits_allowed && !after.two_people);
}
