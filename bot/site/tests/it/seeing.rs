//! What one sees, who sees it, and that looking changes nothing.

use std::collections::BTreeSet;

use folkops_engine::{Body, Draft, Keyring as _, Note, Outbox, People, Reply};
use folkops_model::{Card, CardState, Group, Line, Span};

use crate::html::tags;
use crate::world::World;

#[tokio::test]
async fn a_card_for_one_person_is_on_nobody_else_s_page() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let ben = world.knows("ben", "Ben", &[Group::Maintainer, Group::Operator]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let own = ana.get("/room/kitchen").await.body;
    assert!(own.contains("only you see this"));
    let secret = tags(&own).into_iter().find(|tag| tag.get("class") == Some("btn main secret")).unwrap();
    assert_eq!(secret.get("href"), Some("http://ana.potluck.localhost:7080/join/4"));
    assert_eq!(secret.get("target"), Some("_blank"));
    let id = own.split("id=\"m-c-").filter(|part| part.contains("only you see this")).last().unwrap();
    let message = format!("c-{}", id.split('"').next().unwrap());

    for other in [ben, world.reader()] {
        let room = other.get("/room/kitchen").await.body;
        assert!(room.contains("<h3>Ana said soup</h3>"));
        for secret in ["only you see this", "Your link", "join/4", message.as_str()] {
            assert!(!room.contains(secret), "{secret}");
        }
        assert_eq!(other.get(&format!("/room/kitchen/thread/{message}")).await.status, 404);
    }
    let thread = ana.get(&format!("/room/kitchen/thread/{message}")).await;
    assert_eq!(thread.status, 404, "a private card opens no thread");
}

#[tokio::test]
async fn a_secret_link_that_strayed_into_a_card_for_all_is_not_drawn() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let reply = world.engine.ledger().read(|facts| {
        let (_, row) = facts.fold::<Outbox>().unwrap().replies.iter().next().unwrap();
        row.reply.clone()
    });
    let secret = world.keys.seal("http://ana.potluck.localhost:7080/join/strayed").unwrap();
    let card = Card::new(CardState::Good, "Strayed").say(Line::new().span(Span::SecretLink(secret)));
    let told = Note::of(Body::PeopleTold { subject: "x".into(), people: BTreeSet::new() }).unwrap();
    world.engine.note_draft(Draft::note(told).reply(Reply { revision: 1, card, ..reply })).await.unwrap();
    world.until_quiet().await;
    for browser in [ana, world.reader()] {
        let room = browser.get("/room/kitchen").await.body;
        assert!(room.contains("<h3>Strayed</h3>") && !room.contains("join/strayed"));
    }
}

#[tokio::test]
async fn what_one_may_not_press_stays_visible_with_the_reason() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let jo = world.knows("jo", "Jo", &[Group::Maintainer]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let promote = |page: String| tags(&page).into_iter().find(|tag| tag.text.starts_with("Promote")).unwrap();
    let hers = promote(ana.get("/room/kitchen").await.body);
    assert_eq!((hers.get("type"), hers.get("aria-disabled")), (Some("button"), Some("true")));
    assert!(ana.get("/room/kitchen").await.body.contains("Not you: a maintainer promotes"));
    let his = promote(jo.get("/room/kitchen").await.body);
    assert_eq!((his.get("type"), his.get("aria-disabled")), (None, None));
    let nobodys = promote(world.reader().get("/room/kitchen").await.body);
    assert_eq!(nobodys.get("aria-describedby"), Some("join-how"));
}

#[tokio::test]
async fn the_composer_offers_each_command_with_the_judge_s_answer() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let room = ana.get("/room/kitchen").await.body;
    let offers: Vec<_> = tags(&room).into_iter().filter(|tag| tag.get("role") == Some("option")).collect();
    let said = |name: &str| offers.iter().find(|tag| tag.get("data-name") == Some(name)).unwrap();
    assert_eq!(said("echo").get("data-takes"), Some("words"));
    assert_eq!(said("echo").get("data-aliases"), Some("say-again"));
    assert_eq!(said("promote").get("data-takes"), Some("change…"));
    assert!(room.contains("you may"));
    assert!(room.contains("not you: a maintainer promotes"));
}

#[tokio::test]
async fn somebody_whose_name_was_erased_is_somebody_everywhere() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    let people = world.engine.ledger().read(|facts| facts.fold::<People>().unwrap().people.clone());
    for (_, person) in people.iter() {
        world.keys.erase(&person.name).unwrap();
    }
    let room = world.reader().get("/room/kitchen").await.body;
    assert!(!room.contains("Ana"));
    assert!(room.contains("<h3>somebody said soup</h3>"));
}

