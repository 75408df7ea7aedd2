//! The visitors of one rollout: who was seen on which side, and how the first period of the exposed ones goes.
//!
//! In sixty-four shards, each behind a lock that is held for one look. A visitor is exposed once and never again,
//! also when their side changes. It never knows more than `most` visitors: who comes later is served, not counted.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use folkops_model::ClientKind;

use crate::observed::{Outcome, Sides};

const SHARDS: usize = 64;

/// A cohort's number within this process.
pub(crate) type Number = NonZeroU32;

/// Which build served a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Candidate,
    Stable,
}

/// A visitor as the rollout meets them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    pub(crate) mark: u64,
    pub(crate) side: Side,
    /// What their client says it is. Kept of those alone who are in their first period.
    pub(crate) kind: ClientKind,
}

/// All visitors of one rollout that are known.
pub(crate) struct Members {
    shards: Box<[Mutex<Shard>]>,
    known: AtomicUsize,
    most: usize,
}

/// What becomes of a visitor who is exposed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposure {
    pub(crate) cohort: Number,
    /// The end of their first period.
    pub(crate) until: Duration,
}

/// What came of a request's beginning.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// Whether the visitor is on this side for the first time.
    pub(crate) is_new: bool,
    /// Where the request counts, if it does.
    pub(crate) seat: Option<Seat>,
}

/// A visitor's place in their cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    cohort: Number,
    row: u32,
}

/// What became known of one request; each field is 0 or 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Its head came, or none will.
    pub(crate) told: u32,
    pub(crate) failed: u32,
    pub(crate) slow: u32,
    pub(crate) refused: u32,
    /// The visitor took it back before it could say anything.
    pub(crate) withdrawn: u32,
}

/// The visitors of one cohort, taken out.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) sides: Sides<Outcome>,
    pub(crate) kinds: BTreeMap<ClientKind, Sides<Outcome>>,
    pub(crate) half: Outcome,
    pub(crate) marks: Vec<u64>,
}

#[derive(Default)]
struct Shard {
    seen: Seen,
    cohorts: Cohorts,
}

type Seen = HashMap<u64, Visitor, BuildHasherDefault<AsIs>>;

/// The exposed visitors of the cohorts that are not judged yet, by number, which grows from entry to entry.
#[derive(Default)]
struct Cohorts(VecDeque<(Number, Vec<Row>)>);

#[derive(Debug, Clone, Copy, Default)]
struct Visitor {
    marks: u8,
    seat: Option<Seat>,
}

/// One exposed visitor in their first period.
struct Row {
    guest: Guest,
    until: Duration,
    begun: u32,
    news: News,
}

/// Marks are hashes with a key already.
#[derive(Default)]
struct AsIs(u64);

const EXPOSED: u8 = 1;

impl Guest {
    /// Whether they are in the half of the control that is compared with the other one.
    ///
    /// INVARIANT: the mark is another word of the hash than the one that decides on the side.
    fn is_in_half(self) -> bool {
        self.side == Side::Stable && self.mark & 1 == 1
    }
}

