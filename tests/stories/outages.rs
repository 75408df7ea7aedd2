//! The service outlives its operator: nobody who uses it notices that the bot is gone, and it can be rolled back then.

use folkops_world::{Load, World, until};

/// Requests that must be answered well before anything further happens.
const MORE: u64 = 25;

#[tokio::test]
async fn the_bot_dies_and_starts_ten_times_and_not_one_request_fails() {
    let mut world = World::start().await;
    let before = world.running();
    let visitors = world.load(6);
    for round in 0..10 {
        // It dies with work at hand: every other time a build, which the next start takes up.
        if round % 2 == 0 {
            world.sends("mira", "/deploy-preview 41").await;
            world.sends("jo", &format!("/ok-to-test {}", world.head(41))).await;
        }
        answered_more(&visitors).await;
        world.kill().await;
        answered_more(&visitors).await;
        world.restart().await;
    }
    answered_more(&visitors).await;
    let seen = visitors.stop().await;
    println!("10 kills, {} requests, {} failed", seen.good, seen.failed.len());
    assert_eq!(seen.failed, Vec::<String>::new());
    world.card_matching("mira", "Preview of #41 is up").await;
    let production = world.running().into_iter().filter(|program| program.stack == "release-1");
    assert_eq!(production.collect::<Vec<_>>(), before, "production never stopped");
}

async fn answered_more(visitors: &Load) {
    let goal = visitors.good() + MORE;
    until("the visitors are answered", async || (visitors.good() >= goal).then_some(())).await;
}

#[tokio::test]
async fn with_the_bot_dead_the_prompt_rolls_back_and_the_bot_agrees_when_it_is_back() {
    let mut world = World::start().await;
    let first = world.running_digests("release-1");
    world.says("jo", &format!("/ok-to-test {}", world.head(41))).await;
    world.says("jo", "/promote 41").await;
    world.until_release(2).await;
    world.card_matching("jo", "live for everyone").await;
    let visitors = world.load(2);

    world.kill().await;
    let said = world.setup().folkops(&["rollback", "--offline"]).await;
    assert_eq!(said.well(), "everybody is sent to release 1; the bot will record it when it is back");
    assert_eq!(world.behind(&page(&world).await), first, "at once, and to the very bytes");

    world.restart().await;
    let back = world.card_matching("ana", "is back on release 1").await;
    assert!(back.by_itself && back.row("Why").contains("FolkOps by itself"), "{back}");
    assert_eq!(world.release().await, Some(1));
    world.kill().await;
    world.restart().await;
    assert_eq!(world.release().await, Some(1), "it stays so");
    assert_eq!(world.behind(&page(&world).await), first);
    assert_eq!(visitors.stop().await.failed, Vec::<String>::new());
}

async fn page(world: &World) -> String {
    world.visits(&mut world.visitor(), "ben", "/").await.body
}
