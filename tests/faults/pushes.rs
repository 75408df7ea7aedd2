//! Pushes: a commit comes at every place between a command and its effects, and only what was allowed ever runs.
//!
//! A change is brought to a fresh commit, a command is said, the bot is held at one of its calls, the author pushes, and
//! the bot goes on. Both ends are right: the commit that was judged runs, or nothing does; and the room says that the
//! change has moved on from what was judged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use folkops_world::{Card, Journal};
use futures::future::join_all;
use serde_json::{Value, json};

use super::bot::Bot;
use super::change::{Change, NUMBER};
use super::end::owed;
use super::gate::{Gate, HELD};
use super::place::Place;
use super::stage::Stage;
use super::sweep::{draw, is_whole, seed};

/// The commands whose effects a push could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    OkToTest,
    DeployPreview,
    OptIn,
    Promote,
    Rebase,
}

const COMMANDS: [Command; 5] =
    [Command::OkToTest, Command::DeployPreview, Command::OptIn, Command::Promote, Command::Rebase];

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OkToTest => "/ok-to-test",
            Self::DeployPreview => "/deploy-preview",
            Self::OptIn => "/opt-in",
            Self::Promote => "/promote",
            Self::Rebase => "/rebase",
        })
    }
}

/// Of each call, how many every command that builds makes at the least; ordinary runs draw from these.
const LEAST: [(&str, u32); 4] = [("fdatasync", 8), ("rename", 5), ("connect", 1), ("mkdir", 1)];

/// For everybody, without the steps that wait for visitors.
const AT_ONCE: &str = "--strategy=blue-green";

/// How far a row is followed at the most: a promotion stops every release before it, one after the other, so that its
/// rows grow as fast as they are walked.
const FAR: u32 = 20;

#[tokio::test]
async fn pushed_to_at_any_boundary_between_command_and_effect_only_the_commit_that_was_allowed_runs() {
    println!("FOLKOPS_SEED={}", seed());
    // A whole sweep tries the commands side by side; most of it is waiting.
    let groups = if is_whole() { COMMANDS.chunks(1) } else { COMMANDS.chunks(COMMANDS.len()) };
    let boundaries: BTreeSet<_> = join_all(groups.map(swept)).await.into_iter().flatten().collect();
    println!("a push at each of {} distinct boundaries: {}", boundaries.len(), by_command(&boundaries));
    // A drawn place may lie behind the end of a command for which everything was built already.
    let enough = if is_whole() { 50 } else { 3 };
    assert!(boundaries.len() >= enough, "only {boundaries:?}");
}

/// Pushes at the places of these commands, in a service of their own; gives those that were reached.
async fn swept(commands: &[Command]) -> BTreeSet<(Command, Place)> {
    let stage = Stage::new().await;
    let (bot, gate) = Bot::behind_gate(&stage).await;
    let mut service = Service::new(bot, gate).await;
    let mut boundaries = BTreeSet::new();
    for command in commands.iter().copied() {
        for row in rows(command) {
            for place in row {
                let Some(told) = service.pushed_to_at(command, &place).await else { break };
                println!("{command} · {place} · {told}");
                boundaries.insert((command, place));
            }
        }
    }
    assert!(
        !service.change.strays(&BTreeSet::new()).is_empty(),
        "what was built and ran is found by its marks"
    );
    service.bot.stop().await;
    boundaries
}

/// The places of a command, call by call, each row to where the command ends; or one of them, drawn by `FOLKOPS_SEED`.
fn rows(command: Command) -> Vec<Box<dyn Iterator<Item = Place>>> {
    if is_whole() {
        return HELD
            .into_iter()
            .map(|call| Box::new((1..=FAR).map(move |n| Place { call, n })) as _)
            .collect();
    }
    let places = LEAST.into_iter().flat_map(|(call, most)| (1..=most).map(move |n| Place { call, n }));
    let drawn = draw(&command.to_string(), LEAST.into_iter().map(|(_, most)| most).sum());
    vec![Box::new(places.skip(drawn as usize - 1).take(1))]
}

