//! Sweeps over the places of the story: one of every kind, drawn by a seed, or each one with `FOLKOPS_SWEEP=full`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::{Mutex, PoisonError};

use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::bot::Bot;
use super::end::{self, End};
use super::place::{CALLS, Place, Watch, about, counted};
use super::stage::Stage;
use super::story::Story;

/// A whole sweep tells the story on so many stages at once; most of a telling is waiting.
const STAGES: usize = 3;

#[tokio::test]
async fn killed_at_any_call_and_started_again_the_program_comes_to_the_same_end() {
    // A drawn place may lie behind the end of a telling in which a thread had less to do.
    let enough = if is_whole() { 60 } else { 3 };
    let places = killed_everywhere(Story::Whole, &stages(Stage::new).await, CALLS.len()).await;
    assert!(places >= enough, "only {places}");
}

/// As many stages as a sweep needs.
pub(crate) async fn stages(lay: impl AsyncFn() -> Stage) -> Vec<Stage> {
    let mut stages = Vec::new();
    while stages.len() < if is_whole() { STAGES } else { 1 } {
        stages.push(lay().await);
    }
    stages
}

/// Tells a story again and again, killed at another place each time: at every one, or at so many that are drawn. Gives
/// how many of them were reached.
pub(crate) async fn killed_everywhere(story: Story, stages: &[Stage], drawing: usize) -> usize {
    let mut ready = Vec::new();
    for stage in stages {
        ready.push(Ready::new(story, stage).await);
    }
    let plan = Plan::new(if is_whole() { every() } else { drawn(story, &ready[0].counts, drawing) });
    join_all(ready.iter().map(|stage| stage.sweep(&plan))).await;
    let places = plan.killed();
    println!("{story:?}: killed at {} distinct places: {}", places.len(), by_call(&places));
    places.len()
}

/// A stage on which the story was told without harm.
struct Ready<'a> {
    story: Story,
    stage: &'a Stage,
    unharmed: End,
    /// The most that one thread made of each call.
    counts: BTreeMap<&'static str, u32>,
}

impl<'a> Ready<'a> {
    async fn new(story: Story, stage: &'a Stage) -> Self {
        stage.reset();
        let unharmed = told(story, stage, &Watch::Count).await.0;
        stage.keep_builds();
        if is_whole() {
            // Without the calls that only building makes, it comes to the same.
            stage.reset();
            assert_eq!(told(story, stage, &Watch::Count).await.0, unharmed);
        }
        Self { story, stage, unharmed, counts: counted(&stage.trace()) }
    }

    async fn sweep(&self, plan: &Plan) {
        while let Some(place) = plan.next() {
            self.stage.reset();
            let (end, killed) = told(self.story, self.stage, &Watch::Kill(place.clone())).await;
            println!(
                "{place}: {}",
                if killed { about(&self.stage.trace(), place.call) } else { "never reached".into() }
            );
            assert_eq!(end, self.unharmed, "killed at {place}");
            plan.done(place, killed);
        }
    }
}

/// Tells the story once; gives its end, and whether the bot was killed on the way.
async fn told(story: Story, stage: &Stage, watch: &Watch) -> (End, bool) {
    let mut bot = Bot::start(stage, watch);
    story.tell(&mut bot).await;
    let end = end::of(&mut bot).await;
    story.holds(&stage.setup).await;
    (end, bot.was_killed())
}

/// The places that are still to come, and what became of the others.
struct Plan(Mutex<Places>);

struct Places {
    /// For each call, the places in order; an endless row ends where the story does.
    rows: Vec<Box<dyn Iterator<Item = Place> + Send>>,
    over: BTreeSet<&'static str>,
    killed: BTreeSet<Place>,
}

impl Plan {
    fn new(rows: Vec<Box<dyn Iterator<Item = Place> + Send>>) -> Self {
        Self(Mutex::new(Places { rows, over: BTreeSet::new(), killed: BTreeSet::new() }))
    }

    fn next(&self) -> Option<Place> {
        let places = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = &places.over;
        places.rows.iter_mut().find_map(|row| row.next().filter(|place| !over.contains(place.call)))
    }

    fn done(&self, place: Place, killed: bool) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if killed {
            places.killed.insert(place);
        } else {
            places.over.insert(place.call);
        }
    }

    fn killed(&self) -> BTreeSet<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).killed.clone()
    }
}

/// Every n of every call, until a telling ends without having been hindered; or of the calls in `FOLKOPS_CALLS` alone.
fn every() -> Vec<Box<dyn Iterator<Item = Place> + Send>> {
    let only = said("FOLKOPS_CALLS");
    let wanted = |call: &&&str| only.as_ref().is_none_or(|only| only.split(',').any(|word| word == **call));
    CALLS.iter().filter(wanted).map(|call| Box::new((1..).map(|n| Place { call, n })) as _).collect()
}

/// One place of as many of the story's calls as are wanted, drawn by `FOLKOPS_SEED`.
fn drawn(
    story: Story,
    counts: &BTreeMap<&'static str, u32>,
    wanted: usize,
) -> Vec<Box<dyn Iterator<Item = Place> + Send>> {
    println!("FOLKOPS_SEED={}", seed());
    let mut calls: Vec<_> = counts.iter().collect();
    calls.sort_by_key(|(call, _)| draw(&format!("{story:?} {call}"), u32::MAX - 1));
    let places = calls.into_iter().take(wanted).map(|(call, most)| Place { call, n: draw(call, *most) });
    places.map(|place| Box::new(std::iter::once(place)) as _).collect()
}

/// Whether a sweep goes everywhere, as `FOLKOPS_SWEEP=full` says, or draws a few places.
pub(crate) fn is_whole() -> bool {
    said("FOLKOPS_SWEEP").is_some_and(|sweep| sweep == "full")
}

/// What `FOLKOPS_SEED` says; a sweep tells it, so that it can be run again.
pub(crate) fn seed() -> String {
    said("FOLKOPS_SEED").unwrap_or_else(|| "1".into())
}

/// Draws from one to `most`, anew for everything that is drawn.
pub(crate) fn draw(what: &str, most: u32) -> u32 {
    let hash = Sha256::digest(format!("{} {what}", seed()));
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % most + 1
}

fn said(variable: &str) -> Option<String> {
    env::var_os(variable).map(|value| value.to_string_lossy().into_owned())
}

fn by_call(places: &BTreeSet<Place>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    places.iter().for_each(|place| *counts.entry(place.call).or_default() += 1);
    counts.iter().map(|(call, count)| format!("{call} {count}")).collect::<Vec<_>>().join(", ")
}
