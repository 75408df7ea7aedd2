//! Linking accounts: by proof from both sides, to exactly whom one agreed, and back at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkops_engine::{Body, MemoryStore, People, RightsSource};
use folkops_model::{Account, Group, PersonId};

use crate::doubles::sha;
use crate::recovery::entries;
use crate::rights::{Forge, MAINTAINER, NOBODY, github};
use crate::room::{Ground, Room};

fn account(id: &str) -> Account {
    Account { surface: github(), id: id.into() }
}

/// A room with Ana, who is here, and Gia, Ana's account 7 on GitHub; Eve is somebody else there.
async fn room() -> Room {
    furnished(Ground::default()).await
}

async fn furnished(ground: Ground) -> Room {
    let room = Room::furnished(ground).await;
    room.join_as("gia", vec![], BTreeSet::from([account("7")])).await;
    room.join_as("eve", vec![], BTreeSet::from([account("8")])).await;
    room
}

/// Somebody asks for a code; gives it as only they see it.
async fn code(room: &Room, who: &str) -> String {
    room.says(who, "/link").await;
    let card = room.newest();
    assert!(card.starts_with("Ask: Your code"), "{card}");
    let line = card.lines().find(|line| line.starts_with("/link ")).expect("a line to say");
    line.trim_start_matches("/link ").to_owned()
}

/// Everything that proves two sides.
async fn linked(room: &Room, who: &str, other: &str) {
    let code = code(room, who).await;
    room.says(other, &format!("/link --yes={who} {code}")).await;
    let card = room.says(who, &format!("/link --yes={other}")).await;
    assert!(card.starts_with(&format!("Good: {other} is {who} from now on")), "{card}");
}

fn whose(room: &Room, id: &str) -> Option<String> {
    room.ledger.read(|facts| {
        let people = facts.fold::<People>().unwrap();
        people.by_account(&account(id)).map(|(person, _)| person.to_string())
    })
}

#[tokio::test]
async fn an_account_that_said_the_code_is_theirs_once_they_agree_and_both_sides_are_told() {
    let room = room().await;
    let code = code(&room, "ana").await;
    let card = room.says("gia", &format!("/link --yes=ana {code}")).await;
    assert!(card.starts_with("Waiting: gia said the code"), "{card}");
    let asked = room.all();
    assert!(
        asked.contains("Ask: ana, is this account yours?") && asked.contains("Account: `github-7`"),
        "{asked}"
    );
    assert_eq!(whose(&room, "7").as_deref(), Some("gia"), "not before they agree");
    let card = room.says("ana", "/link --yes=gia").await;
    assert!(card.starts_with("Good: gia is ana from now on"), "{card}");
    assert!(card.contains("Back: `/unlink github-7`"), "{card}");
    assert!(room.all().contains("Good: This account is ana’s from now on"), "{}", room.all());
    assert_eq!(whose(&room, "7").as_deref(), Some("ana"));
    let card = room.says("ana", "/whoami").await;
    assert!(card.contains("Linked: `github-7`"), "{card}");
}

const NO_CODE: &str = "Refused: That is no code that works";

#[tokio::test]
async fn a_code_works_once_and_for_five_minutes_and_the_newest_alone() {
    let room = room().await;
    let first = code(&room, "ana").await;
    let second = code(&room, "ana").await;
    assert!(room.says("gia", &format!("/link {first}")).await.starts_with(NO_CODE));
    assert!(room.says("gia", &format!("/link --yes=ana {second}")).await.starts_with("Waiting: "));
    assert!(room.says("eve", &format!("/link {second}")).await.starts_with(NO_CODE));
    let third = code(&room, "ana").await;
    room.clock.pass(300);
    assert!(room.says("gia", &format!("/link {third}")).await.starts_with(NO_CODE));
    assert_eq!(whose(&room, "7").as_deref(), Some("gia"));
}

#[tokio::test]
async fn a_code_that_somebody_else_overheard_links_nobody_unless_its_owner_agrees_to_them_by_name() {
    let room = room().await;
    let code = code(&room, "ana").await;
    room.says("eve", &format!("/link --yes=ana {code}")).await;
    let nobody = "Refused: Nobody waits for you to agree to that";
    for (who, line) in [
        ("eve", "/link --yes=ana"),
        ("eve", "/link --yes=eve"),
        ("ana", "/link --yes=gia"),
        ("jo", "/link --yes=eve"),
    ] {
        let card = room.says(who, line).await;
        assert!(card.starts_with(nobody), "{who} {line}: {card}");
    }
    room.clock.pass(3_600);
    assert!(
        room.says("ana", "/link --yes=eve").await.starts_with(nobody),
        "an hour later nobody waits any more"
    );
    assert_eq!((whose(&room, "7").as_deref(), whose(&room, "8").as_deref()), (Some("gia"), Some("eve")));
}

#[tokio::test]
async fn who_is_talked_into_saying_a_code_is_told_first_whom_they_would_become_and_becomes_nobody() {
    let room = room().await;
    let code = code(&room, "eve").await;
    for line in
        [format!("/link {code}"), format!("/link --yes=ana {code}"), format!("/link {code} --yes=eve")]
    {
        let card = room.says("gia", &line).await;
        assert!(card.starts_with("Ask: Are you eve?") && card.contains("`github-8`"), "{line}: {card}");
    }
    let card = room.says("eve", "/link --yes=gia").await;
    assert!(card.starts_with("Refused: Nobody waits for you to agree to that"), "{card}");
    assert_eq!(whose(&room, "7").as_deref(), Some("gia"));
    let card = room.says("gia", &format!("/link --yes=eve {code}")).await;
    assert!(card.starts_with("Waiting: gia said the code"), "asking did not use it up: {card}");
}