/// The service in which it is all said.
struct Service<'a> {
    bot: Bot<'a>,
    gate: Gate,
    change: Change<'a>,
}

impl<'a> Service<'a> {
    /// With two releases to move between.
    async fn new(bot: Bot<'a>, gate: Gate) -> Self {
        let setup = &bot.stage.setup;
        let change = Change::marked(setup).await;
        let other = setup.repositories.of_change(43).and_then(|laid| laid.change(43)).unwrap();
        let mut service = Self { bot, gate, change };
        service.reads("jo", &format!("/ok-to-test {other}"), "may run at").await;
        service.reads("jo", &format!("/promote 43 {AT_ONCE}"), "live for everyone").await;
        service
    }

    /// One push at one place of one command; gives what the bot did just then, unless the command never came there.
    async fn pushed_to_at(&mut self, command: Command, place: &Place) -> Option<String> {
        self.change.moves_to_unseen().await;
        let (who, line) = self.prepares(command).await;
        let judged = self.change.head.clone();
        let told = self.says_and_is_pushed_to(who, &line, place).await;
        self.change.runs_only_what_was_allowed();
        for (stack, mark) in self.change.runs() {
            let fits = stack.starts_with("release-") || mark == judged.mark;
            assert!(fits, "{command} at {place}: {stack} runs {mark} instead of {judged:?}");
        }
        if told.is_some() {
            let card = self.reads("jo", &format!("/ok-to-test {}", judged.commit), "has moved on from").await;
            assert!(card.to_string().contains(self.change.head.short()), "{card}");
        }
        self.clears_up().await;
        told
    }

    /// Says it, holds the bot, pushes, lets the bot go on to the end.
    async fn says_and_is_pushed_to(&mut self, who: &str, line: &str, place: &Place) -> Option<String> {
        let Self { bot, gate, change } = self;
        let told = {
            let mut comes_about = std::pin::pin!(async {
                bot.says(who, line).await;
                quiet(bot, None).await;
            });
            let held = tokio::select! {
                held = gate.holds(place.clone()) => held,
                () = &mut comes_about => return None,
            };
            let told = format!("{} · {}", last(&change.journal().await), held.call);
            change.push().await;
            drop(held);
            comes_about.await;
            told
        };
        quiet(bot, Some(change.head.commit.as_str())).await;
        Some(told)
    }

    /// Brings everything to where the command can be said; gives who says what.
    async fn prepares(&mut self, command: Command) -> (&'static str, String) {
        let preview = format!("/deploy-preview {NUMBER}");
        if command == Command::OkToTest {
            self.reads("mira", &preview, "waits for").await;
            self.change.allows();
            return ("jo", format!("/ok-to-test {}", self.change.head.commit));
        }
        self.allows().await;
        match command {
            Command::OkToTest | Command::DeployPreview => ("mira", preview),
            Command::Promote => ("jo", format!("/promote {NUMBER} {AT_ONCE}")),
            Command::OptIn => ("ana", self.agrees().await),
            Command::Rebase => {
                let agreed = self.agrees().await;
                self.reads("ana", &agreed, "/opt-out").await;
                let now = self.bot.until("the site tells", async |bot| bot.status().await).await;
                let other = if now["production"]["release"] == 1 { 2 } else { 1 };
                self.reads("jo", &format!("/rollback {other}"), "is back on release").await;
                ("ana", format!("/rebase --yes={other}"))
            }
        }
    }

    /// What Ana says when she agrees to the change.
    async fn agrees(&mut self) -> String {
        let card = self.reads("ana", &format!("/opt-in {NUMBER}"), "Try it on").await;
        Bot::line_of(&card, "Try it on my account")
    }

    async fn allows(&mut self) {
        self.change.allows();
        self.reads("jo", &format!("/ok-to-test {}", self.change.head.commit), "may run at").await;
    }

