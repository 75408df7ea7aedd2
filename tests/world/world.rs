//! One story's world: the bot, the router and production of a service of its own.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use folkops_demo::{Commit, push_fixup};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Child;
use tokio::time::{Instant, timeout};
use toml::Table;

use crate::browser::Browser;
use crate::github::{Bare, Committer, Method};
use crate::http::Answer;
use crate::load::Load;
use crate::markup::Element;
use crate::program::signal;
use crate::record::Journal;
use crate::running::{Running, digests, running};
use crate::setup::{SERVICE, Setup};
use crate::talk::Somebody;
use crate::until::{BUILT, SOON, seen_until};

/// Who is there when a story begins: name, groups, account, e-mail.
const CAST: [(&str, &[&str]); 4] = [
    ("Mira", &["--git", "mira@example.org"]),
    ("Jo", &["--group", "maintainer", "--owner", "jo"]),
    ("Ana", &["--group", "user", "--owner", "ana"]),
    ("Ben", &["--group", "user", "--owner", "ben"]),
];

/// A program that runs, and what a story can do to it.
pub struct World {
    bot: Option<Child>,
    people: Mutex<BTreeMap<String, Somebody>>,
    // Dropped last: it ends whatever still runs.
    setup: Setup,
}

impl World {
    /// Starts with the first release up and Mira (a stranger), Jo (a maintainer), Ana and Ben (users) in the room.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// As [`World::start`], with another configuration.
    pub async fn with(edit: impl FnOnce(&mut Table)) -> Self {
        let world = Self::on(Setup::new(edit).await).await;
        world.until_release(1).await;
        world
    }

    /// Starts the bot in a place that is laid out, with nobody in the room; the first release is still being built.
    pub async fn empty(setup: Setup) -> Self {
        let mut world = Self { bot: None, people: Mutex::default(), setup };
        world.restart().await;
        world
    }

    /// As [`World::empty`], with everybody in the room.
    pub async fn on(setup: Setup) -> Self {
        let world = Self::empty(setup).await;
        for (name, invitation) in CAST {
            world.joins(name, invitation).await;
        }
        world
    }

    /// Leaves the place and the people to somebody else; the bot ends.
    pub fn into_parts(self) -> (Setup, BTreeMap<String, Somebody>) {
        (self.setup, self.people.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where it all is.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn people(&self) -> MutexGuard<'_, BTreeMap<String, Somebody>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn site_host(&self) -> String {
        format!("folkops.{SERVICE}")
    }

    /// The service's host; `ana.…` is Ana's.
    pub fn service_host(&self) -> &'static str {
        SERVICE
    }

    // ---- the bot ----

