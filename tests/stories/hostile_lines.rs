//! Hostile messages through the room: none starts anything, none shows as anything but its own words.
//!
//! They are said by maintainers, who may do everything, so that what does not run is not merely refused. The words are
//! looked for where they end up: in the record, in the page as it is sent, and in a browser that draws them live.

use std::collections::{BTreeMap, BTreeSet};

use folkops_world::{Chromium, Element, Sent, World, until_within};
use futures::future::join_all;
use serde_json::{Value, json};

const LINES: &str = include_str!("../corpus/hostile-lines.txt");

/// How many people say them, so that nobody speaks faster than one may.
const SPEAKERS: usize = 8;

/// The elements that messages and cards are made of. Nothing that loads, runs, or sends anything elsewhere.
const DRAWN: [&str; 30] = [
    "ol", "li", "div", "span", "b", "p", "a", "time", "code", "br", "svg", "use", "article", "header", "h3",
    "dl", "dt", "dd", "form", "input", "button", "details", "summary", "pre", "small", "ul", "strong", "em",
    "path", "kbd",
];

#[tokio::test]
async fn hostile_messages_start_nothing_and_show_as_their_own_words() {
    let lines: Vec<String> = LINES
        .lines()
        .filter(|line| line.starts_with('"'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() >= 300, "{}", lines.len());
    let world = World::start().await;
    for number in 0..SPEAKERS {
        world
            .joins(&format!("Speaker{number}"), &["--group", "maintainer", "--owner", &format!("s{number}")])
            .await;
    }
    let browser = Chromium::start().await;
    browser.opens(&world.room_address()).await;
    browser.until_sees(&["Potluck runs release 1"]).await;
    let before = (world.status().await, world.journal().await.every("operation-decided").len());

    let sent = join_all((0..SPEAKERS).map(|number| say_share(&world, number, &lines))).await;
    let taken: BTreeMap<String, &str> = sent.into_iter().flatten().collect();
    assert_eq!(taken.len(), lines.len() - 1, "only the one that is too long is not taken");

    nothing_ran(&world, &before).await;
    shown_as_sent(&world, &taken).await;
    shown_live(&browser, &taken).await;
    let log = world.logged();
    assert!(!log.contains('\u{1b}') && !log.contains("pwned") && !log.contains("everyone"), "{log}");
}

/// Says every eighth line; gives each message's key with its words, for those that were taken.
async fn say_share<'a>(world: &World, number: usize, lines: &'a [String]) -> Vec<(String, &'a str)> {
    let mut taken = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(index, _)| index % SPEAKERS == number) {
        let Sent { answer, key } = said(world, number, line, &format!("hostile{index:04}")).await;
        match answer.status {
            202 => taken.push((key, line.as_str())),
            422 => assert!(line.chars().count() > 4_000, "{line:?}: {}", answer.body),
            other => panic!("{line:?}: {other} {}", answer.body),
        }
    }
    taken
}

/// Says a line as soon as this person may speak again.
async fn said(world: &World, number: usize, line: &str, key: &str) -> Sent {
    let who = format!("speaker{number}");
    let look =
        async || Some(world.sends_keyed(&who, line, key).await).filter(|sent| sent.answer.status != 429);
    until_within(std::time::Duration::from_secs(60), "one may speak again", look).await
}

/// Every request came to its end, and no end was an operation.
async fn nothing_ran(world: &World, (status, operations): &(Value, usize)) {
    let all_ended = async || {
        let journal = world.journal().await;
        let open = journal.every("request-received").len()
            - journal.every("request-ended").len()
            - journal.every("operation-decided").len();
        (open == 0).then_some(journal)
    };
    let journal =
        until_within(std::time::Duration::from_secs(60), "every request has ended", all_ended).await;
    assert_eq!(
        journal.every("operation-decided").len(),
        *operations,
        "{:?}",
        journal.every("operation-decided").last()
    );
    assert!(journal.every("request-ended").iter().all(|end| end["body"]["end"] != "parked"));
    let ends: Vec<&Value> = journal.every("request-ended");
    let misread = ends.iter().filter(|end| end["body"]["end"] == "misread").count();
    println!("{} messages: {} talk, {misread} no command, 0 ran", ends.len(), ends.len() - misread);
    let now = world.status().await;
    for what in ["production", "previews", "frozen"] {
        assert_eq!(now[what], status[what], "{what}");
    }
}

/// Every page of the room, as it is sent: the words are there as text, and there is nothing else than what we draw.
async fn shown_as_sent(world: &World, taken: &BTreeMap<String, &str>) {
    let mut shown = BTreeMap::new();
    for page in world.room_pages("speaker0").await {
        let log = page.every(|element| element.attribute("id") == Some("log"));
        for element in log[0].all() {
            assert!(DRAWN.contains(&element.name.as_str()), "<{}> is in the log", element.name);
            harmless(element);
        }
        for message in log[0].every(|element| element.has_class("msg")) {
            let key = message.attribute("id").unwrap().rsplit_once('-').unwrap().1.to_owned();
            shown.extend(message.classed("said").map(|said| (key, said.words())));
        }
    }
    for (key, line) in taken {
        assert_eq!(shown.get(key), Some(&line.replace("\r\n", "\n")), "{key}");
    }
}

/// No handler, no style, and links and forms only to our own addresses.
fn harmless(element: &Element) {
    for (name, value) in &element.attributes {
        assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{name}={value}");
        let leads = ["href", "action", "src", "formaction"].contains(&name.as_str());
        assert!(!leads || value.starts_with('/') || value.starts_with('#'), "{name}={value}");
    }
}

/// In a browser that was there all the while, and drew each message as it came.
async fn shown_live(browser: &Chromium, taken: &BTreeMap<String, &str>) {
    let script = "return [...document.querySelectorAll('#log .msg')].map(m => \
                  [m.id.split('-').pop(), m.querySelector('.said')?.textContent ?? null])";
    let all_there = async || {
        let shown: Vec<(String, Option<String>)> =
            serde_json::from_value(browser.reads(script).await).unwrap();
        let shown: BTreeMap<String, Option<String>> = shown.into_iter().collect();
        taken.keys().all(|key| shown.contains_key(key)).then_some(shown)
    };
    let shown = until_within(std::time::Duration::from_secs(60), "the browser draws them", all_there).await;
    for (key, line) in taken {
        assert_eq!(shown[key].as_deref(), Some(as_html_reads_it(line).as_str()), "{key} {line:?}");
    }
    let drawn = browser
        .reads("return [...new Set([...document.querySelectorAll('#log *')].map(e => e.localName))]")
        .await;
    let drawn: BTreeSet<String> = serde_json::from_value(drawn).unwrap();
    assert!(drawn.iter().all(|name| DRAWN.contains(&name.as_str())), "{drawn:?}");
    let ran =
        browser.reads("return [window.pwned ?? null, document.scripts.length, location.pathname]").await;
    assert_eq!(ran, json!([null, 1, "/room/kitchen"]));
}

/// A carriage return is a line's end in HTML, and a NUL is left out (HTML Standard §13.2.3.5, §13.2.6.4.7).
fn as_html_reads_it(line: &str) -> String {
    line.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}
