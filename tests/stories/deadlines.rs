//! A preview does not outlive its deadline, whoever else is alive.

use std::time::Duration;

use folkops_world::{World, until_within};

/// A minute that the preview has, a minute in which it must be gone, and what it takes to look.
const GONE: Duration = Duration::from_secs(125);

#[tokio::test]
async fn a_preview_is_gone_within_a_minute_of_its_deadline_though_the_bot_is_dead() {
    let mut world = World::with(|config| {
        config["limits"].as_table_mut().unwrap().insert("preview_minutes".into(), 1.into());
    })
    .await;
    world.says("mira", "/deploy-preview 41").await;
    world.presses("jo", "Allow").await;
    world.card_matching("mira", "Preview of #41 is up").await;
    let preview = world.running().into_iter().filter(|program| program.stack.starts_with("p-")).count();
    assert_eq!(preview, 2);
    world.kill().await;
    // What the record held is lost as well.
    std::fs::remove_dir_all(world.setup().state().join("record")).unwrap();
    let gone = async || world.running().iter().all(|program| program.stack == "release-1").then_some(());
    until_within(GONE, "the preview's processes are gone", gone).await;
    assert_eq!(world.running().len(), 2, "production runs on");
}
