//! What ended at which endpoint, as the bot reads it block by block.

use std::collections::BTreeMap;

use folkops_model::Ended;
use folkops_router::usage::{Block, Wanted};
use http::{Request, Response, StatusCode};
use http_body_util::Full;

use crate::upstreams::{answering, named};
use crate::visitors::Browser;
use crate::world::{SERVICE, World, backend, link, person, table};

/// Ana has a mix of her own that cannot save; everybody else has the release.
async fn scene() -> (World, Browser, Browser) {
    let world = World::start().await;
    let (release, _) = answering(world.folder.path(), "release", |asked| {
        let known = asked.uri.path().starts_with("/recipes");
        let status = if known { StatusCode::OK } else { StatusCode::NOT_FOUND };
        Response::builder().status(status).body(Full::from("release")).unwrap()
    });
    let (mix, _) = answering(world.folder.path(), "mix", |asked| {
        let status = if asked.method == http::Method::POST {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        };
        Response::builder().status(status).body(Full::from("mix")).unwrap()
    });
    let mut table = table(1, &release);
    table.people.insert(person("ana"), backend("mix-ana-1", &mix));
    table.links.extend([link("first-token-0000")]);
    world.bot.put_table(&table).await.unwrap();
    let (mut ana, ben) = (Browser::at(&world, SERVICE), Browser::at(&world, SERVICE));
    ana.join("first-token-0000").await;
    (world, ana, ben)
}

async fn block(world: &World, epoch: &str, next: u64) -> Block {
    world.bot.usage(&Wanted { epoch: epoch.into(), next }).await.unwrap()
}

/// Requests and failures at each endpoint of an arm.
fn counts(block: &Block, arm: &str) -> BTreeMap<String, (u64, u64)> {
    let arm = block.arms.iter().find(|(name, _)| name.as_str() == arm);
    let endpoints = arm.into_iter().flat_map(|(_, endpoints)| endpoints);
    endpoints.map(|(name, ended)| (name.to_string(), (ended.requests, ended.failed))).collect()
}

fn told(rows: &[(&str, u64, u64)]) -> BTreeMap<String, (u64, u64)> {
    rows.iter().map(|(name, requests, failed)| ((*name).to_owned(), (*requests, *failed))).collect()
}

#[tokio::test]
async fn what_each_side_was_asked_for_is_told_by_endpoint_and_nothing_of_the_query_is() {
    let (world, mut ana, mut ben) = scene().await;
    for path in ["/recipes/41?note=mine", "/recipes/42"] {
        ana.get(path).await;
        ben.get(path).await;
    }
    ana.ask(Request::post("/recipes"), "secret").await;
    ana.get("/gone").await;
    ben.get("/wp-admin").await;
    let block = block(&world, "", 0).await;
    assert_eq!(
        counts(&block, "mix-ana-1"),
        told(&[("GET /recipes/{id}", 2, 0), ("POST /recipes", 1, 1), ("GET /gone", 1, 0)])
    );
    assert_eq!(counts(&block, "release-218"), told(&[("GET /recipes/{id}", 2, 0), ("other", 1, 0)]));
    let answered = |ended: &Ended| ended.latency.values().sum::<u64>();
    assert!(block.arms.values().flat_map(BTreeMap::values).all(|ended| answered(ended) == ended.requests));
    let text = serde_json::to_string(&block).unwrap();
    assert!(!text.contains("note") && !text.contains("secret") && !text.contains("42"), "{text}");
}

#[tokio::test]
async fn a_block_is_told_again_until_it_is_recorded_and_a_new_life_of_the_router_says_so() {
    let (mut world, mut ana, _) = scene().await;
    ana.get("/recipes").await;
    let first = block(&world, "", 0).await;
    ana.get("/recipes").await;
    // The bot crashed before it had recorded the block, and reads it again.
    assert_eq!(block(&world, &first.epoch, 0).await, first);
    let second = block(&world, &first.epoch, 1).await;
    assert_eq!((second.index, counts(&second, "mix-ana-1")), (1, told(&[("GET /recipes", 1, 0)])));
    world.stop().await;
    world.boot().await.unwrap();
    let anew = block(&world, &second.epoch, 2).await;
    assert_ne!(anew.epoch, second.epoch);
    assert_eq!((anew.index, anew.arms.len()), (0, 0));
}

#[tokio::test]
async fn a_table_changes_no_count() {
    let world = World::start().await;
    let (release, _) = named(world.folder.path(), "release");
    world.bot.put_table(&table(1, &release)).await.unwrap();
    let mut ben = Browser::at(&world, SERVICE);
    ben.get("/recipes").await;
    world.bot.put_table(&table(2, &release)).await.unwrap();
    ben.get("/recipes").await;
    let block = block(&world, "", 0).await;
    assert_eq!(counts(&block, "release-218"), told(&[("GET /recipes", 2, 0)]));
}
