//! The thread that lets the projection follow the journal.
//!
//! It alone touches sled, far from the path of an acknowledgement. Changes are gathered and applied in gulps, the last
//! one of each row only, since most rows change many times; whatever a crash leaves out is read from the journal again.
//! Its inbox is bounded: when it cannot keep up, the writer waits for it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use folkops_record::{RowChange, RowKey, Rows};

use crate::projection::Projection;
use crate::thread::Thread;
use crate::writer::Done;

/// How many steps may wait.
const INBOX: usize = 1024;
/// How many entries are gathered before they are applied: what a restart has to read again at most. sled keeps every
/// state that a node had within a batch until the batch is over, so a large gulp costs tens of mebibytes.
const GULP: usize = 256;

/// What the follower is told.
pub(crate) enum Step {
    /// An entry is durable and changed these rows.
    Rows {
        /// Its first record's place.
        first: u64,
        /// Its last record's place.
        last: u64,
        /// The rows.
        rows: Vec<RowChange>,
    },
    /// These are all rows.
    Reset {
        /// As of this record.
        applied: u64,
        /// The rows.
        rows: Rows,
    },
    /// Somebody wants to know what is there.
    Read(Sender<(u64, Rows)>),
    /// Somebody waits until all of the above is done.
    Settle(Done),
}

/// The follower's inbox.
///
/// The fields are dropped in this order: the inbox closes, then the thread ends.
pub(crate) struct Follower {
    steps: SyncSender<Step>,
    _thread: Thread,
}

impl Follower {
    /// Opens the projection in its own thread, and follows.
    pub(crate) fn start(folder: PathBuf, schema: String) -> io::Result<Self> {
        let (steps, inbox) = sync_channel(INBOX);
        let thread = Thread::start("projection", move || follow(&inbox, Projection::open(folder, schema)))?;
        Ok(Self { steps, _thread: thread })
    }

    /// Where to send steps.
    pub(crate) fn steps(&self) -> SyncSender<Step> {
        self.steps.clone()
    }

    /// The rows as kept and how far they have followed; nothing when the follower has gone.
    pub(crate) fn read(&self) -> (u64, Rows) {
        let (answer, answered) = channel();
        self.send(Step::Read(answer));
        answered.recv().unwrap_or_default()
    }

    /// Takes these rows instead of what is there.
    pub(crate) fn reset(&self, applied: u64, rows: Rows) {
        self.send(Step::Reset { applied, rows });
    }

    fn send(&self, step: Step) {
        // Without a follower there is no projection, and the journal is read instead.
        let _sent = self.steps.send(step);
    }
}

fn follow(inbox: &Receiver<Step>, mut projection: Projection) {
    let mut gulp = Gulp::default();
    // The first thing that is asked for, read while another thread checks the journal.
    let mut found = Some(projection.read());
    for step in inbox {
        let found = found.take();
        match step {
            Step::Rows { first, last, rows } => gulp.add(first, last, rows),
            Step::Reset { applied, rows } => {
                gulp = Gulp::default();
                projection.reset(applied, rows);
            }
            Step::Read(answer) => {
                gulp.swallow(&mut projection);
                let _gone = answer.send(found.unwrap_or_else(|| projection.read()));
            }
            Step::Settle(done) => {
                gulp.swallow(&mut projection);
                let _gone = done.send(Ok(()));
            }
        }
        if gulp.entries >= GULP {
            gulp.swallow(&mut projection);
        }
    }
    gulp.swallow(&mut projection);
    projection.close();
}

/// Changes that wait to be applied together.
#[derive(Default)]
pub(crate) struct Gulp {
    entries: usize,
    /// The first record's place.
    pub(crate) first: u64,
    /// The last record's place.
    pub(crate) last: u64,
    /// The rows, each as it is after the last record.
    pub(crate) rows: BTreeMap<RowKey, Option<Vec<u8>>>,
}

impl Gulp {
    fn add(&mut self, first: u64, last: u64, rows: Vec<RowChange>) {
        if self.entries == 0 {
            self.first = first;
        }
        self.entries += 1;
        self.last = last;
        self.rows.extend(rows.into_iter().map(|row| (row.key, row.value)));
    }

    fn swallow(&mut self, projection: &mut Projection) {
        if self.entries > 0 {
            projection.apply(&std::mem::take(self));
        }
    }
}
