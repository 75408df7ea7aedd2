//! `bench-demo`: what becomes of a good and of a bad change in the demo, with nobody touching it.
//!
//! For each seed the demo is started afresh; its own people promote the change that makes amounts scale, and when that is
//! over the one whose cache fails one reading in twenty-one. The crowd knows no builds. Times are reported; it fails when
//! a good change is taken back, a bad one is not, or production is not again what it was, byte for byte. The result is
//! written to `docs/benchmarks/demo.md`; `--quick` does it for one seed and writes nothing.

#[allow(dead_code, reason = "each bench uses its part")]
mod figures;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use figures::Series;
use folkops_world::{Button, Card, Demo, Journal, Somebody, until_within};
use jiff::Timestamp;
use serde_json::Value;

const SEEDS: u64 = 10;
/// The change that is good, and who proposes it.
const GOOD: (u64, &str) = (41, "mira");
/// The change that looks good, and who asks for a look at it.
const BAD: (u64, &str) = (52, "ana");
/// Whatever takes longer has gone wrong; the demo itself gives a rollout five minutes.
const PATIENCE: Duration = Duration::from_secs(420);

/// How one rollout went.
#[derive(Debug)]
struct Went {
    /// `live` or `rolled-back`.
    end: String,
    /// From the first visitors' step to the end.
    seconds: f64,
    /// Visitors who had the new build.
    tried: u64,
    /// Those of them who met an error.
    met: u64,
    /// What production runs, by component, from the processes, before and after.
    builds: [BTreeMap<String, String>; 2],
}

#[tokio::main]
async fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let mut all = Vec::new();
    for seed in 1..=if is_quick { 1 } else { SEEDS } {
        let (good, bad) = seeded(seed).await;
        println!(
            "seed {seed}: good {} after {:.1} s, bad {} after {:.1} s",
            good.end, good.seconds, bad.end, bad.seconds
        );
        all.push((seed, good, bad));
    }
    let page = page(&all);
    println!("{page}");
    for (seed, good, bad) in &all {
        assert_eq!((good.end.as_str(), bad.end.as_str()), ("live", "rolled-back"), "seed {seed}");
        assert_eq!(bad.builds[0], bad.builds[1], "seed {seed}: production is what it was");
        assert_ne!(good.builds[0], good.builds[1], "seed {seed}: production is another build");
    }
    if is_quick {
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks/demo.md");
    std::fs::write(file, page).expect("the folder of documents is ours");
}

async fn seeded(seed: u64) -> (Went, Went) {
    let demo = Demo::with(&["--seed".to_owned(), seed.to_string()]).await;
    let up = async || (demo.status().await["production"]["release"] == 1).then_some(());
    until_within(PATIENCE, "the first release", up).await;
    let jo = demo.persona("jo").await;
    let mut good = promoted(&demo, &jo, GOOD).await;
    let bad = promoted(&demo, &jo, BAD).await;
    // It was not taken back later either.
    let first = courses(&demo.journal().await).into_values().next().and_then(|course| course.over);
    good.end = first.expect("it was over").1;
    demo.stop().await;
    (good, bad)
}

/// Somebody asks for a look, Jo allows the commit, the preview comes up, and Jo gives it to everyone.
async fn promoted(demo: &Demo, jo: &Somebody, (number, by): (u64, &str)) -> Went {
    demo.says(&demo.persona(by).await, &format!("/deploy-preview {number}")).await;
    let waits =
        card(demo, jo, |card| allow(card).is_some() && card.title.contains(&format!("#{number}"))).await;
    demo.says(jo, &allow(&waits).expect("it was looked for")).await;
    card(demo, jo, |card| card.title.contains(&format!("Preview of #{number} is up"))).await;
    let before = production(demo).await;
    let known = courses(&demo.journal().await).len();
    demo.says(jo, &format!("/promote {number}")).await;
    let (course, (over, end)) = until_within(PATIENCE, "the end of a rollout", async || {
        let course = courses(&demo.journal().await).into_values().nth(known)?;
        course.over.clone().map(|over| (course, over))
    })
    .await;
    let seconds = over.duration_since(course.begun).as_secs_f64();
    let Course { tried, met, .. } = course;
    let after = until_within(PATIENCE, "what production runs", async || {
        let now = production(demo).await;
        ((now != before) == (end == "live")).then_some(now)
    })
    .await;
    Went { end, seconds, tried, met, builds: [before, after] }
}

async fn card(demo: &Demo, who: &Somebody, wanted: impl Fn(&Card) -> bool) -> Card {
    until_within(PATIENCE, "a card", async || demo.card(who, &wanted).await).await
}