    /// Starts the bot, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.starts();
        let look = async || {
            let mut browser = Browser::new(self.setup.site);
            browser.tries(&self.site_host(), "/readyz").await.ok().filter(|answer| answer.status == 200)
        };
        if seen_until(SOON, look).await.is_none() {
            self.gives_up("the bot is not ready");
        }
    }

    /// Starts the bot; it may not live until it is ready.
    pub fn starts(&mut self) {
        assert!(self.bot.is_none(), "it runs already");
        self.bot = Some(self.setup.program.serve(self.setup.folder(), &self.setup.config(), &self.log()));
    }

    /// Waits until the bot was killed by somebody else.
    ///
    /// # Panics
    /// If it does not run, or ends in another way.
    pub async fn until_killed(&mut self) {
        let mut bot = self.bot.take().expect("the bot runs");
        let ended = timeout(BUILT, bot.wait()).await.expect("it is killed").unwrap();
        assert_eq!(ended.signal(), Some(9), "{ended}");
    }

    /// The bot's process.
    ///
    /// # Panics
    /// If it does not run.
    pub fn bot(&self) -> u32 {
        self.bot.as_ref().and_then(Child::id).expect("the bot runs")
    }

    /// Kills the bot, and the bot alone, without a word.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn kill(&mut self) {
        let mut bot = self.bot.take().expect("the bot runs");
        bot.kill().await.unwrap();
    }

    /// Asks the bot to stop, and gives how it ended and how long that took.
    ///
    /// # Panics
    /// If it has not ended after half a minute.
    pub async fn stop(&mut self) -> (Option<i32>, Duration) {
        let mut bot = self.bot.take().expect("the bot runs");
        let asked = Instant::now();
        signal(&bot, Signal::TERM);
        let ended = timeout(Duration::from_secs(30), bot.wait()).await.expect("it ends").unwrap();
        (ended.code(), asked.elapsed())
    }

    fn log(&self) -> PathBuf {
        self.setup.folder().join("bot.log")
    }

    /// What the bot has logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// What is in the record, as of now.
    pub async fn journal(&self) -> Journal {
        Journal::copied(&self.setup.state()).await
    }

    // ---- what is said of it, and what is so ----

    /// What the site tells programs.
    pub async fn status(&self) -> Value {
        Browser::new(self.setup.site).opens(&self.site_host(), "/api/status").await.json()
    }

    /// The release that production is said to run.
    pub async fn release(&self) -> Option<u64> {
        self.status().await["production"]["release"].as_u64()
    }

    /// Waits until production is said to run a release, and the router serves it.
    pub async fn until_release(&self, number: u64) {
        let look = async || {
            let said = self.release().await == Some(number);
            let mut visitor = self.visitor();
            let page = visitor.tries(SERVICE, "/").await.ok().filter(|_| said)?;
            (page.status == 200 && page.body.contains(&format!("Release {number}<"))).then_some(())
        };
        if seen_until(BUILT, look).await.is_none() {
            self.gives_up(&format!("release {number} is not up"));
        }
    }

    /// Every program that runs, read from the processes.
    pub fn running(&self) -> Vec<Running> {
        running(&self.setup.state())
    }

    /// The builds that a stack's processes run, by component.
    pub fn running_digests(&self, stack: &str) -> BTreeMap<String, String> {
        digests(&self.running(), stack)
    }

    /// The builds behind a page of the service, by component: of the processes that run under the name that stands at
    /// the page's foot.
    ///
    /// # Panics
    /// If no process goes by that name.
    pub fn behind(&self, page: &str) -> BTreeMap<String, String> {
        let running = self.running();
        let is_it = |label: &String| page.contains(label.as_str());
        let mut entrances: Vec<&Running> =
            running.iter().filter(|program| program.label.as_ref().is_some_and(is_it)).collect();
        // `Release 1` stands in `Release 12` as well; the longest name is the right one.
        entrances.sort_by_key(|program| program.label.as_ref().map_or(0, String::len));
        let entrance = entrances.last().unwrap_or_else(|| panic!("nobody made this page: {page}"));
        digests(&running, &entrance.stack)
    }

    /// A browser that nobody has used yet, in front of the router.
    pub fn visitor(&self) -> Browser {
        Browser::new(self.setup.router)
    }

    /// Opens a page of the service as somebody's own browser does: `ana` opens it on Ana's host.
    pub async fn visits(&self, browser: &mut Browser, owner: &str, path: &str) -> Answer {
        browser.opens(&format!("{owner}.{SERVICE}"), path).await
    }

    /// Ties a browser to whoever was given this link.
    ///
    /// # Panics
    /// If the link does not work.
    pub async fn follows(&self, browser: &mut Browser, link: &str) {
        let (host, path) = split(link);
        let page = browser.opens(&host, &path).await;
        let asked = Element::page(&page.body);
        let proof = asked.field("proof").unwrap_or_else(|| panic!("{}", page.body));
        let tied = browser.sends(&host, &path, format!("proof={proof}")).await;
        assert_eq!(tied.status, 303, "{}", tied.body);
    }

    /// Opens a preview by its address.
    pub async fn opens(&self, address: &str) -> Answer {
        let (host, path) = split(address);
        self.visitor().opens(&host, &path).await
    }

    /// Sends visitors to the service, each with a cookie of its own, until they are called back.
    pub fn load(&self, visitors: usize) -> Load {
        Load::start(self.setup.router, SERVICE, visitors)
    }

    // ---- the repositories ----

    /// Pushes one more commit to a change, as its author does.
    ///
    /// # Panics
    /// If there is no such change.
    pub async fn push(&self, number: u32, files: &[(&str, &[u8])]) -> Commit {
        let repository = &self.setup.repositories.of_change(number).expect("a change").path;
        push_fixup(repository, number, "Mend it", files).await.unwrap()
    }

    /// Merges a change in its repository, as somebody does who may push there; the commit.
    ///
    /// # Panics
    /// If there is no such change, or it does not merge.
    pub fn merges(&self, number: u32) -> String {
        let repository = &self.setup.repositories.of_change(number).expect("a change").path;
        let committer = Committer { login: "jo".into(), at: 1_800_000_000 };
        let merged = Bare(repository.clone()).merge(
            ("main", self.head(number)),
            Method::Merge,
            &format!("Merge #{number}"),
            &committer,
        );
        merged.expect("it merges")
    }

    /// Where a change was laid.
    ///
    /// # Panics
    /// If there is no such change.
    pub fn head(&self, number: u32) -> &str {
        let repository = self.setup.repositories.of_change(number).expect("a change");
        repository.change(number).expect("a commit").as_str()
    }

    /// Ends the story with what there is to see.
    pub(crate) fn gives_up(&self, why: &str) -> ! {
        let log = self.logged();
        let end: Vec<&str> = log.lines().rev().take(40).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        panic!("{why}; the bot's log ends:\n{}", end.join("\n"))
    }
}

/// Host without port, and path, of an address of ours.
fn split(address: &str) -> (String, String) {
    let rest = address.strip_prefix("http://").unwrap_or_else(|| panic!("`{address}` is no address"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.split(':').next().unwrap_or_default().to_owned(), format!("/{path}"))
}
