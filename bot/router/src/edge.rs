//! The state that all visitors share: the routes that hold now, the bindings, the counters.
//!
//! A table becomes the routes only after it is on disk; a request that begins after that was acknowledged sees it,
//! one that began before stays where it is.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwapOption, Guard};
use folkops_model::ports::random_word;
use http::HeaderValue;
use tokio::sync::OwnedSemaphorePermit;

use crate::arms::Arms;
use crate::bindings::Bindings;
use crate::config::{Limits, Ports, RouterConfig, RouterError, Unusable};
use crate::observed::{Reading, Since};
use crate::outcomes::Outcomes;
use crate::rollout::{self, Trial};
use crate::routes::{Ground, Routes};
use crate::seal::SealedFile;
use crate::stack::Stack;
use crate::table::{Contradiction, Table};
use crate::upstream::Wire;
use crate::usage::{Block, Blocks, Wanted};

/// What hyper allows when it is told nothing; told the same number, it would allocate for each head.
pub(crate) const HYPERS_HEADER_LINES: usize = 100;

/// Everything shared.
pub(crate) struct Edge {
    pub(crate) config: RouterConfig,
    pub(crate) ports: Ports,
    pub(crate) bindings: Bindings,
    arms: Arms,
    blocks: Blocks,
    routes: ArcSwapOption<Routes>,
    before: Mutex<Option<Arc<Routes>>>,
    file: SealedFile,
    swapping: Mutex<()>,
    boot: String,
    keyed: RandomState,
}

/// One visitor's connection, as its requests see it.
pub(crate) struct Caller {
    pub(crate) edge: Arc<Edge>,
    pub(crate) worker: usize,
    pub(crate) peer: IpAddr,
    /// `peer`, ready as a header.
    pub(crate) peer_text: HeaderValue,
    /// Held as long as anything of this connection lives, so that draining knows.
    pub(crate) _permit: OwnedSemaphorePermit,
}

/// Why a table was refused.
#[derive(Debug)]
pub(crate) enum NotPut {
    /// A newer one holds, or another one of the same version.
    Behind(u64),
    Contradicts(Contradiction),
    Unstored(Unusable),
}

impl Edge {
    /// Reads what was left on disk and serves it.
    pub(crate) fn open(config: RouterConfig, ports: Ports) -> Result<Self, RouterError> {
        let file = SealedFile::new(&config.state_dir, "table", "folkops-table-1");
        let stored: Option<Table> = file.read()?;
        let edge = Self {
            bindings: Bindings::open(&config.state_dir)?,
            arms: Arms::default(),
            blocks: Blocks::default(),
            routes: ArcSwapOption::empty(),
            before: Mutex::default(),
            file,
            swapping: Mutex::default(),
            boot: random_word(&*ports.entropy, 16),
            keyed: RandomState::new(),
            config,
            ports,
        };
        if let Some(table) = stored {
            table.check()?;
            let trial = edge.trial_of(&table)?;
            edge.swap(table, trial);
        }
        Ok(edge)
    }

    /// The routes that hold now; none before the first table.
    pub(crate) fn routes(&self) -> Guard<Option<Arc<Routes>>> {
        self.routes.load()
    }

    /// Makes a table durable, then lets it hold. Blocks on the disk, and for a large table on the processor.
    pub(crate) fn put(&self, table: Table) -> Result<(), NotPut> {
        table.check().map_err(NotPut::Contradicts)?;
        let _one_at_a_time = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(routes) = &*self.routes() {
            if routes.table == table {
                return Ok(());
            }
            if routes.table.version >= table.version {
                return Err(NotPut::Behind(routes.table.version));
            }
        }
        let trial = self.trial_of(&table).map_err(NotPut::Unstored)?;
        self.file.write(&table).map_err(NotPut::Unstored)?;
        self.swap(table, trial);
        Ok(())
    }

    /// What a rollout showed, if it is the one under way. Blocks on the disk.
    pub(crate) fn observed(&self, since: &Since) -> Option<Reading> {
        let trial = self.trial().filter(|trial| trial.subject.salt == since.salt)?;
        Some(trial.read(since))
    }

    /// Judges the cohorts of a rollout that are mature, also where nobody asks. Blocks on the disk.
    pub(crate) fn mature(&self) {
        self.trial().iter().for_each(|trial| trial.mature());
    }

    pub(crate) fn outcomes(&self) -> Outcomes {
        self.arms.report(&self.boot)
    }

    /// What ended at each endpoint since the block before the one that is wanted.
    pub(crate) fn usage(&self, wanted: &Wanted) -> Block {
        self.blocks.give(&self.boot, wanted, || self.arms.take_endpoints())
    }

    /// Closes connections to upstreams that have been idle for too long, and lets the routes before these go.
    pub(crate) fn sweep(&self) {
        let now = self.ports.clock.monotonic();
        let before = now.saturating_sub(self.config.waits.idle_upstream);
        if let Some(routes) = &*self.routes() {
            routes.stacks().for_each(|stack| stack.sweep(before));
        }
        drop(self.before.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// A visitor's or person's place among the counted ones; keyed, so that nobody can aim for collisions.
    pub(crate) fn hash(&self, of: impl Hash) -> u64 {
        self.keyed.hash_one(of)
    }

    fn trial(&self) -> Option<Arc<Trial>> {
        self.routes().as_ref().and_then(|routes| routes.trial().cloned())
    }

    fn trial_of(&self, table: &Table) -> Result<Option<Arc<Trial>>, Unusable> {
        rollout::take_up(&table.service, self.trial().as_ref(), &self.config, &self.ports)
    }

    fn swap(&self, table: Table, trial: Option<Arc<Trial>>) {
        let version = table.version;
        let before = self.routes.load_full();
        rollout::forget_others(
            &self.config.state_dir,
            table.service.rollout.as_ref().map(|split| split.salt),
        );
        let ground = Ground { before: before.as_deref(), arms: &self.arms, config: &self.config, trial };
        self.routes.store(Some(Arc::new(Routes::build(table, &ground))));
        // Kept until the next sweep: by then no request looks at it, and none pays for taking it down.
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = before;
        tracing::info!(table.version = version, "a table holds");
    }
}

impl Caller {
    /// Gives a wire back to its pool.
    pub(crate) fn put_back(&self, stack: &Stack, wire: Box<Wire>) {
        stack.keep(
            self.worker,
            wire,
            self.edge.config.limits.idle_upstreams,
            self.edge.ports.clock.monotonic(),
        );
    }
}

/// How much hyper may buffer of one connection: at least a whole head.
pub(crate) fn buffer_bytes(limits: &Limits) -> usize {
    limits.head_bytes.max(64 * 1024)
}
