//! What the room is told of a change while people try it: how much was used by how many, and what nobody touched.

use folkops_world::{Browser, Card, Journal, World, until};

const SOUP: &str = "/red-lentil-soup";
/// How often each of the two looks at the soup.
const LOOKS: u64 = 15;

#[tokio::test]
async fn two_people_use_a_change_and_the_room_is_told_how_much_and_what_nobody_touched() {
    let mut world = World::start().await;
    world.says("jo", &format!("/ok-to-test {}", world.head(41))).await;
    let nothing = world.says("mira", "/evidence 41").await;
    assert!(nothing.title.starts_with("No evidence yet on #41"), "{nothing}");
    assert!(nothing.row("Next").starts_with("/opt-in 41"), "{nothing}");

    let (mut ana, mut ben) = (opted_in(&world, "ana").await, opted_in(&world, "ben").await);
    for _ in 0..LOOKS {
        world.visits(&mut ana, "ana", &format!("{SOUP}?guests=6")).await.shows(&["#41"]);
        world.visits(&mut ben, "ben", SOUP).await.shows(&["#41"]);
    }
    cooks_until_recorded(&world).await;

    // What was recorded outlives the bot.
    world.kill().await;
    world.restart().await;
    let card = world.says("mira", "/usage 41").await;
    assert_eq!(card.title, format!("Evidence of #41 at {}", &world.head(41)[..7]), "{card}");
    assert!(card.body[0].starts_with("2 people, 30 requests, 1 day: 0.0 % failed"), "{card}");
    assert_eq!(card.row("Tried"), format!("GET {SOUP} 30"), "{card}");
    let untested = card.row("Untested");
    assert!(untested.contains(&format!("POST {SOUP}/cooked (0 requests; production ")), "{card}");
    let journal = world.journal().await;
    for seen in journal.every("usage-observed") {
        assert!(!seen.to_string().contains("guests"), "{seen}");
    }
}

/// Somebody tries #41, and ties a browser to it.
async fn opted_in(world: &World, who: &str) -> Browser {
    world.says(who, "/opt-in 41").await;
    world.presses(who, "Try it on my account").await;
    let link = world.until_card(who, "their link", |card: &Card| card.secret.is_some()).await;
    let mut browser = world.visitor();
    world.follows(&mut browser, &link.secret.unwrap()).await;
    browser
}

/// Everybody else goes on cooking until the record has it, and all that the two did.
async fn cooks_until_recorded(world: &World) {
    let mut carl = world.visitor();
    until("the use is recorded", async || {
        let host = world.service_host();
        carl.tries_sending(host, &format!("{SOUP}/cooked"), &[("guests", "4")]).await.unwrap();
        recorded(&world.journal().await).then_some(())
    })
    .await;
}

fn recorded(journal: &Journal) -> bool {
    let seen = journal.every("usage-observed");
    let requests = seen.iter().map(|seen| {
        let tried = &seen["body"]["seen"]["tried"][0]["endpoints"][format!("GET {SOUP}")];
        tried["ended"]["requests"].as_u64().unwrap_or(0)
    });
    let cooked = |seen: &&serde_json::Value| {
        seen["body"]["seen"]["production"].get(format!("POST {SOUP}/cooked")).is_some()
    };
    requests.sum::<u64>() >= 2 * LOOKS && seen.iter().any(cooked)
}
