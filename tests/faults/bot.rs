//! The bot as the people of a story know it: sometimes away, and back again a little later.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use folkops_world::{Answer, Button, Card, Element, Journal, Message, ROOM, SERVICE, messages, until};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::gate::Gate;
use super::place::{self, Watch};
use super::stage::Stage;

/// How long any fact of the story may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks.
const TICK: Duration = Duration::from_millis(20);

/// A bot that is started again whenever it was killed.
pub(crate) struct Bot<'a> {
    pub stage: &'a Stage,
    process: Child,
    watched: Watched,
    keys: u32,
}

/// Whether the process at hand is the one that may be killed.
enum Watched {
    Still,
    Killed,
}

impl<'a> Bot<'a> {
    /// Starts it, watched.
    pub(crate) fn start(stage: &'a Stage, watch: &Watch) -> Self {
        let setup = &stage.setup;
        let mut strace = place::traced(watch, &setup.program, setup.folder(), &stage.trace());
        strace.args(["serve", "--config"]).arg(setup.config());
        let process = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log(stage)).spawn();
        let process =
            process.unwrap_or_else(|error| panic!("`strace` cannot be started ({error}); install it"));
        Self { stage, process, watched: Watched::Still, keys: 0 }
    }

    /// Starts it behind a gate, and gives both once it is ready.
    pub(crate) async fn behind_gate(stage: &'a Stage) -> (Self, Gate) {
        let way = Gate::at(&stage.trace());
        let mut bot = Self::start(stage, &Watch::Gate);
        let tracer = bot.process.id().unwrap();
        let program = fs::canonicalize(stage.setup.program.path()).unwrap();
        // The tracer tries its ways of tracing on children of its own first.
        let is_it = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
        let pid = until("the bot is started", async || child_of(tracer).filter(is_it)).await;
        let gate = Gate::of(pid, way);
        bot.until("the site tells", async |bot| bot.status().await).await;
        (bot, gate)
    }

    /// Whether it was killed by now.
    pub(crate) fn was_killed(&self) -> bool {
        matches!(self.watched, Watched::Killed)
    }

    fn tend(&mut self) {
        if let Some(ended) = self.process.try_wait().unwrap() {
            self.starts_again(ended);
        }
    }

    /// Starts it again if it was killed; any other end is a failure.
    fn starts_again(&mut self, ended: ExitStatus) {
        let killed = ended.signal() == Some(9) && !self.was_killed();
        assert!(killed, "the bot ended by itself ({ended})\n{}", self.logged());
        let setup = &self.stage.setup;
        self.process = setup.program.serve(setup.folder(), &setup.config(), &log_path(self.stage));
        self.watched = Watched::Killed;
    }

    /// Looks until there is something to see, whatever happens to the bot meanwhile.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl AsyncFnMut(&mut Self) -> Option<T>,
    ) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            self.tend();
            if let Some(seen) = look(self).await {
                return seen;
            }
            if Instant::now() >= end {
                let room = self.room("jo").await.unwrap_or_default();
                let room: Vec<String> = room.iter().map(ToString::to_string).collect();
                panic!("{what}: never seen\n{}\n{}", room.join("\n"), self.logged());
            }
            sleep(TICK).await;
        }
    }

    /// Says a line, over and over under the same key until it is acknowledged; gives the key.
    pub(crate) async fn says(&mut self, who: &str, line: &str) -> String {
        self.keys += 1;
        let key = format!("story{:04}", self.keys);
        let somebody = self.stage.people[who].clone();
        let what = format!("{who} says `{line}`");
        let fields = [("text", line), ("key", key.as_str()), ("csrf", somebody.csrf.as_str())];
        self.until(&what, async |_| {
            let mut browser = somebody.browser.clone();
            let answer = browser.tries_sending(&host(), &format!("/room/{ROOM}/say"), &fields).await.ok()?;
            assert!(matches!(answer.status, 202 | 429 | 503), "{what}: {answer:?}");
            (answer.status == 202).then_some(())
        })
        .await;
        key
    }

    /// Waits until the card that answers what was said under a key holds a text.
    pub(crate) async fn answers(&mut self, who: &str, key: &str, text: &str) -> Card {
        let mine = format!("-{key}");
        self.until(&format!("{who} reads `{text}`"), async |bot| {
            let room = bot.room(who).await?;
            let at = room.iter().position(|message| message.id.ends_with(&mine))?;
            let mut cards = room.into_iter().skip(at).filter_map(|message| message.card);
            cards.find(|card| !card.by_itself && !card.private).filter(|card| card.to_string().contains(text))
        })
        .await
    }

    /// What a button of a card would say.
    pub(crate) fn line_of(card: &Card, label: &str) -> String {
        let Button::Says { fields, .. } = card.button(label) else {
            panic!("[{label}] of {card} cannot be pressed")
        };
        fields.iter().find(|(name, _)| name == "text").map(|(_, text)| text.clone()).unwrap()
    }

    /// The room as somebody sees it now, if it can be seen.
    pub(crate) async fn room(&self, who: &str) -> Option<Vec<Message>> {
        let page = self.page(who, &format!("/room/{ROOM}")).await?;
        Some(messages(&Element::page(&page.body)))
    }

    /// What the site tells programs, if it does.
    pub(crate) async fn status(&self) -> Option<serde_json::Value> {
        Some(self.page("jo", "/api/status").await?.json())
    }

    async fn page(&self, who: &str, path: &str) -> Option<Answer> {
        let mut browser = self.stage.people[who].browser.clone();
        browser.tries(&host(), path).await.ok().filter(|answer| answer.status == 200)
    }

    /// What is in the record now.
    pub(crate) async fn journal(&self) -> Journal {
        Journal::copied(&self.stage.setup.state()).await
    }

    /// How many bytes the journal has by now.
    pub(crate) fn written(&self) -> u64 {
        let segments = fs::read_dir(self.stage.setup.state().join("record/journal")).unwrap();
        segments.map(|segment| segment.unwrap().metadata().unwrap().len()).sum()
    }

    /// Ends it in good order, after which its record is nobody's; killed on the way, it is started once more.
    pub(crate) async fn stop(&mut self) {
        while let Err(ended) = self.tries_to_stop().await {
            self.starts_again(ended);
            self.until("the site tells", async |bot| bot.status().await).await;
        }
    }

    async fn tries_to_stop(&mut self) -> Result<(), ExitStatus> {
        self.tend();
        let own = self.process.id().unwrap();
        let pid = if self.was_killed() { own } else { child_of(own).expect("it traces a process") };
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::TERM).unwrap();
        let ended = timeout(PATIENCE, self.process.wait()).await.expect("it ends").unwrap();
        if ended.success() { Ok(()) } else { Err(ended) }
    }

    fn logged(&self) -> String {
        let log = fs::read_to_string(log_path(self.stage)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Stage {
    /// Where the calls of the watched bot stand.
    pub(crate) fn trace(&self) -> PathBuf {
        self.setup.folder().join("trace")
    }
}

fn host() -> String {
    format!("folkops.{SERVICE}")
}

fn log_path(stage: &Stage) -> PathBuf {
    stage.setup.folder().join("bot.log")
}

fn log(stage: &Stage) -> File {
    File::create(log_path(stage)).unwrap()
}

/// The process that a tracer has started.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().next().map(|child| child.parse().unwrap())
}
