//! Rollouts: a good change comes to everybody and a bad one goes back, while the bot, the router and the keepers are
//! killed; the end is one of the two releases, entire, and the one that the record says.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use folkops_demo::{Commit, push_fixup};
use folkops_router::control::ControlClient;
use folkops_world::{Browser, Passing, SERVICE, Setup, World};
use serde_json::Value;
use toml::Table;

use super::bot::Bot;
use super::end::owed;
use super::place::Watch;
use super::splits::Splits;
use super::stage::Stage;
use super::story::Story;
use super::sweep::{draw, is_whole, killed_everywhere, seed, stages};

/// Which way a rollout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// On, to everybody.
    On,
    /// Back, by itself.
    Back,
    /// To everybody at once, and then back because somebody says so, a few at a time.
    Led,
}

/// A change that is good.
const GOOD: u32 = 41;
/// A change that looks good.
const BAD: u32 = 52;

/// How many places an ordinary run draws for each way.
const DRAWN: usize = 2;

/// So many visitors look at the end.
const EVERYBODY: u32 = 60;

/// Twenty-five come in a second, and are watched for a moment each: a rollout takes a few seconds.
const BETWEEN: Duration = Duration::from_millis(40);
const TEMPLATE: &str = "strategy = \"canary\"\nvisitors = 1500\nminutes = 1\nstep_seconds = 4\nmargin = 0.3\nbudget = 200\n\
                        period_ms = 300\nblock_ms = 250\nslow_ms = 1000\nsettle_ms = 300\n\
                        soak_minutes = 0\n";

impl Way {
    fn change(self) -> u32 {
        match self {
            Self::On | Self::Led => GOOD,
            Self::Back => BAD,
        }
    }

    /// What its card says in the end.
    fn said(self) -> &'static str {
        match self {
            Self::On | Self::Led => "live for everyone",
            Self::Back => "rolled back by itself",
        }
    }

    /// The end that it comes to when nothing else is killed.
    pub(crate) fn end(self) -> End {
        match self {
            Self::On => End { production: 2, stage: Some("live") },
            Self::Back => End { production: 1, stage: Some("rolled-back") },
            Self::Led => End { production: 1, stage: None },
        }
    }
}

/// Whose process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// What visitors reach.
    Router,
    /// What keeps the entrance of the new build.
    New,
    /// What keeps the entrance of the current build.
    Current,
    /// What keeps the part of the current build that no visitor reaches.
    Behind,
}

impl Victim {
    const ALL: [Self; 4] = [Self::Router, Self::New, Self::Current, Self::Behind];

    fn is(self, words: &[String]) -> bool {
        let [_, word, subject, ..] = words else { return false };
        let keeps = |unit: &str| word == "keep" && subject.ends_with(unit);
        match self {
            Self::Router => word == "router",
            Self::New => keeps("/release-2/web"),
            Self::Current => keeps("/release-1/web"),
            Self::Behind => keeps("/release-1/recipes-api"),
        }
    }
}

/// After so many looks of the bot at its visitors.
const MOMENTS: [usize; 2] = [1, 3];

/// How many of these kills an ordinary run draws.
const KILLS: usize = 2;

/// How many components the service has.
const PARTS: usize = 2;

/// Where production stands after a rollout, and how that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    production: u64,
    /// How the rollout ended, where there was one.
    stage: Option<&'static str>,
}

#[tokio::test]
async fn killed_at_any_call_of_a_rollout_forward_or_back_the_program_comes_to_the_release_it_was_to_come_to()
{
    let stages = stages(stage).await;
    let mut places = 0;
    for way in [Way::On, Way::Back, Way::Led] {
        places += killed_everywhere(Story::Rollout(way), &stages, DRAWN).await;
    }
    // A drawn place may lie behind the end of a telling in which a thread had less to do.
    let enough = if is_whole() { 180 } else { 1 };
    assert!(places >= enough, "only {places}");
}

