//! What the use of a change is told as: enough of it, too little of it, and never who did what.

use std::collections::{BTreeMap, BTreeSet};

use folkops_engine::{Body, Outbox};
use folkops_model::{ChangeNumber, ChangeRef, Ended, Endpoint, PersonId, StackName, Tried, Usage, Used};
use folkops_previews::ports::UsageBlock;
use folkops_previews::usage::{Observer, Trying};
use folkops_previews::{Mixes, Usages};

use crate::doubles::{component, sha};
use crate::room::Room;

async fn open() -> Room {
    let room = Room::open().await;
    for seed in ["41 first", "43 first"] {
        room.says("jo", &format!("/ok-to-test {}", sha(seed))).await;
    }
    room
}

async fn opts_in(room: &Room, who: &str, what: &str) {
    room.says(who, &format!("/opt-in {what}")).await;
    let word = room.consent_word();
    room.says(who, &format!("/opt-in {what} --yes={word}")).await;
}

fn ended(requests: u64, failed: u64) -> Ended {
    Ended { requests, failed, latency: [(6, requests - failed)].into() }
}

type Asked<'a> = (&'a str, u64, u64);

fn endpoints(asked: &[Asked<'_>]) -> BTreeMap<Endpoint, Ended> {
    let one =
        |(name, requests, failed): &Asked<'_>| (Endpoint::parse(name).unwrap(), ended(*requests, *failed));
    asked.iter().map(one).collect()
}

/// A block of the edge's: what each person's mix, and production, were asked for.
fn block(room: &Room, index: u64, people: &[(&str, &[Asked<'_>])], production: &[Asked<'_>]) -> UsageBlock {
    let stack = |who: &str| {
        room.ledger.read(|facts| {
            let mixes = facts.fold::<Mixes>().unwrap();
            mixes.mixes.get(&PersonId::parse(who).unwrap()).unwrap().serving.clone().unwrap().stack
        })
    };
    let mut stacks: BTreeMap<StackName, _> =
        people.iter().map(|(who, asked)| (stack(who), endpoints(asked))).collect();
    stacks.insert(StackName::parse("release-1").unwrap(), endpoints(production));
    UsageBlock { epoch: "a".into(), index, stacks }
}

async fn sees(room: &Room, observer: &mut Observer, block: &UsageBlock) -> Usage {
    let seen = room.ledger.read(|facts| observer.observe(facts, &Trying::now(facts), block)).unwrap();
    room.engine.note(Body::UsageObserved { seen: seen.clone() }).await.unwrap();
    seen
}

#[tokio::test]
async fn what_two_people_used_is_told_beside_production_and_what_nobody_touched() {
    let room = open().await;
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41 43").await;
    let mut observer = Observer::default();
    let production = [("GET /recipes/{id}", 400, 4), ("POST /recipes", 310, 0), ("GET /", 90, 0)];
    let people: [(&str, &[Asked<'_>]); 2] = [
        ("ana", &[("GET /recipes/{id}", 30, 3), ("GET /new", 2, 0)]),
        ("mira", &[("GET /recipes/{id}", 10, 0), ("GET /", 8, 0)]),
    ];
    sees(&room, &mut observer, &block(&room, 0, &people, &production)).await;
    let card = room.says("ben", "/usage 41").await;
    for words in [
        "Good: Evidence of #41 at ",
        "2 people, 50 requests, 1 day: 6.0 % failed (95 % interval ",
        "Here: 6.2 % failed; half answered within 32 ms, fewer than 95 of 100 ",
        "Production: 0.8 % failed; half answered within 32 ms",
        "Tried: `GET /recipes/{id}` 40, `GET /` (few people), `GET /new` (few people)",
        "Untested: `POST /recipes` (0 requests; production 310)",
        "[Try it on my account]",
    ] {
        assert!(card.contains(words), "no `{words}` in {card}");
    }
    assert!(!card.contains("ana") && !card.contains("mira"), "{card}");
    // The other change of Mira's mix was used by one person: no number is told of it.
    let other = room.says("ben", "/evidence 43").await;
    assert!(other.contains("Waiting: No evidence yet on #43"), "{other}");
    assert!(other.contains("what one person does is told to nobody") && !other.contains("18"), "{other}");
    assert!(other.contains("Missing: 1 more person"), "{other}");
}

#[tokio::test]
async fn nobody_and_too_little_are_no_evidence_and_say_what_to_do() {
    let room = open().await;
    let card = room.says("ben", "/evidence 41").await;
    assert!(card.contains("No evidence yet on #41\nNobody has used it"), "{card}");
    assert!(card.contains("Next: `/opt-in 41` tries it, for your own workload only"), "{card}");
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41").await;
    let people: [(&str, &[Asked<'_>]); 2] = [("ana", &[("GET /", 3, 0)]), ("mira", &[("GET /", 4, 0)])];
    sees(&room, &mut Observer::default(), &block(&room, 0, &people, &[])).await;
    let card = room.says("ben", "/evidence 41").await;
    assert!(card.contains("2 people, 7 requests.\nMissing: 13 more requests"), "{card}");
}

#[tokio::test]
async fn a_push_begins_anew_and_the_card_says_of_which_commit_it_speaks() {
    let room = open().await;
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41").await;
    let people: [(&str, &[Asked<'_>]); 2] = [("ana", &[("GET /", 30, 0)]), ("mira", &[("GET /", 4, 0)])];
    sees(&room, &mut Observer::default(), &block(&room, 0, &people, &[])).await;
    room.push("web", 41, "41 second").await;
    let card = room.says("ben", "/evidence 41").await;
    let (old, new) = (sha("41 first"), sha("41 second"));
    assert!(card.contains(&format!("Evidence of #41 at {}", old.short())), "{card}");
    assert!(
        card.contains(&format!("Moved: It stands at {} now, which nobody has tried", new.short())),
        "{card}"
    );
    room.closes("web", 41).await;
    let card = room.says("ben", "/evidence 41").await;
    assert!(card.contains("Evidence of #41") && !card.contains("[Try it"), "{card}");
}

#[tokio::test]
async fn a_promotion_says_what_was_tried_and_what_was_not() {
    let room = open().await;
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41").await;
    let people: [(&str, &[Asked<'_>]); 2] = [("ana", &[("GET /", 30, 0)]), ("mira", &[("GET /", 10, 2)])];
    let production = [("GET /", 100, 1), ("PUT /photo", 5, 0)];
    sees(&room, &mut Observer::default(), &block(&room, 0, &people, &production)).await;
    let _held = room.hands.held.write().await;
    let card = room.begins("jo", "/promote 41 43").await;
    assert!(
        card.contains("Evidence: #41: 2 people, 40 requests, 1 day: 5.0 % failed (production 1.0 %)"),
        "{card}"
    );
    assert!(card.contains("Untested: `PUT /photo` (0 requests; production 5)"), "{card}");
    assert!(card.contains("Evidence: #43: nobody tried this commit on their own account"), "{card}");
}

#[tokio::test]
async fn the_previews_own_card_says_how_many_use_it_and_no_new_message_does() {
    let room = open().await;
    room.says("ben", "/deploy-preview 41").await;
    let before = room.cards().len();
    let preview = || room.cards().into_iter().find(|card| card.contains("Preview of #41 is up")).unwrap();
    assert!(!preview().contains("Used by"), "{}", preview());
    opts_in(&room, "ana", "41").await;
    assert!(preview().contains("Used by: 1 person on their own account; `/evidence 41`"), "{}", preview());
    opts_in(&room, "mira", "41").await;
    assert!(preview().contains("Used by: 2 people"), "{}", preview());
    room.says("ana", "/opt-out").await;
    assert!(preview().contains("Used by: 1 person"), "{}", preview());
    // Two questions, two mixes with a private link each, one farewell.
    assert_eq!(room.cards().len() - before, 7, "{}", room.all());
}

#[tokio::test]
async fn a_mix_that_was_left_still_counts_and_a_new_life_of_the_edge_is_told() {
    let room = open().await;
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41").await;
    let people: [(&str, &[Asked<'_>]); 2] = [("ana", &[("GET /", 30, 0)]), ("mira", &[("GET /", 10, 0)])];
    let block = block(&room, 7, &people, &[]);
    let trying = room.ledger.read(Trying::now);
    room.says("ana", "/opt-out").await;
    let mut observer = Observer::default();
    let seen = room.ledger.read(|facts| observer.observe(facts, &trying, &block)).unwrap();
    assert_eq!(seen.next, 8);
    room.engine.note(Body::UsageObserved { seen }).await.unwrap();
    sees(&room, &mut observer, &UsageBlock { epoch: "b".into(), ..block }).await;
    let card = room.says("ben", "/evidence 41").await;
    assert!(card.contains("2 people, 80 requests"), "{card}");
    assert!(card.contains("Missing: The router began anew once"), "{card}");
}

#[tokio::test]
async fn no_record_says_who_used_what() {
    let room = open().await;
    opts_in(&room, "ana", "41").await;
    opts_in(&room, "mira", "41").await;
    let mut observer = Observer::default();
    let people: [(&str, &[Asked<'_>]); 2] = [("ana", &[("GET /a", 3, 0)]), ("mira", &[("GET /a", 4, 1)])];
    let first = sees(&room, &mut observer, &block(&room, 0, &people, &[])).await;
    let used = Used { people: 2, ended: Ended { requests: 7, failed: 1, latency: [(6, 6)].into() } };
    let tried = Tried {
        change: ChangeRef { component: component("web"), number: ChangeNumber(41) },
        sha: sha("41 first"),
        newcomers: BTreeSet::from(["ana", "mira"].map(|id| PersonId::parse(id).unwrap())),
        endpoints: [(Endpoint::parse("GET /a").unwrap(), used)].into(),
    };
    assert_eq!(first.tried, [tried]);
    let only_ana: [(&str, &[Asked<'_>]); 1] = [("ana", &[("GET /a", 1, 0)])];
    let second = sees(&room, &mut observer, &block(&room, 1, &only_ana, &[])).await;
    assert!(second.tried[0].newcomers.is_empty());
    let nothing =
        room.ledger.read(|facts| observer.observe(facts, &Trying::now(facts), &block(&room, 2, &[], &[])));
    assert_eq!(nothing, None);
    room.until(|facts| {
        facts.fold::<Usages>().unwrap().next.get(&"now".to_owned()).is_some_and(|next| next.1 == 2)
    })
    .await;
    assert!(room.ledger.read(|facts| facts.fold::<Outbox>().unwrap().owed.is_empty()));
}
