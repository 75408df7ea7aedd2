//! The loops that run by themselves: looking at repositories, comparing what runs with what should, ending what is late.
//!
//! None of them does anything but record what it sees and say lines in the automation's name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use folkops_engine::{Facts, Lookout, Operations};
use folkops_model::{Cause, StackName};
use folkops_previews::ports::Stacks;
use folkops_previews::ports::Traffic;
use folkops_previews::reconcile::{proposals, routes, unwanted};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::admin::propose;
use crate::build::Bot;

/// How often repositories are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often what runs is compared with what should.
const COMPARE: Duration = Duration::from_secs(3);
/// How often late operations are ended.
const EXPIRE: Duration = Duration::from_secs(1);
/// How many comparisons in a row must find a stack unwanted before it is stopped: an operation may just be raising it.
const UNWANTED: u32 = 3;

/// Starts the loops; they end with the token.
pub fn start(bot: &Arc<Bot>, stop: &CancellationToken) {
    tokio::spawn(until(stop.clone(), look(bot.clone())));
    tokio::spawn(until(stop.clone(), compare(bot.clone())));
    tokio::spawn(until(stop.clone(), expire(bot.clone())));
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

fn every(period: Duration) -> tokio::time::Interval {
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
    }
}

async fn expire(bot: Arc<Bot>) {
    let mut ticks = every(EXPIRE);
    loop {
        ticks.tick().await;
        bot.engine.expire().await;
    }
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
