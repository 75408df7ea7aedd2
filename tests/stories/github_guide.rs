//! The guide for pull requests, followed word by word: the App is made by its page, pasted, and answers a comment.
//!
//! The lines come from the guide itself; only the addresses in them are those of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use folkops_world::{Chromium, GitHub, Permission, Setup, World};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use toml::Table;

const GUIDE: &str = include_str!("../../docs/guides/github.md");

#[tokio::test]
async fn whoever_follows_the_guide_has_an_app_that_answers_a_comment() {
    let setup = Setup::new(|_| {}).await;
    let github = GitHub::start(&setup.repositories).await;
    github.user("mira");
    for component in ["web", "recipes-api"] {
        github.collaborator(&format!("{}/{component}", GitHub::OWNER), "jo", Permission::Write);
    }
    let site = setup.ordinary()["site"]["url"].as_str().unwrap().to_owned();

    let pasted = makes_the_app(&setup, &github, &site).await;
    let secret = setup.folder().join(pasted["github"]["secrets"][0].as_str().unwrap());
    for file in fs::read_dir(secret.parent().unwrap()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "only this user reads the credentials");
    }

    let mut config = setup.ordinary();
    config.extend(pasted);
    let on_github = blocks("toml").find(|block| block.contains("[[component]]")).unwrap();
    let line: Table = on_github.parse().unwrap();
    assert_eq!(line["component"][0]["github"].as_str(), Some("potluck/web"));
    for component in config["component"].as_array_mut().unwrap() {
        let component = component.as_table_mut().unwrap();
        assert!(component.remove("repository").is_some(), "in place of `repository`");
        let name = format!("{}/{}", GitHub::OWNER, component["name"].as_str().unwrap());
        component.insert("github".into(), name.into());
    }
    setup.configure(&config);
    setup.folkops(&["config"]).await.well();

    // GitHub delivers to the site's address; a name of this machine alone it could not look up.
    let secret = fs::read_to_string(secret).unwrap();
    github.webhooks_go_to(&format!("http://{}/webhooks/github", setup.site), secret.trim());
    let world = World::empty(setup).await;
    world.until_release(1).await;
    github.opens("potluck/web", 41, "mira");
    github.comments("potluck/web", 41, "mira", "/folkops deploy-preview");
    github.until_comment("potluck/web", 41, |comment| comment.body.contains("waits for one look")).await;
}

/// Runs the guide's first line, opens the address that it prints, and clicks once; gives what is to be pasted.
async fn makes_the_app(setup: &Setup, github: &GitHub, site: &str) -> Table {
    let line = blocks("sh").find(|block| block.starts_with("folkops init github")).unwrap();
    let enterprise = blocks("sh").find(|block| block.contains("--web")).unwrap();
    assert!(enterprise.contains("--api"), "a GitHub elsewhere is named by both addresses");
    let words = line.split_whitespace().skip(1).map(|word| word.replace("https://ops.example.org", site));
    let elsewhere = ["--web", github.web(), "--api", github.api()].map(str::to_owned);
    let words: Vec<String> = words.chain(elsewhere).collect();
    let mut making = setup.program.command(setup.folder(), &words).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(making.stdout.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).await.unwrap();
    let address = first.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");

    let browser = Chromium::start().await;
    browser.opens(address).await;
    browser.presses("Make it on GitHub").await;
    browser.until_sees(&["The App is there"]).await;

    let mut rest = String::new();
    said.read_to_string(&mut rest).await.unwrap();
    assert!(making.wait().await.unwrap().success());
    let (_, section) = rest.split_once("configuration:\n\n").expect("a section to paste");
    let section = section.split_once("\n\n").expect("what comes next").0;
    let kept: Table = blocks("toml").find(|block| block.contains("[github]")).unwrap().parse().unwrap();
    let pasted: Table = section.parse().unwrap();
    let keys = |table: &Table| table["github"].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(keys(&kept).iter().all(|key| keys(&pasted).contains(key)), "as the guide shows it: {section}");
    pasted
}

/// The guide's blocks of a kind, in order.
fn blocks(kind: &str) -> impl Iterator<Item = &'static str> {
    GUIDE.split("\n```").filter_map(move |part| part.strip_prefix(kind)?.strip_prefix('\n'))
}
