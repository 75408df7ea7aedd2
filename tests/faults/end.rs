//! How a story ended: what people read, what is said to run, what runs, and what the record holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use folkops_world::{Journal, Message, Setup};
use serde_json::{Value, json};

use super::bot::Bot;

/// An end without what may differ from telling to telling: times, ids, and what the program did by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// What each person reads in the room.
    rooms: BTreeMap<String, Vec<String>>,
    /// Production, previews and freeze, as the site tells them.
    said: Value,
    /// The builds that run, by stack.
    runs: BTreeSet<(String, String, String)>,
    /// How many processes of each kind there are.
    processes: BTreeMap<String, usize>,
    /// The branches' trees and the length of their histories.
    branches: BTreeMap<String, String>,
    /// How each request ended.
    outcomes: Vec<String>,
}

/// Waits until nothing is owed, stops the bot, and looks at everything.
pub(crate) async fn of(bot: &mut Bot<'_>) -> End {
    let journal = bot
        .until("nothing is owed any more", async |bot| {
            Some(bot.journal().await).filter(|journal| owed(journal).is_empty())
        })
        .await;
    let said = bot.until("the site tells", async |bot| bot.status().await).await;
    let mut rooms = BTreeMap::new();
    for who in bot.stage.people.keys() {
        let room = bot.until("the room can be read", async |bot| bot.room(who).await).await;
        each_once(&room);
        rooms.insert(who.clone(), room.iter().filter_map(line).collect());
    }
    bot.stop().await;
    let setup = &bot.stage.setup;
    exports_the_same_without_sled(setup).await;
    End {
        rooms,
        said: lasting(&said),
        runs: setup.running().into_iter().map(|one| (one.stack, one.component, one.digest)).collect(),
        processes: kinds(setup),
        branches: branches(setup),
        outcomes: outcomes(&journal),
    }
}

/// What the record still owes: requests, operations, replies.
pub(crate) fn owed(journal: &Journal) -> Vec<String> {
    let mut owed = BTreeSet::new();
    for record in &journal.records {
        let (body, operation) = (&record["body"], record["operation"].to_string());
        match record["kind"].as_str().unwrap() {
            "request-received" => _ = owed.insert(format!("request {}", body["id"])),
            "request-ended" => _ = owed.remove(&format!("request {}", body["request"])),
            "operation-decided" => {
                owed.remove(&format!("request {}", body["request"]));
                if body["accepted"].get("work").is_some() {
                    owed.insert(format!("operation {operation}"));
                }
            }
            "operation-ended" => _ = owed.remove(&format!("operation {operation}")),
            "reply-owed" => _ = owed.insert(format!("reply {} {}", body["key"], body["revision"])),
            "reply-posted" => {
                let revision = body["revision"].as_u64().unwrap();
                for posted in 0..=revision {
                    owed.remove(&format!("reply {} {posted}", body["key"]));
                }
            }
            _ => {}
        }
    }
    owed.into_iter().collect()
}

/// Nothing stands twice in the room.
fn each_once(room: &[Message]) {
    let mut seen = BTreeSet::new();
    for message in room {
        assert!(seen.insert(&message.id), "{message} stands there twice");
    }
}

/// A message as it is told again in every telling; what the program says by itself is not.
fn line(message: &Message) -> Option<String> {
    match (&message.said, &message.card) {
        (Some(said), _) => Some(format!("{}: {said}", message.by)),
        (None, Some(card)) if !card.by_itself => Some(format!("{}: {}", card.state, card.title)),
        _ => None,
    }
}

/// For every request of a person one outcome, and one alone.
fn outcomes(journal: &Journal) -> Vec<String> {
    let requests = journal.every("request-received").into_iter().map(|record| &record["body"]);
    let people = requests.filter(|request| request["cause"] == "said");
    people.map(|request| outcome(journal, request)).collect()
}

fn outcome(journal: &Journal, request: &Value) -> String {
    let text = journal.opened(&request["text"]).unwrap();
    let ends = journal
        .every("request-ended")
        .into_iter()
        .filter(|record| record["body"]["request"] == request["id"]);
    let ends: Vec<String> = ends.map(|record| record["body"]["end"].to_string()).collect();
    let decided = journal.every("operation-decided").into_iter();
    let decided: Vec<&Value> = decided.filter(|record| record["body"]["request"] == request["id"]).collect();
    let operations: BTreeSet<String> = decided.iter().map(|record| record["operation"].to_string()).collect();
    assert_eq!(ends.len() + operations.len(), 1, "`{text}` has {ends:?} and {operations:?}");
    let Some(last) = decided.last() else { return format!("{text}: {}", ends[0]) };
    let of = journal.of(&last["operation"]);
    let ended: Vec<String> = of
        .filter(|record| record["kind"] == "operation-ended")
        .map(|record| record["body"]["end"].to_string())
        .collect();
    assert!(ended.len() <= 1, "`{text}` ended {ended:?}");
    let accepted = &last["body"]["accepted"];
    let accepted = accepted.as_str().map_or_else(|| "work".to_owned(), str::to_owned);
    format!("{text}: {accepted} {ended:?}")
}

fn lasting(said: &Value) -> Value {
    let previews = said["previews"].as_array().unwrap().iter();
    json!({
        "release": said["production"]["release"],
        "components": without_commits(&said["production"]["components"]),
        "changes": said["production"]["changes"],
        "previews": previews.map(|preview| json!({ "base": preview["base"], "up": preview["up"], "parts": preview["parts"] })).collect::<Vec<_>>(),
        "frozen": !said["frozen"].is_null(),
    })
}

/// What runs, by tree and digest: a commit that the program makes itself tells when it made it.
fn without_commits(components: &Value) -> Value {
    let mut components = components.clone();
    for component in components.as_object_mut().unwrap().values_mut() {
        component.as_object_mut().unwrap().remove("commit");
    }
    components
}

/// The processes that are left, by the program and its first word.
fn kinds(setup: &Setup) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for words in setup.processes() {
        let name =
            |word: &String| Path::new(word).file_name().map(|name| name.to_string_lossy().into_owned());
        let program = words.first().and_then(name).unwrap_or_default();
        let kind = if program == "folkops" { format!("{program} {}", words[1]) } else { program };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn branches(setup: &Setup) -> BTreeMap<String, String> {
    let mut branches = BTreeMap::new();
    for folder in fs::read_dir(setup.folder().join("git")).unwrap() {
        let folder = folder.unwrap().path();
        let git = |words: &[&str]| {
            let said = std::process::Command::new("git").arg("-C").arg(&folder).args(words).output().unwrap();
            assert!(said.status.success(), "{said:?}");
            String::from_utf8(said.stdout).unwrap().trim().to_owned()
        };
        let tree = git(&["rev-parse", "main^{tree}"]);
        let length = git(&["rev-list", "--count", "main"]);
        branches
            .insert(folder.file_name().unwrap().to_string_lossy().into_owned(), format!("{tree} {length}"));
    }
    branches
}

/// The view in sled is no truth of its own: without it the same comes out, byte for byte.
async fn exports_the_same_without_sled(setup: &Setup) {
    let with = setup.folkops(&["export"]).await;
    fs::remove_dir_all(setup.state().join("record/sled")).unwrap();
    let without = setup.folkops(&["export"]).await;
    assert!(!with.well().is_empty());
    assert!(with.well() == without.well(), "the export changes when sled is rebuilt");
}
