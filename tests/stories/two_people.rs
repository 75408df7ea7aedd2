//! The main job in real browsers: one person's own mix beside everybody's production, then for everyone, then back.

use folkops_world::{Chromium, Setup, World};
use futures::future::join4;

const SOUP: &str = "/red-lentil-soup";

/// Everybody's browsers, each in the room by an invitation of their own.
struct People {
    mira: Chromium,
    jo: Chromium,
    ana: Chromium,
    ben: Chromium,
}

#[tokio::test]
async fn a_strangers_change_is_looked_at_tried_by_one_given_to_all_and_taken_back() {
    let setup = Setup::new(|_| {}).await;
    let world = World::empty(setup).await;
    let people = enter(&world).await;
    world.until_release(1).await;
    let first = world.running_digests("release-1");
    assert_eq!(first.len(), 2, "{first:?}");

    let sha = waits_for_one_look(&world, &people).await;
    starts_by_itself(&people, &sha).await;
    let mix = ana_alone_has_both(&world, &people).await;
    let second = everybody_has_both(&world, &people).await;
    assert_ne!(second, first);
    assert_eq!(second.keys().collect::<Vec<_>>(), mix.keys().collect::<Vec<_>>());
    back_to_the_very_bytes(&world, &people, &first).await;
}

async fn enter(world: &World) -> People {
    let (mira, jo, ana, ben) = join4(
        joined(world, "Mira", &["--git", "mira@example.org"]),
        joined(world, "Jo", &["--group", "maintainer", "--owner", "jo"]),
        joined(world, "Ana", &["--group", "user", "--owner", "ana"]),
        joined(world, "Ben", &["--group", "user", "--owner", "ben"]),
    )
    .await;
    People { mira, jo, ana, ben }
}

async fn joined(world: &World, name: &str, invitation: &[&str]) -> Chromium {
    let browser = Chromium::start().await;
    let words: Vec<&str> = ["invite", name].iter().chain(invitation).copied().collect();
    let link = world.setup().folkops(&words).await;
    browser.opens(link.well()).await;
    browser.presses("Join as").await;
    browser.until_sees(&["kitchen", "Send"]).await;
    browser
}

/// Gives the commit that waits.
async fn waits_for_one_look(world: &World, people: &People) -> String {
    people.mira.says("/deploy-preview 41").await;
    let asked = people.mira.card("waits for one look").await;
    for words in ["first-look", "before it runs", "It starts by itself then", "Jo"] {
        assert!(asked.contains(words), "no `{words}` in {asked}");
    }
    assert_eq!(world.running().len(), 2, "nothing of a stranger's runs yet");
    assert!(world.running().iter().all(|program| program.stack == "release-1"));
    world.head(41).to_owned()
}

async fn starts_by_itself(people: &People, sha: &str) {
    people.jo.presses(&format!("Allow {}", &sha[..7])).await;
    people.jo.card("#41 may run at").await;
    // The author hears of it on the card that she got first; nobody said anything more.
    let up = people.mira.card("Preview of #41 is up").await;
    assert!(up.contains("Everything else is what production runs now."), "{up}");
}

/// Gives the builds of Ana's mix.
async fn ana_alone_has_both(world: &World, people: &People) -> std::collections::BTreeMap<String, String> {
    people.ana.says("/opt-in 41 43").await;
    people.ana.card("Not by Ana").await;
    people.jo.says(&format!("/ok-to-test {}", world.head(43))).await;
    people.jo.card("#43 may run at").await;

    people.ana.says("/opt-in 41 43").await;
    let asked = people.ana.card("Try #41 and #43 on your own account?").await;
    assert!(asked.contains("may read and change the data of ana"), "{asked}");
    let room = people.ana.tab().await;
    people.ana.presses("Try it on my account").await;
    people.ana.card("mix now has #41 and #43").await;

    // The link is Ana's alone: nobody else's page has it.
    people.ben.card("mix now has #41 and #43").await;
    assert!(!people.ben.sees().await.contains("Tie this browser"), "Ben sees Ana's link");
    people.ana.presses_into_new_tab("Open ana.potluck.localhost").await;
    people.ana.presses("Use it in this browser").await;
    people.ana.until_sees(&["Ana’s book"]).await;
    people.ana.opens(&address(world, "ana", &format!("{SOUP}?guests=6"))).await;
    let hers = people.ana.until_sees(&["6 guests", "450 g", "Cooked 3 times", "#41 + #43"]).await;

    people.ben.opens_beside(&address(world, "ben", &format!("{SOUP}?guests=6"))).await;
    let his = people.ben.until_sees(&["Serves 4", "300 g", "Cooked once", "Release 1"]).await;
    assert!(!his.contains("6 guests"), "{his}");
    assert_eq!(world.behind(&his), world.running_digests("release-1"));
    let mix = world.behind(&hers);
    people.ana.looks_at(room).await;
    mix
}

/// Gives the builds that everybody has then.
async fn everybody_has_both(world: &World, people: &People) -> std::collections::BTreeMap<String, String> {
    people.jo.says("/promote 41 43").await;
    people.jo.card("#41 and #43 are live for everyone").await;
    world.until_release(2).await;
    people.ben.opens(&address(world, "ben", &format!("{SOUP}?guests=6"))).await;
    let his = people.ben.until_sees(&["6 guests", "450 g", "Cooked once", "Release 2"]).await;
    world.behind(&his)
}

async fn back_to_the_very_bytes(
    world: &World,
    people: &People,
    first: &std::collections::BTreeMap<String, String>,
) {
    people.jo.says("/rollback").await;
    people.jo.card("is back on release 1").await;
    people.ben.opens(&address(world, "ben", SOUP)).await;
    let his = people.ben.until_sees(&["Serves 4", "300 g", "Release 1"]).await;
    assert_eq!(world.behind(&his), *first, "the processes that serve Ben run the very bytes of before");
}

fn address(world: &World, owner: &str, path: &str) -> String {
    format!("http://{owner}.{}:{}{path}", world.service_host(), world.setup().router.port())
}
