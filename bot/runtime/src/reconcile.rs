//! The loops that run by themselves: looking at repositories, comparing what runs with what should, ending what is late.
//!
//! None of them does anything but record what it sees and say lines in the automation's name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Facts, Lookout, Operations};
use folkops_model::{Cause, StackName};
use folkops_previews::Releases;
use folkops_previews::ports::Stacks;
use folkops_previews::ports::Traffic;
use folkops_previews::reconcile::{proposals, routes, unwanted};
use folkops_record::Body;
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::{Move, Rollouts, Row, plan};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::admin::propose;
use crate::build::Bot;
use crate::config::CarryOver;

/// How often repositories are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often what runs is compared with what should.
const COMPARE: Duration = Duration::from_secs(3);
/// How often a rollout under way is looked at.
const WATCH: Duration = Duration::from_secs(1);
/// How often late operations are ended.
const EXPIRE: Duration = Duration::from_secs(1);
/// How many comparisons in a row must find a stack unwanted before it is stopped: an operation may just be raising it.
const UNWANTED: u32 = 3;

/// How often it is looked whether a router answers.
const TEND: Duration = Duration::from_secs(1);
/// How many looks in a row must find none before one is started: whoever else supervises the router goes first.
const AWAY: u32 = 4;

/// Starts the loops; they end with the token. The configuration's file is for a router that has to be started.
pub fn start(bot: &Arc<Bot>, config: PathBuf, stop: &CancellationToken) {
    tokio::spawn(until(stop.clone(), tend_router(bot.clone(), config)));
    tokio::spawn(until(stop.clone(), look(bot.clone())));
    tokio::spawn(until(stop.clone(), compare(bot.clone())));
    tokio::spawn(until(stop.clone(), expire(bot.clone())));
    tokio::spawn(until(stop.clone(), watch_rollout(bot.clone())));
    tokio::spawn(until(stop.clone(), crate::usage::watch(bot.clone())));
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

pub(crate) fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn look(bot: Arc<Bot>) {
    let mut ticks = every(LOOK);
    loop {
        ticks.tick().await;
        if let Err(error) = bot.watcher.look().await {
            tracing::warn!(%error, "a repository could not be looked at");
        }
        if let Err(error) = tell_of_pushes(&bot).await {
            tracing::warn!(%error, "it could not be told that a change moved on");
        }
        if let Err(error) = crate::news::withdraw(&bot).await {
            tracing::warn!(%error, "a revert that is not needed could not be closed");
        }
    }
}

/// Lets the automation say what follows from pushes to changes that were allowed before.
async fn tell_of_pushes(bot: &Bot) -> Result<(), String> {
    let rule = bot.config.approval.carry_over.as_ref().map(CarryOver::rule);
    for (line, key) in bot.ledger.read(|facts| folkops_commands::proposals(facts, rule.as_ref())) {
        propose(&bot.engine, &bot.config, &line, Cause::Pushed, &key).await?;
    }
    Ok(())
}

async fn expire(bot: Arc<Bot>) {
    let mut ticks = every(EXPIRE);
    loop {
        ticks.tick().await;
        bot.engine.expire().await;
    }
}

async fn tend_router(bot: Arc<Bot>, config: PathBuf) {
    let mut ticks = every(TEND);
    let mut away = 0;
    loop {
        ticks.tick().await;
        away = if crate::edge::answers(&bot.config).await { 0 } else { away + 1 };
        if away < AWAY {
            continue;
        }
        away = 0;
        match crate::edge::ensure(&bot.config, &config).await {
            Ok(()) => tracing::warn!("no router answered; one was started"),
            Err(error) => tracing::error!(%error, "nobody reaches the service"),
        }
    }
}

async fn watch_rollout(bot: Arc<Bot>) {
    let mut ticks = every(WATCH);
    loop {
        ticks.tick().await;
        if let Err(error) = watch_once(&bot).await {
            tracing::warn!(%error, "the rollout could not be watched");
        }
    }
}

/// Records what the router saw, then lets the automation say what the numbers want.
async fn watch_once(bot: &Bot) -> Result<(), String> {
    let Some(row) = bot.ledger.read(live) else { return Ok(()) };
    if let Some(seen) = bot.edge.seen(&row).await.map_err(|error| error.0)?
        && !(seen.cohorts.is_empty() && seen.ticks.is_empty())
    {
        let release = row.rollout.release;
        bot.engine.note(Body::RolloutObserved { release, seen }).await.map_err(|error| error.0)?;
    }
    let Some((line, key)) = bot.ledger.read(wanted) else { return Ok(()) };
    propose(&bot.engine, &bot.config, line, Cause::Verdict, &key).await
}

fn live(facts: &Facts<'_>) -> Option<Row> {
    facts.fold::<Rollouts>()?.live(facts).cloned()
}

/// The line that the numbers want said, with what makes it the same as an earlier one.
fn wanted(facts: &Facts<'_>) -> Option<(&'static str, String)> {
    let row = facts.fold::<Rollouts>()?.live(facts)?;
    let frozen = facts.fold::<Releases>()?.frozen(facts).is_some();
    let wanted = plan(row, facts.now()).proposed?;
    // What is wanted again after it was said, because it did not come about, is said again ten seconds later; an earlier
    // release that did not answer gets longer.
    let patience = if wanted == Move::RollBack(Grounds::Soak) { 300 } else { 10 };
    let (line, what) = match wanted {
        Move::RollBack(_) => ("/rollback", "back"),
        Move::Step { .. } | Move::Finish if frozen => return None,
        Move::Step { .. } => ("/advance", "step"),
        Move::Finish => ("/advance", "finish"),
        Move::Keep => ("/advance", "keep"),
        Move::Hold(_) => ("/advance", "hold"),
        Move::Resume => ("/advance", "resume"),
    };
    let again = facts.now().as_second() / patience;
    Some((line, format!("{what}-{}-{}-{again}", row.rollout.release, row.since.as_millisecond())))
}

async fn compare(bot: Arc<Bot>) {
    let mut ticks = every(COMPARE);
    let mut seen_unwanted = BTreeMap::new();
    let mut routed = 0;
    loop {
        ticks.tick().await;
        if let Err(error) = compare_once(&bot, &mut seen_unwanted).await {
            tracing::warn!(%error, "what runs could not be compared with what should");
        }
        route(&bot, &mut routed).await;
    }
}

/// Gives the router the record's table again when the record has grown: it may have been started anew, or an effect
/// may have been given up.
async fn route(bot: &Bot, routed: &mut u64) {
    // A rollback that was taken up, offline or from before a crash, goes first: its own step tells the router.
    let held = bot.ledger.read(|facts| is_under_way(facts, "/restore") || is_unread(facts));
    let Some(routes) = bot.ledger.read(routes).filter(|_| !held) else { return };
    if routes.version == *routed {
        return;
    }
    match bot.edge.route(&routes).await {
        Ok(()) => *routed = routes.version,
        Err(error) => tracing::warn!(%error, "the router could not be told"),
    }
}

/// Whether an operation already works, or waits, on what a proposed line is about.
fn is_under_way(facts: &Facts<'_>, line: &str) -> bool {
    let Some(operations) = facts.fold::<Operations>() else { return false };
    match line.strip_prefix("/expire ") {
        None => operations.locks.get(&"production".to_owned()).is_some(),
        Some(what) => ["preview", "mix", "stack"]
            .iter()
            .any(|kind| operations.locks.get(&format!("{kind}-{what}")).is_some()),
    }
}

fn is_unread(facts: &Facts<'_>) -> bool {
    facts.fold::<Operations>().is_some_and(|operations| !operations.open.is_empty())
}

async fn compare_once(bot: &Bot, seen_unwanted: &mut BTreeMap<StackName, u32>) -> Result<(), String> {
    let running = bot.target.running().await.map_err(|error| error.0)?;
    let (proposals, unwanted) =
        bot.ledger.read(|facts| (proposals(facts, &running), unwanted(facts, &running)));
    for proposal in proposals {
        if bot.ledger.read(|facts| is_under_way(facts, &proposal.line)) {
            continue;
        }
        propose(&bot.engine, &bot.config, &proposal.line, proposal.cause, &proposal.key).await?;
    }
    seen_unwanted.retain(|stack, _| unwanted.contains(stack));
    for stack in unwanted {
        let times = seen_unwanted.entry(stack.clone()).or_default();
        *times += 1;
        if *times == UNWANTED {
            let key = format!("unwanted-{stack}-{}", bot.clock.now().as_second() / 60);
            propose(&bot.engine, &bot.config, &format!("/expire {stack}"), Cause::Drift, &key).await?;
        }
    }
    let known = |_: &StackName| true;
    bot.target.sweep(bot.clock.now(), known).await.map_err(|error| error.to_string())?;
    Ok(())
}
