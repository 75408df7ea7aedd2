//! The site as all its pages share it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use folkops_engine::{Engine, Facts};
use tokio::sync::{Semaphore, watch};

use crate::config::{Demo, SiteConfig};
use crate::guard::Origin;
use crate::sign_in::UnderWay;

/// Live streams at a time; each costs a few kilobytes and a look at the room after every append.
const STREAMS: usize = 1_000;

/// Drawings that are turned into pixels at a time; each takes a core for some milliseconds.
const PIXELS: usize = 2;

/// The site. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    config: SiteConfig,
    origin: Origin,
    streams: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    ticked: Mutex<BTreeSet<usize>>,
    under_way: UnderWay,
}

/// The site's address is not one that a browser could be at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address for the site; write it like `http://folkops.localhost:7070`, with no path")]
pub struct NotAnOrigin(pub String);

impl Site {
    /// Puts the site before an engine. Its origin is the one that the engine's replies name.
    pub fn new(engine: Engine, config: SiteConfig) -> Result<Self, NotAnOrigin> {
        let origin = Origin::parse(&engine.desk().addresses.site)?;
        let shared = Shared {
            engine,
            config,
            origin,
            streams: Arc::new(Semaphore::new(STREAMS)),
            pixels: Arc::new(Semaphore::new(PIXELS)),
            stopping: watch::channel(false).0,
            ticked: Mutex::default(),
            under_way: UnderWay::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn config(&self) -> &SiteConfig {
        &self.shared.config
    }

    pub(crate) fn demo(&self) -> Option<&Demo> {
        self.shared.config.demo.as_ref()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.shared.origin
    }

    /// The sign-ins that have begun and not ended.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.shared.under_way
    }

    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.shared.streams
    }

    /// Leave to turn a drawing into pixels.
    pub(crate) fn pixels(&self) -> &Arc<Semaphore> {
        &self.shared.pixels
    }

    /// Ends when the site stops; live streams end with it, so that draining does not wait for them.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.shared.stopping.subscribe();
        async move {
            // An error means that the site itself is gone, and that is a stop too.
            let _gone = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    pub(crate) fn stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// Which steps of the guided path have happened, now or at an earlier look.
    pub(crate) fn ticked(&self, facts: &Facts<'_>) -> BTreeSet<usize> {
        let mut ticked = self.shared.ticked.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = self.demo().map_or(&[][..], |demo| &demo.guide);
        for (index, step) in steps.iter().enumerate() {
            if !ticked.contains(&index) && (step.done)(facts) {
                ticked.insert(index);
            }
        }
        ticked.clone()
    }

    /// Ends when everything that a look at the facts saw is durable: nothing else may be shown.
    pub(crate) async fn durable(&self, sequence: u64) -> Result<(), NotDurable> {
        let mut durable = self.engine().ledger().subscribe();
        let waited = tokio::time::timeout(DURABLE_WITHIN, durable.wait_for(|last| *last >= sequence)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotDurable),
        }
    }
}

/// Far longer than any sync of a working disk.
const DURABLE_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// What was read is not on disk after a long while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("storage does not answer; try again in a few seconds")]
pub(crate) struct NotDurable;
