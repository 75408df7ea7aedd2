//! The live stream: complete, in order, and for the right eyes.

use std::collections::BTreeSet;
use std::time::Duration;

use folkops_engine::{Body, Draft, Note, Outbox, Reply};
use folkops_model::{Card, CardState, Group};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;

use crate::browser::Browser;
use crate::world::{PATIENCE, World};

/// One event.
#[derive(Debug, Clone)]
struct Event {
    name: String,
    id: Option<u64>,
    data: Value,
}

struct Stream {
    body: Incoming,
    unread: String,
}

impl Stream {
    async fn open(browser: &Browser, path: &str, last: Option<u64>) -> Self {
        let mut request = browser.request("GET", path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = browser.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), unread: String::new() }
    }

    /// The next event; none when the stream has ended. Heartbeats are no events and buy no time.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(event) = parse(&event) {
                    return Some(event);
                }
                continue;
            }
            let data = self.body.frame().await?.ok()?.into_data().unwrap();
            self.unread.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Events up to the first that tells of this.
    async fn until(&mut self, telling: &str) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            let event =
                self.next().await.unwrap_or_else(|| panic!("the stream ended before {telling}: {seen:#?}"));
            let found = event.name == "item" && event.data["html"].as_str().unwrap().contains(telling);
            seen.push(event);
            if found {
                return seen;
            }
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    let data = field("data:")?;
    Some(Event {
        name: field("event:").unwrap_or("message").to_owned(),
        id: field("id:").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(data).unwrap(),
    })
}

fn path(world: &World) -> String {
    let sequence = world.sequence();
    format!("/room/kitchen/events?from={}&since={sequence}", sequence + 1)
}

fn items(events: &[Event]) -> Vec<(u64, String)> {
    let items = events.iter().filter(|event| event.name == "item");
    items.map(|event| (event.id.unwrap(), event.data["id"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn what_is_said_and_its_card_appear_without_asking() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let mut reader = Stream::open(&world.reader(), &path(&world), None).await;
    ana.says("/echo soup").await;
    let seen = reader.until("<h3>Ana said soup</h3>").await;
    let html: Vec<&str> = seen.iter().filter_map(|event| event.data["html"].as_str()).collect();
    assert!(html[0].contains("<code class=\"cmd\">/echo soup</code>"), "{html:#?}");
    assert!(seen.iter().any(|event| event.name == "side"));
}

#[tokio::test]
async fn a_browser_that_comes_back_gets_all_that_it_missed_and_nothing_again() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let path = path(&world);
    for word in ["one", "two", "three", "four"] {
        ana.says(&format!("/echo {word}")).await;
        ana.says(word).await;
    }
    world.until_quiet().await;
    ana.says("the end").await;
    let whole = items(&Stream::open(&world.reader(), &path, None).await.until("the end").await);
    assert_eq!(whole.len(), 4 * 3 + 1);
    assert!(whole.is_sorted_by_key(|(id, _)| *id));
    for (cut, (last, _)) in whole.iter().enumerate().take(whole.len() - 1) {
        let rest = items(&Stream::open(&world.reader(), &path, Some(*last)).await.until("the end").await);
        assert_eq!(rest, whole[cut + 1..], "cut after {last}");
    }
}

#[tokio::test]
async fn a_page_and_the_stream_that_follows_it_leave_no_gap() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    ana.says("before").await;
    let page = world.reader().get("/room/kitchen").await.body;
    let events =
        page.split("data-events=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    ana.says("/echo between").await;
    world.until_quiet().await;
    let mut stream = Stream::open(&world.reader(), &events, None).await;
    let seen = items(&stream.until("<h3>Ana said between</h3>").await);
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(page.contains("before") && !page.contains("between"));
}

#[tokio::test]
async fn a_card_for_one_person_goes_down_no_other_stream() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let ben = world.knows("ben", "Ben", &[Group::Operator]).await;
    let path = path(&world);
    let mut own = Stream::open(&ana, &path, None).await;
    let mut others =
        [Stream::open(&ben, &path, None).await, Stream::open(&world.reader(), &path, None).await];
    ana.says("/echo soup").await;
    own.until("only you see this").await;
    world.until_quiet().await;
    ana.says("the end").await;
    for other in &mut others {
        for event in other.until("the end").await {
            let text = event.data.to_string();
            assert!(!text.contains("only you see this") && !text.contains("join/4"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_card_that_is_edited_comes_again_in_its_newest_state_and_in_its_old_place() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let path = path(&world);
    ana.says("/echo soup").await;
    let mut stream = Stream::open(&world.reader(), &path, None).await;
    let first = stream.until("<h3>Ana said soup</h3>").await.pop().unwrap();
    world.until_quiet().await;
    let reply = world.engine.ledger().read(|facts| {
        let (_, row) = facts.fold::<Outbox>().unwrap().replies.iter().next().unwrap();
        row.reply.clone()
    });
    let card = Card::new(CardState::Held, "It was stew");
    let edited = Reply { revision: 1, card, ..reply };
    let told = Body::PeopleTold { subject: "stew".into(), people: BTreeSet::new() };
    world.engine.note_draft(Draft::note(Note::of(told).unwrap()).reply(edited)).await.unwrap();
    let again = stream.until("<h3>It was stew</h3>").await.pop().unwrap();
    assert_eq!((&again.data["id"], &again.data["place"]), (&first.data["id"], &first.data["place"]));
    assert!(again.id > first.id);
    assert!(again.data["html"].as_str().unwrap().contains("</time>, edited</span>"));

    let missed = items(&Stream::open(&world.reader(), &path, first.id).await.until("It was stew").await);
    assert_eq!(missed, [(again.id.unwrap(), first.data["id"].as_str().unwrap().to_owned())]);
}

#[tokio::test]
async fn a_reply_in_a_thread_shows_there_and_counts_in_the_room() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let path = path(&world);
    ana.says("Shall we?").await;
    let mut room = Stream::open(&world.reader(), &path, None).await;
    let root = items(&room.until("Shall we?").await)[0].1.clone();
    let thread = root.strip_prefix("m-").unwrap();
    let mut inside = Stream::open(&world.reader(), &format!("{path}&thread={thread}"), None).await;
    let csrf = ana.csrf().await;
    ana.says_json(&[("text", "Fine"), ("key", "threadkey9"), ("csrf", &csrf), ("thread", thread)]).await;
    let seen = room.until("1 reply").await;
    assert_eq!(items(&seen).last().unwrap().1, root);
    assert!(!seen.iter().any(|event| event.data["html"].as_str().is_some_and(|html| html.contains("Fine"))));
    inside.until("Fine").await;
}

#[tokio::test]
async fn leaving_ends_what_the_stream_shows() {
    let world = World::new().await;
    let ana = world.knows("ana", "Ana", &[Group::User]).await;
    let mut stream = Stream::open(&ana, &path(&world), None).await;
    assert_eq!(stream.next().await.unwrap().name, "side");
    ana.post("/leave", &[("csrf", &ana.csrf().await)]).await;
    let mut last = stream.next().await.unwrap();
    while last.name == "side" {
        last = stream.next().await.unwrap();
    }
    assert_eq!(last.name, "reload");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn stopping_the_site_ends_its_streams_at_once() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.reader(), &path(&world), None).await;
    assert_eq!(stream.next().await.unwrap().name, "side");
    drop(world);
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(matches!(ended, Ok(None)));
}
