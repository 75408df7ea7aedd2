//! What does not come about is said with its cause and a way out, and nothing that ran before is touched.

use folkops_world::World;

#[tokio::test]
async fn a_change_that_cannot_run_is_answered_with_its_cause_and_production_runs_on() {
    let world = World::start().await;
    let before = world.running();
    let visitors = world.load(2);

    fails_to_build(&world).await;
    never_gets_healthy(&world).await;
    conflicts(&world).await;

    assert_eq!(world.running(), before, "the same processes of the same builds");
    let seen = visitors.stop().await;
    assert_eq!(seen.failed, Vec::<String>::new(), "{} were answered", seen.good);
}

async fn fails_to_build(world: &World) {
    world.says("ana", "/deploy-preview 55").await;
    world.presses("jo", "Allow").await;
    let card = world.card_matching("ana", "#55 does not build").await;
    assert_eq!(card.state, "went wrong");
    assert!(card.log.as_deref().is_some_and(|log| log.contains("error[E0308]")), "{card} {:?}", card.log);
    assert!(card.row("Next").contains("Its author mends it"), "{card}");
    assert_eq!(world.status().await["previews"].as_array().map(Vec::len), Some(0));
}

async fn never_gets_healthy(world: &World) {
    world.says("ana", "/deploy-preview 59").await;
    world.presses("jo", "Allow").await;
    let card = world.card_matching("ana", "#59 starts, but never answers as healthy").await;
    assert!(card.log.is_some(), "{card}");
    let gone =
        async || world.running().iter().all(|program| program.stack.starts_with("release-")).then_some(());
    folkops_world::until("what did not get healthy is gone", gone).await;
}

async fn conflicts(world: &World) {
    let card = world.says("ana", "/deploy-preview 41 57").await;
    assert_eq!(card.title, "#41 and #57 both change web");
    assert_eq!(card.row("Next"), "Take one of them, or put #57 on top of #41 in its repository");
}