#[tokio::test]
async fn when_the_router_or_a_keeper_is_killed_in_a_rollout_all_come_to_the_release_that_the_record_says() {
    let all = [Way::On, Way::Back].into_iter().flat_map(|way| {
        let victims = Victim::ALL.into_iter().flat_map(|victim| MOMENTS.map(|moment| (victim, moment)));
        victims.map(move |(victim, moment)| (way, victim, moment))
    });
    let mut all: Vec<_> = all.collect();
    if !is_whole() {
        println!("FOLKOPS_SEED={}", seed());
        all.sort_by_key(|kill| draw(&format!("{kill:?}"), u32::MAX - 1));
        all.truncate(KILLS);
    }
    let stage = stage().await;
    for (way, victim, moment) in all {
        stage.reset();
        let end = told_and_killed(&stage, way, victim, moment).await;
        stage.keep_builds();
        println!("{way:?}, {victim:?} killed after {moment} looks: {end:?}");
    }
}

/// Promotes a change, kills one process in the rollout, and waits until everything has come to rest; gives the end.
async fn told_and_killed(stage: &Stage, way: Way, victim: Victim, moment: usize) -> End {
    let setup = &stage.setup;
    let mut bot = Bot::start(stage, &Watch::Count);
    let splits = Splits::watch(setup);
    let passing = begun(&mut bot, way).await.0;
    bot.until("the rollout is under way", async |bot| {
        (bot.journal().await.every("rollout-observed").len() >= moment).then_some(())
    })
    .await;
    assert_eq!(setup.kill(|words| victim.is(words)), 1, "{victim:?}");
    let end = bot.until("it is over", async |bot| over(bot).await).await;
    drop(passing);
    splits.are_recorded(&bot.journal().await).await;
    bot.stop().await;
    is_at_one_release(setup, end).await;
    // A router that nobody asked anything while it was away has seen nothing of its own.
    assert!(victim != Victim::Router || end == way.end(), "{end:?}");
    end
}

/// The end that the record says, once nothing is owed and what should run does.
async fn over(bot: &mut Bot<'_>) -> Option<End> {
    let journal = bot.journal().await;
    let ended =
        journal.every("intended").into_iter().find(|record| record["body"]["intent"] == "end-rollout")?;
    let end = [Way::On.end(), Way::Back.end()]
        .into_iter()
        .find(|end| Some(ended["body"]["end"].as_str()) == Some(end.stage))?;
    let (stack, setup) = (format!("release-{}", end.production), &bot.stage.setup);
    let parts = setup.running().into_iter().filter(|one| one.stack == stack).count();
    let page = Browser::new(setup.router).tries(SERVICE, "/").await.ok()?;
    (owed(&journal).is_empty() && parts == PARTS && page.status == 200).then_some(end)
}

/// A service with a first release, and two changes that somebody has looked at.
pub(crate) async fn stage() -> Stage {
    let rollout: Table = TEMPLATE.parse().unwrap();
    let setup = Setup::new(|config| _ = config.insert("rollout".into(), rollout.into())).await;
    let heads =
        [setup.repositories.of_change(GOOD).unwrap().change(GOOD).unwrap().clone(), spoil(&setup).await];
    let world = World::on(setup).await;
    world.until_release(1).await;
    for head in heads {
        let card = world.says("jo", &format!("/ok-to-test {head}")).await;
        assert!(card.title.contains("may run at"), "{card}");
    }
    Stage::of(world).await
}

/// Lets the bad change fail every other reading, so that few visitors are needed to find it.
async fn spoil(setup: &Setup) -> Commit {
    let laid = setup.repositories.of_change(BAD).unwrap();
    let path = format!("{}:src/cache.rs", laid.change(BAD).unwrap());
    let said = Command::new("git").arg("-C").arg(&laid.path).args(["show", &path]).output().unwrap();
    let cache = String::from_utf8(said.stdout).unwrap();
    let worse = cache.replace("READINGS: usize = 20;", "READINGS: usize = 1;");
    assert_ne!(worse, cache);
    push_fixup(&laid.path, BAD, "Look back on less", &[("src/cache.rs", worse.as_bytes())]).await.unwrap()
}