/// What its button to allow a commit says.
fn allow(card: &Card) -> Option<String> {
    card.buttons.iter().find_map(|button| match button {
        Button::Says { label, fields } if label.starts_with("Allow") => {
            fields.iter().find(|(name, _)| name == "text").map(|(_, text)| text.clone())
        }
        _ => None,
    })
}

/// The builds of the release that production is said to run, read from its processes.
async fn production(demo: &Demo) -> BTreeMap<String, String> {
    let stack = format!("release-{}", demo.status().await["production"]["release"]);
    let running = demo.running().into_iter().filter(|one| one.stack == stack);
    running.map(|one| (one.component, one.digest)).collect()
}

/// What the record says of one rollout.
#[derive(Debug, Clone)]
struct Course {
    begun: Timestamp,
    /// When everybody or nobody had it, and which. A release that is watched on after that is everybody's already.
    over: Option<(Timestamp, String)>,
    tried: u64,
    met: u64,
}

/// Every rollout in order, by release.
fn courses(journal: &Journal) -> BTreeMap<u64, Course> {
    let mut courses = BTreeMap::new();
    for record in &journal.records {
        let body = &record["body"];
        match (record["kind"].as_str(), body["intent"].as_str()) {
            (Some("intended"), Some("start-rollout")) => {
                let course = Course { begun: time(record), over: None, tried: 0, met: 0 };
                courses.insert(number(&body["rollout"]["release"]), course);
            }
            (Some("intended"), Some("soak-rollout")) => ends(&mut courses, record, "live"),
            (Some("intended"), Some("end-rollout")) => {
                ends(&mut courses, record, body["end"].as_str().expect("an end"));
            }
            (Some("rollout-observed"), _) => observed(&mut courses, body),
            _ => {}
        }
    }
    courses
}

/// The first end counts, but for a release that is taken back later.
fn ends(courses: &mut BTreeMap<u64, Course>, record: &Value, end: &str) {
    let course = courses.get_mut(&number(&record["body"]["release"])).expect("it began");
    if course.over.is_none() || end == "rolled-back" {
        course.over = Some((time(record), end.to_owned()));
    }
}

/// Adds what was seen on the way to the end.
fn observed(courses: &mut BTreeMap<u64, Course>, body: &Value) {
    let course = courses.get_mut(&number(&body["release"])).filter(|course| course.over.is_none());
    let Some(course) = course else { return };
    for tick in body["seen"]["ticks"].as_array().into_iter().flatten() {
        course.tried += number(&tick["candidate"]["visitors"]);
        course.met += number(&tick["candidate"]["affected"]);
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn time(record: &Value) -> Timestamp {
    record["time"].as_str().expect("a time").parse().expect("a time")
}

fn page(all: &[(u64, Went, Went)]) -> String {
    let built = if cfg!(debug_assertions) { "without" } else { "with" };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut page = INTRODUCTION
        .replace("{seeds}", &all.len().to_string())
        .replace("{built}", built)
        .replace("{processors}", &processors.to_string());
    for (seed, good, bad) in all {
        let same = if bad.builds[0] == bad.builds[1] { "the same" } else { "other" };
        let _ = writeln!(
            page,
            "| {seed} | {} | {:.1} | {} of {} | {} | {:.1} | {} of {} | {same} |",
            good.end, good.seconds, good.met, good.tried, bad.end, bad.seconds, bad.met, bad.tried
        );
    }
    let series = |of: fn(&(u64, Went, Went)) -> f64| all.iter().map(of).collect::<Series>();
    let (good, bad) = (series(|(_, good, _)| good.seconds), series(|(_, _, bad)| bad.seconds));
    let met = series(|(_, _, bad)| f64::from(u32::try_from(bad.met).unwrap_or(u32::MAX)));
    let _ = write!(
        page,
        "\nMedian [least … most]: the good change was live after {good:.1} s, the bad one back after {bad:.1} s; {met:.0} \
         visitors met an error of it.\n"
    );
    page
}

const INTRODUCTION: &str = "# The demo: how long it takes until a change is everybody's, or nobody's

`cargo xtask bench demo` starts `folkops demo` {seeds} times, each time afresh and with another seed for its crowd, and
does what the guided path does: a stranger's change is looked at, allowed and promoted, first a good one (#41), then one
that looks good (#52: its cache fails one reading in twenty-one). From there nobody touches it. About 25 visitors come
each second; they know of no builds, and what fails is the change's own code.

Seconds are of real time, from the record: from the moment when the first visitors get the new build until everybody or
nobody has it. Builds are read from the processes: after the bad change production runs the bytes that it ran before.
The program was built {built} optimisation, and the machine had {processors} processors.

| seed | good | seconds | met an error | bad | seconds | met an error | builds before and after the bad one |
|---|---|---|---|---|---|---|---|
";
