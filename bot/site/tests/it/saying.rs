//! Saying something, once, and being turned away kindly.

use folkops_engine::admission::Limits;
use folkops_model::Group;

use crate::html::tags;
use crate::world::{Setting, World};

#[tokio::test]
async fn without_script_a_form_leads_back_to_a_room_that_has_the_answer() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let csrf = ana.csrf().await;
    let said =
        ana.post("/room/kitchen/say", &[("text", "/echo soup"), ("key", "firstkey1"), ("csrf", &csrf)]).await;
    assert_eq!((said.status, said.header("location")), (303, "/room/kitchen"));
    let room = ana.get("/room/kitchen").await.body;
    assert!(room.contains("<code class=\"cmd\">/echo soup</code>"));
    assert!(room.contains("<h3>Ana said soup</h3>"));
}

#[tokio::test]
async fn the_same_key_again_gets_the_first_answer_and_says_nothing_twice() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let ben = world.knows("ben", "Ben", &[Group::User]).await;
    let csrf = ana.csrf().await;
    let fields = [("text", "/echo soup"), ("key", "samekey12"), ("csrf", csrf.as_str())];
    let answers = futures::future::join_all((0..6).map(|_| ana.says_json(&fields))).await;
    let request =
        |body: &str| body.split("\"request\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let first = request(&answers[0].body);
    assert!(answers.iter().all(|answer| answer.status == 202 && request(&answer.body) == first));
    assert_eq!(answers.iter().filter(|answer| answer.body.contains("\"again\":false")).count(), 1);

    let edited = ana.says_json(&[("text", "/echo stew"), ("key", "samekey12"), ("csrf", &csrf)]).await;
    assert_eq!(edited.status, 409);
    assert!(edited.body.contains("an edited message does not run; say it again as a new one"));

    let theirs =
        ben.says_json(&[("text", "/echo soup"), ("key", "samekey12"), ("csrf", &ben.csrf().await)]).await;
    assert!(theirs.status == 202 && theirs.body.contains("\"again\":false"), "{}", theirs.body);
    world.until_quiet().await;
    let room = ana.get("/room/kitchen").await.body;
    assert_eq!(room.matches("<h3>Ana said soup</h3>").count(), 1);
    assert_eq!(room.matches("<h3>Ben said soup</h3>").count(), 1);
}

#[tokio::test]
async fn what_did_not_go_through_stands_in_the_field_with_the_reason_below() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let csrf = ana.csrf().await;
    let long = "ä".repeat(4_001);
    for (text, key, status, sentence) in [
        (long.as_str(), "longkey12", 422, "a message may have 4000 characters; this one is longer"),
        ("  ", "emptykey1", 422, "there is nothing to say yet; write something first"),
        ("\"><b>hi", "BAD KEY", 422, "the form&#39;s key is malformed; load the page again"),
    ] {
        let said = ana.post("/room/kitchen/say", &[("text", text), ("key", key), ("csrf", &csrf)]).await;
        assert_eq!(said.status, status);
        let tags = tags(&said.body);
        let field = tags.iter().find(|tag| tag.get("id") == Some("say")).unwrap();
        assert_eq!(field.get("value"), Some(text));
        let reason = tags.iter().find(|tag| tag.get("id") == Some("say-err")).unwrap();
        assert_eq!(
            (reason.text.as_str(), reason.get("hidden")),
            (sentence.replace("&#39;", "'").as_str(), None)
        );
    }
}

#[tokio::test]
async fn too_much_at_once_is_told_when_to_come_back() {
    let limits = Limits { person_burst: 2, ..Limits::default() };
    let world = World::with(Setting { limits, ..Setting::default() }).await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    for _ in 0..2 {
        assert_eq!(ana.says("hello").await.status, 202);
    }
    let third = ana.says("hello").await;
    assert_eq!((third.status, third.header("retry-after")), (429, "1"));
    assert!(third.body.contains("that is a lot at once; try again in 1 s"), "{}", third.body);
}

#[tokio::test]
async fn a_full_queue_turns_away_before_anything_is_written() {
    let limits = Limits { queue: 1, ..Limits::default() };
    let world = World::with(Setting { limits, ..Setting::default() }).await;
    let jo = world.knows("jo", "Jo", &[Group::Maintainer]).await;
    let held = world.gate.acquire_many(1_000).await.unwrap();
    // The first is being handled and waits at the gate, the second fills the queue.
    assert_eq!(jo.says("/promote 41").await.status, 202);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(jo.says("/promote 43").await);
    }
    let last = answers.last().unwrap();
    assert_eq!((last.status, last.header("retry-after")), (503, "3"));
    let before = world.sequence();
    assert_eq!(jo.says("/promote 52").await.status, 503);
    assert_eq!(world.sequence(), before);
    drop(held);
    world.until_quiet().await;
    assert_eq!(jo.says("/promote 52").await.status, 202);
}

#[tokio::test]
async fn a_thread_keeps_what_is_said_in_it_and_the_room_counts_it() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("Shall we?").await;
    let room = ana.get("/room/kitchen").await.body;
    let path = room.split("class=\"answer\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let thread = path.rsplit('/').next().unwrap();
    let csrf = ana.csrf().await;
    for (text, key) in [("/echo yes", "threadkey1"), ("Fine then", "threadkey2")] {
        let fields = [("text", text), ("key", key), ("csrf", csrf.as_str()), ("thread", thread)];
        let said = ana.post("/room/kitchen/say", &fields).await;
        assert_eq!((said.status, said.header("location")), (303, path.as_str()));
    }
    world.until_quiet().await;
    let inside = ana.get(&path).await.body;
    for expected in ["Shall we?", "<h3>Ana said yes</h3>", "Fine then"] {
        assert!(inside.contains(expected), "{expected}");
    }
    let room = ana.get("/room/kitchen").await.body;
    assert!(!room.contains("Fine then") && !room.contains("<h3>Ana said yes</h3>"));
    // Two lines, a card for all, and a card for her alone, which nobody else counts.
    assert!(room.contains("4 replies"));
    assert!(world.reader().get("/room/kitchen").await.body.contains("3 replies"));

    let nowhere = [("text", "hi"), ("key", "threadkey3"), ("csrf", csrf.as_str()), ("thread", "w-none")];
    assert_eq!(ana.post("/room/kitchen/say", &nowhere).await.status, 404);
    assert_eq!(ana.get("/room/kitchen/thread/w-none").await.status, 404);
}
