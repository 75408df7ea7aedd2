//! Hostile lines: whatever somebody writes stays text, in every place where it is shown.

use std::collections::BTreeSet;

use folkops_model::Group;
use http_body_util::{BodyExt, Full};

use crate::html::{Tag, tags};
use crate::world::{PATIENCE, World};

/// One a line; in a file of their own, because the rules of this house refuse such words in code.
const PAYLOADS: &str = include_str!("hostile.txt");

/// More than a hundred lines that have broken out of pages elsewhere, made of what breaks out and of where.
fn lines() -> Vec<String> {
    let hidden =
        ["\u{202e}txt.exe", "a\u{200b}b", "\u{feff}<b>", "<\u{0}script>", "\u{2028}<b>", "\u{85}<b>"];
    let payloads: Vec<&str> = PAYLOADS.lines().chain(hidden).collect();
    let wrap: [fn(&str) -> String; 3] = [
        |text| format!("/echo {}", text.replace(['\'', '"', '\\'], "`")),
        |text| text.to_owned(),
        |text| format!("/{text}\n{text}\r\n\r\ndata: {{\"html\":\"<b>\"}}"),
    ];
    payloads.iter().flat_map(|payload| wrap.iter().map(move |wrap| wrap(payload))).collect()
}

/// The shapes of tags: names with the names of their attributes.
fn shapes(tags: &[Tag]) -> BTreeSet<(String, Vec<String>)> {
    let shape = |tag: &Tag| (tag.name.clone(), tag.attributes.iter().map(|(name, _)| name.clone()).collect());
    tags.iter().map(shape).collect()
}

#[tokio::test]
async fn more_than_a_hundred_hostile_lines_stay_text_on_the_page_and_in_the_stream() {
    let world = World::new().await;
    let ana = world.knows("ana", PAYLOADS.lines().next().unwrap(), &[Group::User]).await;
    // Everything that a page of ours can hold, with harmless words.
    ana.says("/echo soup").await;
    ana.says("/nosuch").await;
    ana.says("/echo \"open").await;
    ana.says("/soup\nsoup").await;
    world.until_quiet().await;
    let harmless = shapes(&tags(&ana.get("/room/kitchen").await.body));

    let lines = lines();
    assert!(lines.len() > 100, "{}", lines.len());
    let mut said = BTreeSet::new();
    for batch in lines.chunks(24) {
        let since = world.sequence();
        for line in batch {
            assert_eq!(ana.says(line).await.status, 202, "{line:?}");
        }
        world.until_quiet().await;
        let tags = tags(&ana.get("/room/kitchen").await.body);
        for shape in shapes(&tags) {
            assert!(harmless.contains(&shape), "{shape:?} came from a hostile line");
        }
        let words = tags.iter().filter(|tag| tag.get("class").is_some_and(|c| c == "said" || c == "cmd"));
        said.extend(words.map(|tag| tag.text.clone()));
        in_the_stream(&ana, since, &harmless).await;
    }
    for line in &lines {
        let first = line.replace("\r\n", "\n");
        let first = if line.starts_with('/') { first.split('\n').next().unwrap() } else { &first };
        assert!(said.contains(first), "{first:?} is not shown as it was said");
    }
}

async fn in_the_stream(
    ana: &crate::browser::Browser,
    since: u64,
    harmless: &BTreeSet<(String, Vec<String>)>,
) {
    let path = format!("/room/kitchen/events?from={since}&since={since}");
    let mut body = ana.send(ana.request("GET", &path).body(Full::default()).unwrap()).await.into_body();
    let mut read = String::new();
    // The first look ends with what stands beside the room.
    while !(read.contains("event: side") && read.ends_with("\n\n")) {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        read.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    for block in read.split("\n\n").filter(|block| !block.is_empty()) {
        let names: Vec<&str> = block.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert!(names.iter().all(|name| ["event", "data", "id", "retry", ""].contains(name)), "{block}");
        let data = block.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>();
        let value: serde_json::Value = serde_json::from_str(&data.concat()).unwrap();
        if let Some(html) = value["html"].as_str() {
            for shape in shapes(&tags(html)) {
                assert!(harmless.contains(&shape), "{shape:?} came down the stream");
            }
        }
    }
}