#[tokio::test]
async fn a_long_room_is_read_page_by_page() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    for number in 0..120 {
        assert_eq!(ana.says(&format!("line {number}.")).await.status, 202);
    }
    let newest = world.reader().get("/room/kitchen").await.body;
    assert!(newest.contains("line 119.") && newest.contains("line 20.") && !newest.contains("line 19."));
    let tags = tags(&newest);
    let earlier = tags.iter().find(|tag| tag.text == "Earlier messages").unwrap().get("href").unwrap();
    let page = world.reader().get(earlier).await.body;
    assert!(page.contains("line 19.") && page.contains("line 0.") && !page.contains("line 20."));
    assert!(page.contains("Newest messages") && !page.contains("Earlier messages"));
    assert!(!page.contains("data-events"), "a page of older messages does not follow the newest");
}

#[tokio::test]
async fn looking_changes_nothing() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let link = world.invites("Mira", &[]).await;
    ana.says("hello").await;
    world.until_quiet().await;
    let before = world.engine.ledger().export().unwrap();
    let sequence = world.sequence();
    let paths = [
        "/",
        "/room/kitchen",
        "/room/kitchen?before=3",
        "/room/on-call",
        "/room/nowhere",
        "/api/status",
        "/livez",
        "/readyz",
        "/metrics",
        "/assets/site.css",
        "/assets/site.js",
        "/assets/none",
        "/leave",
        "/demo",
        "/room/kitchen/say",
        "/changes/web/41/diff",
        "/room/kitchen/thread/x",
        link.as_str(),
    ];
    for path in paths {
        for browser in [&ana, &world.reader()] {
            let answer = browser.get(path).await;
            assert_eq!(answer.header("set-cookie"), "", "{path}");
        }
    }
    assert_eq!(world.sequence(), sequence);
    assert_eq!(world.engine.ledger().export().unwrap(), before);
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let mut seen = String::new();
    for path in ["/room/kitchen", "/nowhere", "/assets/site.css", "/api/status", "/room/kitchen/say"] {
        let answer = ana.get(path).await;
        seen.push_str(&format!("GET {path} → {}\n", answer.status));
        for (name, value) in &answer.headers {
            if !["date", "content-length", "etag"].contains(&name.as_str()) {
                seen.push_str(&format!("  {name}: {}\n", value.to_str().unwrap()));
            }
        }
    }
    insta::assert_snapshot!(seen);
}

#[tokio::test]
async fn a_page_has_one_linked_script_and_no_inline_style() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("/echo soup").await;
    world.until_quiet().await;
    for tag in tags(&ana.get("/room/kitchen").await.body) {
        assert!(tag.get("style").is_none() && tag.name != "style", "{tag:?}");
        assert!(tag.attributes.iter().all(|(name, _)| !name.starts_with("on")), "{tag:?}");
        if tag.name == "script" {
            assert_eq!((tag.get("src"), tag.text.as_str()), (Some("/assets/site.js"), ""));
        }
    }
}

#[tokio::test]
async fn status_says_what_runs_without_naming_anybody() {
    let world = World::new().await;
    world.knows("ana", "Ana", &[Group::User]).await;
    let status = world.reader().get("/api/status").await;
    assert_eq!(status.header("content-type"), "application/json");
    assert!(status.body.contains("\"service\":\"potluck\"") && status.body.contains("\"production\":null"));
    assert!(!status.body.contains("Ana"));
}

#[tokio::test]
async fn a_change_is_read_line_by_line_and_vouched_for_at_that_commit() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let observed = serde_json::json!({
        "kind": "change-observed",
        "body": {
            "component": "web",
            "author_name": world.keys.seal("Mira <i>").unwrap(),
            "change": {
                "number": 41, "head": "9".repeat(40), "tree": "8".repeat(40), "base": "7".repeat(40),
                "author": "a1", "author_name": "", "title": "Scale <b>it</b>",
                "diff": { "files": 1, "added": 1, "removed": 1, "touched": [] },
            },
        },
    });
    let observed: Body = serde_json::from_value(observed).unwrap();
    world.engine.note(observed).await.unwrap();
    let page = ana.get("/changes/web/41/diff").await;
    assert_eq!(page.status, 200);
    let lines: Vec<_> = tags(&page.body).into_iter().filter(|tag| tag.get("class") == Some("del")).collect();
    assert_eq!(lines[0].text, "-<b>four</b>\n");
    assert!(page.body.contains("#41 Scale &lt;b&gt;it&lt;/b&gt;") && page.body.contains("Mira &lt;i&gt;"));
    assert!(page.body.contains(&"9".repeat(40)));
    assert_eq!(ana.get("/changes/web/42/diff").await.status, 404);
}
