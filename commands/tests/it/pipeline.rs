//! What the pipeline promises whatever the command: nothing doubled, nothing blocked, nothing lost in a flood.

use std::sync::Arc;
use std::time::Duration;

use folkops_engine::admission::Limits;
use folkops_engine::{Ask, Call, Command, Facts, Operations, Plan, Receipt, Rejected, RequestState, Rooms};
use folkops_model::{Card, Class, CommandSpec, Context, PersonId, Principal, Resource};

use crate::doubles::sha;
use crate::room::{Ground, Room};

fn ana() -> Principal {
    Principal::Person(PersonId::parse("ana").unwrap())
}

/// A command with a defect: it panics each time.
struct Poison;

static POISON: CommandSpec = CommandSpec {
    name: "poison",
    aliases: &[],
    summary: "panics",
    example: "/poison",
    class: Class::Read,
    args: &[],
    internal: false,
};

impl Command for Poison {
    fn spec(&self) -> &'static CommandSpec {
        &POISON
    }
    fn ask(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Result<Ask, Box<Card>> {
        Ok(Ask::about(Resource::Service, Context::default()))
    }
    fn decide(&self, _call: &Call<'_>, _facts: &Facts<'_>) -> Plan {
        panic!("this command is broken")
    }
}

#[tokio::test]
async fn a_redelivery_gets_the_first_answer_and_an_edit_never_runs() {
    let room = Room::empty(Ground::default().store).await;
    let Receipt::New(first) = room.hears(ana(), "m-x", "/whoami").await.unwrap() else {
        panic!("it was new")
    };
    assert_eq!(room.hears(ana(), "m-x", "/whoami").await.unwrap(), Receipt::Again(first));
    assert_eq!(room.hears(ana(), "m-x", "/rollback").await.unwrap_err(), Rejected::Edited);
    room.quiet().await;
    assert_eq!(room.cards().len(), 1, "{}", room.all());
}

#[tokio::test]
async fn ten_redeliveries_at_once_are_one_request() {
    let room = Arc::new(Room::empty(Ground::default().store).await);
    let deliveries = (0..10).map(|_| {
        let room = room.clone();
        tokio::spawn(async move { room.hears(ana(), "m-x", "/whoami").await.unwrap() })
    });
    let receipts = futures::future::join_all(deliveries).await;
    let new = receipts.iter().filter(|receipt| matches!(receipt, Ok(Receipt::New(_)))).count();
    room.quiet().await;
    assert_eq!((new, room.cards().len()), (1, 1));
}

#[tokio::test]
async fn a_poisonous_request_is_set_aside_visibly_and_blocks_nobody() {
    let ground = Ground { extra: vec![Arc::new(Poison)], ..Ground::default() };
    let room = Room::on(ground).await;
    let card = room.says("ana", "/poison").await;
    assert!(card.starts_with("Harmful: This could not be handled and is set aside"), "{card}");
    let card = room.says("ana", "/whoami").await;
    assert!(card.starts_with("Good: You are ana"), "{card}");
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        assert!(operations.requests.iter().all(|(_, row)| !matches!(row.state, RequestState::Received(_))));
    });
}

#[tokio::test]
async fn a_flood_is_turned_away_with_a_time_to_come_back_and_safety_still_gets_through() {
    let limits = Limits { person_burst: 3, person_every: Duration::from_secs(2), ..Limits::default() };
    let room = Room::on(Ground { limits, ..Ground::default() }).await;
    for number in 0..3 {
        room.hears(ana(), &format!("m-{number}"), "hello").await.unwrap();
    }
    let turned_away = room.hears(ana(), "m-9", "hello").await.unwrap_err();
    assert_eq!(turned_away, Rejected::TooFast(Duration::from_secs(2)));
    assert_eq!(turned_away.to_string(), "that is a lot at once; try again in 2 s");
    room.hears(ana(), "m-10", "/rollback").await.unwrap();
    room.quiet().await;
}

#[tokio::test]
async fn what_is_long_over_is_forgotten_and_what_still_waits_is_not() {
    let many = 1_000_000;
    let limits = Limits { person_burst: many, surface_burst: many, queue: 20_000, ..Limits::default() };
    let ground = Ground { limits, ..Ground::default() };
    let store = ground.store.clone();
    let room = Room::furnished(ground).await;
    room.says("mira", "/deploy-preview 41").await;
    for number in 0..10_100 {
        room.hears(ana(), &format!("talk-{number}"), "good morning").await.unwrap();
    }
    room.quiet().await;
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        assert_eq!(operations.requests.len(), 5_000 + operations.live.len());
        assert_eq!((operations.live.len(), operations.operations.len()), (1, 1));
        assert_eq!(facts.fold::<Rooms>().unwrap().timeline.len(), 10_000);
    });
    let Receipt::Again(_) = room.hears(ana(), "talk-10099", "good morning").await.unwrap() else {
        panic!("it was said a moment ago")
    };
    let card = room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    assert!(card.contains("Preview of #41 is up"), "{card}");
    let kept = room.ledger.export().unwrap();
    let again = Room::empty(store).await.ledger.export().unwrap();
    assert_eq!(again, kept, "the same is forgotten whenever the journal is read");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_whole() {
    let room = Room::empty(Ground::default().store).await;
    let refused = room.hears(ana(), "m-x", &"x".repeat(4_001)).await.unwrap_err();
    assert_eq!(refused.to_string(), "a message may have 4000 characters; this one is longer");
}