impl Members {
    pub(crate) fn new(most: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), known: AtomicUsize::new(0), most }
    }

    /// Takes in visitors whom an earlier process has counted.
    pub(crate) fn remember(&self, marks: impl Iterator<Item = u64>) {
        for mark in marks {
            let Some(mut shard) = self.shard(mark) else { continue };
            if let Some(visitor) = self.meet(&mut shard.seen, mark) {
                visitor.marks |= EXPOSED;
            }
        }
    }

    /// A request of a visitor begins. `expose` is asked for their cohort where this is their first that counts.
    pub(crate) fn arrive(
        &self,
        guest: Guest,
        now: Duration,
        expose: impl FnOnce() -> Option<Exposure>,
    ) -> Arrival {
        let Guest { mark, side, .. } = guest;
        let Some(mut shard) = self.shard(mark) else { return Arrival::default() };
        let Shard { seen, cohorts } = &mut *shard;
        let Some(visitor) = self.meet(seen, mark) else { return Arrival::default() };
        let is_new = visitor.marks & side.seen() == 0;
        visitor.marks |= side.seen();
        if visitor.marks & EXPOSED == 0
            && let Some(exposure) = expose()
        {
            visitor.marks |= EXPOSED;
            visitor.seat = cohorts.sit(Row::new(guest, exposure.until), exposure.cohort);
        }
        Arrival { is_new, seat: visitor.seat.filter(|seat| cohorts.begin(*seat, side, now)) }
    }

    /// Notes what became of a request. True when it is the visitor's first failure on this side.
    pub(crate) fn note(&self, mark: u64, side: Side, seat: Option<Seat>, news: &News) -> bool {
        // Nothing to be noted: most requests, once first periods are over.
        if seat.is_none() && news.failed == 0 {
            return false;
        }
        let Some(mut shard) = self.shard(mark) else { return false };
        if let Some(row) = seat.and_then(|seat| shard.cohorts.row(seat)) {
            row.news.add(news);
        }
        if news.failed == 0 {
            return false;
        }
        let Some(visitor) = shard.seen.get_mut(&mark) else { return false };
        let first = visitor.marks & side.hurt() == 0;
        visitor.marks |= side.hurt();
        first
    }

    /// Takes a cohort out and judges it: whatever is not told by now has failed.
    pub(crate) fn judge(&self, cohort: Number) -> Judged {
        let mut judged = Judged::default();
        for shard in &self.shards {
            // Let go before they are judged: a request may be waiting.
            let rows = shard.lock().unwrap_or_else(PoisonError::into_inner).cohorts.take(cohort);
            for row in rows {
                let Guest { mark, side, kind } = row.guest;
                judged.marks.push(mark);
                row.judge(side.of(&mut judged.sides));
                row.judge(side.of(judged.kinds.entry(kind).or_default()));
                if row.guest.is_in_half() {
                    row.judge(&mut judged.half);
                }
            }
        }
        judged
    }

    pub(crate) fn is_full(&self) -> bool {
        self.known.load(Relaxed) >= self.most
    }

    fn shard(&self, mark: u64) -> Option<MutexGuard<'_, Shard>> {
        // The map itself goes by the lowest and the highest bits.
        let shard = self.shards.get((mark >> 32) as usize % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn meet<'a>(&self, seen: &'a mut Seen, mark: u64) -> Option<&'a mut Visitor> {
        match seen.entry(mark) {
            Entry::Occupied(visitor) => Some(visitor.into_mut()),
            Entry::Vacant(_) if self.is_full() => None,
            Entry::Vacant(place) => {
                self.known.fetch_add(1, Relaxed);
                Some(place.insert(Visitor::default()))
            }
        }
    }
}

impl Cohorts {
    fn sit(&mut self, row: Row, cohort: Number) -> Option<Seat> {
        if self.0.back().is_none_or(|(last, _)| *last != cohort) {
            self.0.push_back((cohort, Vec::new()));
        }
        let (_, rows) = self.0.back_mut()?;
        let seat = Seat { cohort, row: u32::try_from(rows.len()).ok()? };
        rows.push(row);
        Some(seat)
    }

    /// Counts a request that begins, if it is within the visitor's first period and on the side where that began.
    fn begin(&mut self, seat: Seat, side: Side, now: Duration) -> bool {
        let row = self.row(seat).filter(|row| row.guest.side == side && now < row.until);
        row.map(|row| row.begun += 1).is_some()
    }

    fn row(&mut self, seat: Seat) -> Option<&mut Row> {
        let at = self.at(seat.cohort)?;
        self.0.get_mut(at)?.1.get_mut(seat.row as usize)
    }

    fn take(&mut self, cohort: Number) -> Vec<Row> {
        let taken = self.at(cohort).and_then(|at| self.0.remove(at));
        taken.map_or_else(Vec::new, |(_, rows)| rows)
    }

    fn at(&self, cohort: Number) -> Option<usize> {
        self.0.binary_search_by_key(&cohort, |(number, _)| *number).ok()
    }
}

impl Row {
    fn new(guest: Guest, until: Duration) -> Self {
        Self { guest, until, begun: 0, news: News::default() }
    }

    fn judge(&self, outcome: &mut Outcome) {
        let News { told, failed, slow, refused, withdrawn } = self.news;
        let requests = u64::from(self.begun.saturating_sub(withdrawn));
        let unpaid = requests.saturating_sub(told.into());
        outcome.exposed += 1;
        outcome.failed.note(u64::from(failed) + unpaid, requests);
        outcome.slow.note(u64::from(slow) + unpaid, requests);
        outcome.refused.note(refused.into(), requests.max(1));
    }
}

impl News {
    fn add(&mut self, other: &Self) {
        self.told += other.told;
        self.failed += other.failed;
        self.slow += other.slow;
        self.refused += other.refused;
        self.withdrawn += other.withdrawn;
    }
}

impl Side {
    pub(crate) fn of<T>(self, sides: &mut Sides<T>) -> &mut T {
        match self {
            Self::Candidate => &mut sides.candidate,
            Self::Stable => &mut sides.stable,
        }
    }

    fn seen(self) -> u8 {
        match self {
            Self::Candidate => 2,
            Self::Stable => 4,
        }
    }

    fn hurt(self) -> u8 {
        self.seen() << 2
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, mark: u64) {
        self.0 = mark;
    }
}
