//! Soaks: everybody has the release, and the router goes on telling how they fare.

use folkops_router::observed::Since;
use folkops_router::table::Salt;

use crate::rollouts::{BLOCK, PERIOD, Scene, share, since};

#[tokio::test]
async fn when_everybody_has_it_each_visitor_counts_once_more_and_there_is_no_other_side() {
    let mut scene = Scene::set(2_500, 7_500).await;
    scene.gets(100).await;
    scene
        .put(|table| {
            let split = table.service.rollout.as_mut().unwrap();
            table.service.default = split.candidate.clone();
            (split.weight, split.control) = (share(10_000), share(0));
            split.salt = Salt::parse(&"7".repeat(32)).unwrap();
        })
        .await;
    assert!(scene.gets(100).await.iter().all(|body| body == "next"));
    scene.gets(100).await;
    // One who brings no cookie is served, and told of, but is nobody who could be counted once.
    scene.browser().get("/").await;
    assert_eq!(scene.world.bot.rollout(&since(0, 0)).await.unwrap(), None, "the steps are over");
    scene.world.clock.pass(BLOCK + 2 * PERIOD);
    let soak = Since { salt: Salt::parse(&"7".repeat(32)).unwrap(), cohorts: 0, ticks: 0 };
    let reading = scene.world.bot.rollout(&soak).await.unwrap().unwrap();
    let sides = &reading.cohorts[0].sides;
    assert_eq!((sides.candidate.exposed, sides.stable.exposed), (100, 0));
    let tick = &reading.ticks[0].sides;
    assert_eq!((tick.candidate.requests, tick.stable.requests), (201, 0));
}