/// Promotes a change while visitors pass by, and waits for what becomes of it.
pub(crate) async fn tell(bot: &mut Bot<'_>, way: Way) {
    let splits = Splits::watch(&bot.stage.setup);
    let (passing, asked) = begun(bot, way).await;
    bot.answers("jo", &asked, way.said()).await;
    if way == Way::Led {
        let back = bot.says("jo", "/rollback").await;
        bot.answers("jo", &back, "is back on release 1").await;
    }
    drop(passing);
    splits.are_recorded(&bot.journal().await).await;
}

/// Promotes a change once the first release answers; gives the visitors and the key of what was said.
async fn begun(bot: &mut Bot<'_>, way: Way) -> (Passing, String) {
    let router = bot.stage.setup.router;
    bot.until("release 1 answers", async |_| {
        let page = Browser::new(router).tries(SERVICE, "/").await.ok()?;
        page.body.contains("Release 1<").then_some(())
    })
    .await;
    let passing = Passing::by(router, BETWEEN);
    let strategy = if way == Way::Led { " --strategy=blue-green" } else { "" };
    (passing, bot.says("jo", &format!("/promote {}{strategy}", way.change())).await)
}

/// Production is one release by the record, by the router's table, by what visitors get and by the processes, and no
/// visitor is left with another one.
pub(crate) async fn is_at_one_release(setup: &Setup, end: End) {
    let name = format!("release-{}", end.production);
    let record = Record::of(setup).await;
    assert_eq!((record.production, record.stage.as_deref(), record.trials), (end.production, end.stage, 0));
    let table = ControlClient::new(setup.state().join("router.sock")).table().await.unwrap().unwrap();
    assert_eq!(table.service.default.arm.as_str(), name);
    assert_eq!(table.service.rollout, None, "nobody is left with weight on what is over");
    let runs = setup.running().into_iter().filter(|one| one.stack == name);
    let runs: BTreeSet<_> = runs.map(|one| (one.component, one.digest)).collect();
    assert_eq!(runs, record.builds);
    for _ in 0..EVERYBODY {
        let mut visitor = Browser::new(setup.router);
        for _ in 0..2 {
            let page = visitor.opens(SERVICE, "/").await;
            let stumbles = record.bad && page.status == 500;
            assert!(stumbles || page.shows(&[&format!("Release {}<", end.production)]).status == 200);
        }
    }
}

/// What the record holds of production and of the one rollout there was.
struct Record {
    production: u64,
    /// Whether it brings the change that fails: beside a current build that is down, a bad one is no worse.
    bad: bool,
    /// Component and digest.
    builds: BTreeSet<(String, String)>,
    stage: Option<String>,
    /// Rollouts and ways back that are not over.
    trials: usize,
}

impl Record {
    async fn of(setup: &Setup) -> Self {
        let export = setup.folkops(&["export"]).await;
        let rows = export.well().lines().map(|line| line.split_once('\t').unwrap());
        let rows: Vec<(&str, Value)> =
            rows.map(|(key, row)| (key, serde_json::from_str::<Value>(row).unwrap()[1].take())).collect();
        let of = |table| rows.iter().filter_map(move |(key, row)| Some((key.strip_prefix(table)?, row)));
        let production = of("production/").next().unwrap().1["release"].as_u64().unwrap();
        let release = of("releases/").find(|(number, _)| **number == production.to_string()).unwrap().1;
        let changes = release["changes"].as_array().unwrap();
        let builds = release["components"].as_object().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            production,
            bad: changes.iter().any(|change| change[0]["number"] == BAD),
            builds: builds.map(|(name, component)| (name.clone(), text(&component["digest"]))).collect(),
            stage: of("rollouts/").next().map(|(_, row)| text(&row["stage"]["ended"])),
            trials: of("trial/").count() + of("leaving/").count(),
        }
    }
}
