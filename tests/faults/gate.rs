//! A gate at every call by which the bot makes something durable, names it, or reaches for another process.
//!
//! `strace` stops the whole bot with SIGSTOP at each of these calls; the gate lets it go on at once, unless it was told
//! to hold it at the n-th from now. Held, the bot stands still in the middle of its work for as long as somebody does
//! something to the world. What the gate reads is `strace`'s own account, so nothing is guessed and nothing is waited
//! for that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::sync::oneshot;

use super::place::Place;

/// The calls: a record that is synced, a file that gets its name, a message to the router, a folder for sources or for
/// a process. Starting a process is itself no place to stop: that call is begun anew after every signal, for ever.
pub(crate) const HELD: [&str; 4] = ["fdatasync", "rename", "connect", "mkdir"];

/// What the bot goes through.
pub(crate) struct Gate(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    /// How often each call came by since somebody began to count.
    came: BTreeMap<&'static str, u32>,
    hold: Option<(Place, oneshot::Sender<Held>)>,
}

/// A bot that stands still until this is dropped.
pub(crate) struct Held {
    /// The call, as `strace` tells it.
    pub call: String,
    _goes_on: oneshot::Sender<()>,
}

impl Gate {
    /// Makes the way by which `strace` tells; the bot may be started then.
    pub(crate) fn at(way: &Path) -> Receiver {
        mknodat(CWD, way, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        OpenOptions::new().open_receiver(way).unwrap()
    }

    /// Watches over a bot that was started with its account going that way.
    pub(crate) fn of(bot: u32, way: Receiver) -> Self {
        let orders = Arc::<Mutex<Orders>>::default();
        tokio::spawn(watch(bot, way, orders.clone()));
        Self(orders)
    }

    /// Holds the bot at the n-th of these calls from now; never comes where there are fewer.
    pub(crate) async fn holds(&self, place: Place) -> Held {
        let (reached, held) = oneshot::channel();
        *locked(&self.0) = Orders { came: BTreeMap::new(), hold: Some((place, reached)) };
        held.await.expect("the bot runs")
    }
}

async fn watch(bot: u32, way: Receiver, orders: Arc<Mutex<Orders>>) {
    let mut lines = BufReader::new(way).lines();
    let (mut calls, mut struck) = (BTreeMap::new(), BTreeSet::new());
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((thread, told)) = line.split_once(' ') else { continue };
        let (thread, told) = (thread.to_owned(), told.trim_start());
        if told.starts_with("--- SIGSTOP {") {
            struck.insert(thread);
        } else if told.starts_with("--- stopped by SIGSTOP") && struck.remove(&thread) {
            // Every thread tells that it stops; the one that made the call speaks for all of them.
            if let Some(call) = calls.remove(&thread).filter(is_for_a_command) {
                comes_by(&orders, call).await;
            }
            // It may have been killed meanwhile, at the story's end.
            let _ = Pid::from_raw(bot.cast_signed()).map(|bot| kill_process(bot, Signal::CONT));
        } else if let Some(call) = HELD.into_iter().find(|call| told.starts_with(&format!("{call}("))) {
            calls.insert(thread, (call, told.to_owned()));
        }
    }
}

/// Whether it is not one of the looks that the bot takes every few seconds at what runs.
fn is_for_a_command((call, told): &(&'static str, String)) -> bool {
    *call != "connect" || told.contains("/router.sock")
}

async fn comes_by(orders: &Mutex<Orders>, (call, told): (&'static str, String)) {
    let reached = {
        let mut orders = locked(orders);
        let n = orders.came.entry(call).or_default();
        *n += 1;
        let now = Place { call, n: *n };
        orders.hold.take_if(|(place, _)| *place == now)
    };
    let Some((_, reached)) = reached else { return };
    let (goes_on, until) = oneshot::channel();
    // Whoever asked may have gone, and then nobody holds it; either way it goes on when the other end is dropped.
    let _ = reached.send(Held { call: told, _goes_on: goes_on });
    let _ = until.await;
}

fn locked(orders: &Mutex<Orders>) -> std::sync::MutexGuard<'_, Orders> {
    orders.lock().unwrap_or_else(PoisonError::into_inner)
}
