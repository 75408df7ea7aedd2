//! Starting, and not starting: each refusal says what is wrong and what to do, and leaves what runs alone.

use std::net::TcpListener;
use std::time::Duration;

use folkops_world::{Setup, World};
use toml::Table;

#[tokio::test]
async fn what_is_wrong_with_a_configuration_is_said_with_what_would_be_right() {
    let setup = Setup::new(|_| {}).await;
    let refused = async |edit: fn(&mut Table)| {
        let mut config = setup.ordinary();
        edit(&mut config);
        setup.configure(&config);
        setup.folkops(&["serve"]).await.refused().to_owned()
    };
    let typo = refused(|config| {
        config["limits"].as_table_mut().unwrap().insert("preview_minute".into(), 5.into());
    })
    .await;
    assert!(typo.contains("unknown field `preview_minute`"), "{typo}");
    assert!(typo.ends_with("did you mean `preview_minutes`?"), "{typo}");

    let entrance = refused(|config| config["router"]["entrance"] = "www".into()).await;
    assert!(
        entrance.contains("`router.entrance` is `www`, which is no component; name one of them"),
        "{entrance}"
    );

    let gone = setup.program.run(setup.folder(), &["serve", "--config", "nowhere.toml"]).await;
    assert!(gone.refused().contains("name the configuration file with `--config`"), "{}", gone.complained);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let setup = Setup::new(|_| {}).await;
    let site = TcpListener::bind(setup.site).unwrap();
    let said = setup.folkops(&["serve"]).await;
    let wanted = format!("cannot listen on `{}`", setup.site);
    assert!(said.refused().contains(&wanted) && said.complained.contains("free the port"), "{said:?}");
    drop(site);
    let _router = TcpListener::bind(setup.router).unwrap();
    let said = setup.folkops(&["serve"]).await;
    assert!(said.refused().contains("`router.log` in the state folder says why"), "{said:?}");
    let log = std::fs::read_to_string(setup.state().join("router.log")).unwrap();
    assert!(log.contains(&format!("cannot listen on `{}`", setup.router)), "{log}");
}

#[tokio::test]
async fn a_second_bot_is_refused_and_sigterm_ends_the_first_with_work_at_hand_which_is_finished_later() {
    let mut world = World::start().await;
    let mut second = world.setup().ordinary();
    let [site] = folkops_world::free_ports();
    second["site"]["listen"] = site.to_string().into();
    let path = world.setup().folder().join("second.toml");
    std::fs::write(&path, toml::to_string(&second).unwrap()).unwrap();
    let words = ["serve", "--config", path.to_str().unwrap()];
    let said = world.setup().program.run(world.setup().folder(), &words).await;
    assert!(said.refused().contains("is in use by process"), "{said:?}");

    world.says("mira", "/deploy-preview 41").await;
    world.presses("jo", "Allow").await;
    let (code, took) = world.stop().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    world.restart().await;
    world.card_matching("mira", "Preview of #41 is up").await;
    let owed = world.journal().await;
    assert_eq!(
        owed.every("operation-decided").iter().filter(|decided| command(decided) == "ok-to-test").count(),
        1
    );
}

fn command(decided: &serde_json::Value) -> &str {
    decided["body"]["action"]["command"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn without_a_wall_a_strangers_preview_is_refused_with_what_to_install() {
    let world = World::with(|config| {
        config["wall"].as_table_mut().unwrap().insert("bwrap".into(), "/nowhere/bwrap".into());
    })
    .await;
    world.says("mira", "/deploy-preview 41").await;
    world.presses("jo", "Allow").await;
    let card = world.card_matching("mira", "#41 cannot run here: there is no wall for strangers' code").await;
    assert!(card.to_string().contains("bubblewrap"), "{card}");
    assert_eq!(card.state, "refused");
    assert!(world.running().iter().all(|program| program.stack == "release-1"), "{:?}", world.running());
}