#[tokio::test]
async fn one_s_own_code_said_as_oneself_links_nobody_and_still_works() {
    let room = room().await;
    let code = code(&room, "ana").await;
    let card = room.says("ana", &format!("/link {code}")).await;
    assert!(card.starts_with("Refused: You said your own code as yourself"), "{card}");
    assert!(room.says("gia", &format!("/link --yes=ana {code}")).await.starts_with("Waiting: "));
}

#[tokio::test]
async fn after_five_wrong_codes_none_is_looked_at_for_ten_minutes() {
    let room = room().await;
    let code = code(&room, "ana").await;
    for wrong in 0..5 {
        assert!(room.says("eve", &format!("/link wrong{wrong}")).await.starts_with(NO_CODE), "{wrong}");
    }
    let hushed = room.says("eve", &format!("/link {code}")).await;
    assert!(hushed.starts_with("Refused: Too many wrong codes"), "{hushed}");
    assert!(
        room.says("gia", &format!("/link --yes=ana {code}")).await.starts_with("Waiting: "),
        "others are not held up"
    );
    room.clock.pass(600);
    assert!(room.says("eve", "/link wrong").await.starts_with(NO_CODE));
}

#[tokio::test]
async fn the_journal_holds_the_hash_of_a_code_and_never_the_code() {
    let store = MemoryStore::new();
    let room = furnished(Ground { store: store.clone(), ..Ground::default() }).await;
    let code = code(&room, "ana").await;
    room.says("gia", &format!("/link --yes=ana {code}")).await;
    let journal: String =
        entries(&store).iter().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned()).collect();
    assert!(journal.contains(&folkops_engine::hash_of(&code)));
    assert!(!journal.contains(&code));
}

#[tokio::test]
async fn what_a_network_says_of_the_account_counts_wherever_they_speak_until_it_is_unlinked() {
    let forge = Arc::new(Forge::default());
    forge.says("7", MAINTAINER, NOBODY);
    let rights = BTreeMap::from([(github(), forge.clone() as Arc<dyn RightsSource>)]);
    let room = furnished(Ground { rights, ..Ground::default() }).await;
    let refused = "Refused: Not by ana";
    assert!(room.says("ana", "/promote 41").await.starts_with(refused));
    linked(&room, "ana", "gia").await;
    let card = room.says("ana", "/promote 41").await;
    assert!(card.starts_with("Live: "), "{card}");
    let card = room.says("ana", "/unlink github-8").await;
    assert!(
        card.starts_with("Refused: That is no account of yours") && card.contains("`github-7`"),
        "{card}"
    );
    let card = room.says("ana", "/unlink github-7").await;
    assert!(card.starts_with("Good: `github-7` is not ana’s any more"), "{card}");
    assert_eq!(whose(&room, "7"), None);
    assert!(room.says("ana", "/promote 57").await.starts_with(refused), "at once");
}

#[tokio::test]
async fn groups_are_not_taken_along_and_nobody_with_a_mix_becomes_somebody_else() {
    let room = room().await;
    linked(&room, "ana", "jo").await;
    let card = room.says("ana", "/whoami").await;
    assert!(card.contains("here as user"), "{card}");
    room.ledger.read(|facts| {
        let people = facts.fold::<People>().unwrap();
        let jo = people.people.get(&PersonId::parse("jo").unwrap()).unwrap();
        assert!(jo.groups.is_empty() && jo.accounts.is_empty() && jo.owner.is_none());
    });
    room.join("kim", vec![Group::Maintainer]).await;
    room.says("kim", &format!("/ok-to-test {}", sha("57 first"))).await;
    room.says("kim", "/opt-in 57").await;
    room.says("kim", &format!("/opt-in 57 --yes={}", room.consent_word())).await;
    let code = code(&room, "ana").await;
    let card = room.says("kim", &format!("/link {code}")).await;
    assert!(card.starts_with("Refused: kim has a mix of their own"), "{card}");
}

#[tokio::test]
async fn browsers_go_along_with_a_link_and_end_with_the_account_by_which_they_signed_in() {
    let room = room().await;
    let expires = room.ledger.read(|facts| facts.now()) + std::time::Duration::from_secs(3_600);
    for (hash, person, account) in [("a1", "ana", None), ("b2", "gia", Some(account("7")))] {
        let (hash, person) = (hash.to_owned(), PersonId::parse(person).unwrap());
        room.engine.note(Body::SessionOpened { hash, person, expires, account }).await.unwrap();
    }
    let speaking = || {
        room.ledger.read(|facts| {
            let sessions = facts.fold::<People>().unwrap().sessions.iter();
            sessions.map(|(hash, session)| format!("{hash} {}", session.person)).collect::<Vec<_>>()
        })
    };
    linked(&room, "ana", "gia").await;
    assert_eq!(speaking(), ["a1 ana", "b2 ana"]);
    room.says("ana", "/unlink github-7").await;
    assert_eq!(speaking(), ["a1 ana"]);
}