    /// Takes away whatever is left of a command; what waits for a commit gets it, and then runs that one.
    async fn clears_up(&mut self) {
        if !waiting(&self.bot.journal().await).is_empty() {
            self.allows().await;
            quiet(&mut self.bot, None).await;
            let runs = self.change.runs().into_iter();
            let preview = runs.filter(|(stack, _)| stack.starts_with("p-")).map(|(_, mark)| mark);
            assert_eq!(preview.collect::<Vec<_>>(), [self.change.head.mark], "the newly allowed commit runs");
        }
        let status = self.bot.until("the site tells", async |bot| bot.status().await).await;
        for preview in status["previews"].as_array().unwrap() {
            let line = format!("/stop-preview {}", preview["preview"].as_str().unwrap());
            self.reads("jo", &line, "").await;
        }
        self.reads("ana", "/opt-out", "").await;
        quiet(&mut self.bot, None).await;
    }

    async fn reads(&mut self, who: &str, line: &str, text: &str) -> Card {
        let key = self.bot.says(who, line).await;
        self.bot.answers(who, &key, text).await
    }
}

/// Waits until nothing is owed, nothing waits for a commit that is there and allowed, and a push, if there was one, was
/// seen. Reads the record only when it has grown.
async fn quiet(bot: &mut Bot<'_>, pushed: Option<&str>) {
    let mut read = 0;
    bot.until("everything has come to its end", async |bot| {
        let written = std::mem::replace(&mut read, bot.written());
        if written == read {
            return None;
        }
        let journal = bot.journal().await;
        let (heads, allowed) = (heads(&journal), allowed(&journal));
        let seen = pushed.is_none_or(|commit| heads.values().any(|head| head == commit));
        let stands = |one: &Value| heads.get(&one[0].to_string()).is_some_and(|head| one[1] == **head);
        let waits = |commits: &Value| {
            let commits = commits.as_array().unwrap();
            commits.iter().all(stands) && commits.iter().any(|one| !allowed.contains(&one[1].to_string()))
        };
        (seen && owed(&journal).is_empty() && waiting(&journal).values().all(waits)).then_some(())
    })
    .await;
}

fn by_command(boundaries: &BTreeSet<(Command, Place)>) -> String {
    let mut counts: BTreeMap<Command, u32> = BTreeMap::new();
    boundaries.iter().for_each(|(command, _)| *counts.entry(*command).or_default() += 1);
    counts.iter().map(|(command, count)| format!("{command} {count}")).collect::<Vec<_>>().join(", ")
}

/// Where each change stands, as far as the bot has seen.
fn heads(journal: &Journal) -> BTreeMap<String, String> {
    let seen = journal.every("change-observed").into_iter().map(|record| &record["body"]);
    let head = |body: &Value| {
        let change = json!({ "component": body["component"], "number": body["change"]["number"] });
        (change.to_string(), body["change"]["head"].as_str().unwrap().to_owned())
    };
    seen.map(head).collect()
}

/// The commits that were allowed.
fn allowed(journal: &Journal) -> BTreeSet<String> {
    let intents = journal.every("intended").into_iter().map(|record| &record["body"]);
    intents
        .filter(|intent| intent["intent"] == "allow-commit")
        .map(|intent| intent["sha"].to_string())
        .collect()
}

/// What each operation waits for.
fn waiting(journal: &Journal) -> BTreeMap<String, Value> {
    let mut waiting = BTreeMap::new();
    for record in &journal.records {
        let operation = record["operation"].to_string();
        match record["kind"].as_str().unwrap() {
            "operation-decided" => {
                waiting.remove(&operation);
                if let Some(waits) = record["body"]["accepted"].get("waiting") {
                    waiting.insert(operation, waits["commits"].clone());
                }
            }
            "operation-ended" => _ = waiting.remove(&operation),
            _ => {}
        }
    }
    waiting
}

/// The last that the record knows, in a few words.
fn last(journal: &Journal) -> String {
    let record = journal.records.last().unwrap();
    let body = &record["body"];
    let more = [&body["effect"]["do"], &body["outcome"]["ended"], &body["intent"]];
    let more = more.into_iter().find_map(Value::as_str).unwrap_or_default();
    format!("after {} {more}", record["kind"].as_str().unwrap())
}
