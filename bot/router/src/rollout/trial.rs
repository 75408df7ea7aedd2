//! One rollout as the router counts it, from the table that brought it to the one that ends it.
//!
//! A request takes one lock of sixty-four and adds to a counter or two; a visitor's first one takes the book as well.
//! Nothing here touches the disk on a request's way: cohorts are judged and stored by whoever calls `mature`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use folkops_model::ports::random_word;

use crate::config::{Ports, Unusable};
use crate::observed::{Cohort, Counts, Reading, Sides, Since};
use crate::rollout::book::{Book, Era, Terms};
use crate::rollout::exposed::ExposedFile;
use crate::rollout::members::{Arrival, Guest, Members, News, Side};
use crate::split::Salt;
use crate::table::Arm;

/// More visitors than these are not counted.
pub(crate) const MOST: usize = 2_000_000;

/// What makes two tables speak of the same rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) salt: Salt,
    pub(crate) arms: Sides<Arm>,
}

pub(crate) struct Trial {
    pub(crate) subject: Subject,
    epoch: String,
    ports: Ports,
    members: Members,
    counting: Sides<Counting>,
    /// When the open block ends, in nanoseconds; a copy of what the book says.
    due: AtomicU64,
    book: Mutex<Book>,
    shelf: Mutex<Shelf>,
}

/// What was counted since the open block began.
#[derive(Debug, Default)]
struct Counting {
    requests: AtomicU64,
    failed: AtomicU64,
    slow: AtomicU64,
    refused: AtomicU64,
    affected: AtomicU64,
    visitors: AtomicU64,
}

/// Judged cohorts on their way to the disk.
struct Shelf {
    file: ExposedFile,
    owed: Vec<(Cohort, Vec<u64>)>,
}

impl Trial {
    /// Begins to count a rollout, without the visitors whom an earlier process has counted. Reads the disk.
    pub(crate) fn open(
        folder: &Path,
        subject: Subject,
        terms: Terms,
        ports: &Ports,
    ) -> Result<Self, Unusable> {
        let (file, marks) = ExposedFile::open(folder, subject.salt)?;
        let members = Members::new(MOST);
        members.remember(marks.into_iter());
        let book = Book::open(terms, ports.clock.monotonic(), ports.clock.now().as_millisecond());
        Ok(Self {
            subject,
            epoch: random_word(&*ports.entropy, 16),
            ports: ports.clone(),
            members,
            counting: Sides::default(),
            due: AtomicU64::new(nanos(book.due())),
            book: Mutex::new(book),
            shelf: Mutex::new(Shelf { file, owed: Vec::new() }),
        })
    }

    /// Goes on under other terms; cuts the running cohort where they differ.
    pub(crate) fn change(&self, terms: Terms) -> Era {
        let mut book = self.book(self.now());
        let era = book.change(terms, self.now(), || self.counting.take());
        self.due.store(nanos(book.due()), Relaxed);
        era
    }

    pub(crate) fn now(&self) -> Duration {
        self.ports.clock.monotonic()
    }

    /// A known visitor's request begins. `era` is given where their place is one that counts.
    pub(crate) fn arrive(&self, guest: Guest, era: Option<Era>, now: Duration) -> Arrival {
        let expose = || era.and_then(|era| self.book(now).expose(era, now));
        let arrival = self.members.arrive(guest, now, expose);
        if arrival.is_new {
            self.counted(guest.side, now).visitors.fetch_add(1, Relaxed);
        }
        arrival
    }

    /// Notes what became of a request, and of which known visitor it was.
    pub(crate) fn note(&self, visitor: Option<(u64, &Arrival)>, side: Side, news: &News, now: Duration) {
        let seat = |arrival: &Arrival| arrival.seat;
        let first = visitor.is_some_and(|(mark, arrival)| self.members.note(mark, side, seat(arrival), news));
        let counting = self.counted(side, now);
        for (count, more) in [
            (&counting.requests, news.told),
            (&counting.failed, news.failed),
            (&counting.slow, news.slow),
            (&counting.refused, news.refused),
            (&counting.affected, u32::from(first)),
        ] {
            if more > 0 {
                count.fetch_add(more.into(), Relaxed);
            }
        }
    }

    /// Judges the cohorts that are mature, makes their visitors durable, and lets them be told. Blocks on the disk.
    pub(crate) fn mature(&self) {
        let mut shelf = self.shelf();
        let now = self.now();
        while let Some(ripe) = { self.book(now).ripe(now) } {
            let judged = self.members.judge(ripe.number);
            shelf.owed.push(ripe.judged(judged));
        }
        match shelf.store() {
            Ok(stored) => {
                let mut book = self.book(now);
                stored.into_iter().for_each(|cohort| book.cohorts.push(|index| Cohort { index, ..cohort }));
            }
            Err(error) => tracing::error!(%error, "the visitors of a rollout could not be stored"),
        }
    }

    /// What is known by now. Blocks on the disk.
    pub(crate) fn read(&self, since: &Since) -> Reading {
        self.mature();
        let owed = self.shelf().owed.len() as u64;
        let book = self.book(self.now());
        let (cohorts, ticks) = (book.cohorts.since(since.cohorts), book.ticks.since(since.ticks));
        let told_until_ms = book.told_until_ms();
        drop(book);
        Reading {
            epoch: self.epoch.clone(),
            salt: self.subject.salt,
            arms: self.subject.arms.clone(),
            told_until_ms,
            full: self.members.is_full(),
            owed,
            cohorts: cohorts.into_iter().map(Arc::unwrap_or_clone).collect(),
            ticks: ticks.into_iter().map(Arc::unwrap_or_clone).collect(),
        }
    }

    /// The counters of the block that is open now.
    fn counted(&self, side: Side, now: Duration) -> &Counting {
        if nanos(now) >= self.due.load(Relaxed) {
            drop(self.book(now));
        }
        match side {
            Side::Candidate => &self.counting.candidate,
            Side::Stable => &self.counting.stable,
        }
    }

    /// The book, with the block of this moment open.
    fn book(&self, now: Duration) -> MutexGuard<'_, Book> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.roll(now, || self.counting.take());
        self.due.store(nanos(book.due()), Relaxed);
        book
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn store(&mut self) -> Result<Vec<Cohort>, Unusable> {
        let marks: Vec<u64> = self.owed.iter().flat_map(|(_, marks)| marks).copied().collect();
        if !marks.is_empty() {
            self.file.append(&marks)?;
        }
        Ok(self.owed.drain(..).map(|(cohort, _)| cohort).collect())
    }
}

impl Sides<Counting> {
    fn take(&self) -> Sides<Counts> {
        Sides { candidate: self.candidate.take(), stable: self.stable.take() }
    }
}

impl Counting {
    fn take(&self) -> Counts {
        let take = |count: &AtomicU64| count.swap(0, Relaxed);
        Counts {
            requests: take(&self.requests),
            failed: take(&self.failed),
            slow: take(&self.slow),
            refused: take(&self.refused),
            affected: take(&self.affected),
            visitors: take(&self.visitors),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
