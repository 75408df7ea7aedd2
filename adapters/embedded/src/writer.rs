//! The one writer: takes whatever has been appended meanwhile as one batch, syncs once, then tells everybody.
//!
//! Entries are ordered by the lock of the queue, in the order of calls. While the disk syncs, the next batch gathers;
//! so the busier it is, the more entries share a sync, and an entry alone waits for nobody.
//!
//! INVARIANT: nobody is told before the sync that covers their entry has returned. After the first error everybody
//! who waits, and everybody who comes later, gets that error.

use std::io;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use folkops_record::{Entry, Position, RowChange, StoreError};
use tokio::sync::oneshot;

use crate::follower::Step;
use crate::journal::Journal;
use crate::thread::Thread;

/// Tells one caller how it ended.
pub(crate) type Done = oneshot::Sender<Result<(), StoreError>>;
/// Waits for the end.
pub(crate) type Ending = oneshot::Receiver<Result<(), StoreError>>;

/// The queue in front of the writer's thread.
///
/// The fields are dropped in this order: the queue closes, then the thread finishes what was taken.
pub(crate) struct Writer {
    queue: Closing,
    _thread: Thread,
}

/// Closes the queue when dropped.
struct Closing(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
}

struct Queue {
    wanted: Vec<Wanted>,
    taken: Position,
    durable: Position,
    state: State,
}

enum State {
    Open,
    Closed,
    Failed(StoreError),
}

enum Wanted {
    Append { entry: Entry, length: u32, rows: Vec<RowChange>, done: Done },
    Settle(Done),
}

impl Writer {
    /// Starts the thread; what is durable is passed on to `follower`.
    pub(crate) fn start(journal: Journal, follower: SyncSender<Step>) -> io::Result<Self> {
        let position = journal.position();
        let queue = Queue { wanted: Vec::new(), taken: position, durable: position, state: State::Open };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), more: Condvar::new() });
        let theirs = shared.clone();
        let thread = Thread::start("journal", move || theirs.run(journal, &follower))?;
        Ok(Self { queue: Closing(shared), _thread: thread })
    }

    /// How far the journal is durable.
    pub(crate) fn durable(&self) -> Position {
        self.queue.0.queue().durable
    }

    /// Takes an entry into the queue, or says why not.
    pub(crate) fn append(&self, entry: Entry, rows: Vec<RowChange>) -> Result<Ending, StoreError> {
        let mut queue = self.queue.0.queue();
        let length = queue.admit(&entry)?;
        queue.taken = Position { sequence: entry.last, epoch: entry.epoch };
        Ok(self.queue.0.add(queue, |done| Wanted::Append { entry, length, rows, done }))
    }

    /// Ends when everything appended so far is durable and followed.
    pub(crate) fn settle(&self) -> Result<Ending, StoreError> {
        let queue = self.queue.0.queue();
        if let State::Failed(error) = &queue.state {
            return Err(error.clone());
        }
        Ok(self.queue.0.add(queue, Wanted::Settle))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        if matches!(queue.state, State::Open) {
            queue.state = State::Closed;
        }
        drop(queue);
        self.0.more.notify_one();
    }
}

impl Queue {
    fn admit(&self, entry: &Entry) -> Result<u32, StoreError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if entry.epoch < self.taken.epoch {
            return Err(StoreError::Fenced { current: self.taken.epoch, ours: entry.epoch });
        }
        let (first, last, reached) = (entry.first, entry.last, self.taken.sequence);
        if first != reached + 1 || last < first {
            return Err(StoreError::Write(format!(
                "records {first} to {last} do not follow record {reached}"
            )));
        }
        let length = entry.bytes.len();
        u32::try_from(length)
            .map_err(|_| StoreError::Write(format!("an entry of {length} bytes is too long")))
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, mut queue: MutexGuard<'_, Queue>, wanted: impl FnOnce(Done) -> Wanted) -> Ending {
        let (done, ending) = oneshot::channel();
        queue.wanted.push(wanted(done));
        drop(queue);
        self.more.notify_one();
        ending
    }

    fn run(&self, mut journal: Journal, follower: &SyncSender<Step>) {
        let _guard = FailOnPanic(self);
        while let Some(batch) = self.next_batch() {
            match journal.write(batch.iter().filter_map(Wanted::entry)) {
                Ok(()) => {
                    self.queue().durable = journal.position();
                    release(batch, follower);
                }
                Err(error) => {
                    tracing::error!(%error, "the journal stops");
                    self.fail(&error);
                    return batch.into_iter().for_each(|wanted| wanted.end(Err(error.clone())));
                }
            }
        }
    }

    /// Waits for work; none when the queue is closed and empty.
    fn next_batch(&self) -> Option<Vec<Wanted>> {
        let idle = |queue: &mut Queue| queue.wanted.is_empty() && matches!(queue.state, State::Open);
        let mut queue = self.more.wait_while(self.queue(), idle).unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut queue.wanted);
        (!batch.is_empty()).then_some(batch)
    }

    fn fail(&self, error: &StoreError) {
        let mut queue = self.queue();
        queue.state = State::Failed(error.clone());
        let waiting = std::mem::take(&mut queue.wanted);
        drop(queue);
        waiting.into_iter().for_each(|wanted| wanted.end(Err(error.clone())));
    }
}

impl Wanted {
    fn entry(&self) -> Option<(&Entry, u32)> {
        match self {
            Self::Append { entry, length, .. } => Some((entry, *length)),
            Self::Settle(_) => None,
        }
    }

    /// Tells the caller, who may have gone away.
    fn end(self, result: Result<(), StoreError>) {
        let (Self::Append { done, .. } | Self::Settle(done)) = self;
        let _gone = done.send(result);
    }
}

/// Tells the callers first, then the follower, which may make this thread wait.
fn release(batch: Vec<Wanted>, follower: &SyncSender<Step>) {
    let mut steps = Vec::with_capacity(batch.len());
    for wanted in batch {
        steps.push(match wanted {
            Wanted::Append { entry, rows, done, .. } => {
                let _gone = done.send(Ok(()));
                Step::Rows { first: entry.first, last: entry.last, rows }
            }
            Wanted::Settle(done) => Step::Settle(done),
        });
    }
    // The follower lives longer than the writer, and without it the journal still is the truth.
    let _followed = steps.into_iter().try_for_each(|step| follower.send(step));
}

struct FailOnPanic<'a>(&'a Shared);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&StoreError::Write("the writer has panicked".into()));
        }
    }
}
