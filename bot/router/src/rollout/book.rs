//! Blocks of time: which one is open, which wait until they are mature, and what is told of those that are.
//!
//! Boundaries are exact whenever the clock is looked at late: a block ends when it should have. A change of the terms
//! ends the open block at once, so that no cohort and no tick mixes two of them.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::observed::{Cohort, Counts, Outcome, Sides, Tick};
use crate::rollout::members::{Exposure, Judged, Number};
use crate::split::Weight;

/// So many cohorts and so many ticks are kept for the reader.
const KEPT: usize = 10_000;

/// What a block is made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) weight: Weight,
    pub(crate) control: Weight,
    pub(crate) period: Duration,
    pub(crate) block: Duration,
    pub(crate) slow: Duration,
    /// From the end of the last period until what is not answered has failed.
    pub(crate) grace: Duration,
}

/// How often the terms have changed; what began under others exposes nobody.
pub(crate) type Era = u32;

pub(crate) struct Book {
    terms: Terms,
    era: Era,
    open: Block,
    /// Added to monotonic milliseconds, it gives milliseconds since 1970.
    wall_ms: i64,
    waiting: VecDeque<Waiting>,
    pub(crate) cohorts: Kept<Cohort>,
    pub(crate) ticks: Kept<Tick>,
}

/// The last entries of a list, with indices that have no gaps.
pub(crate) struct Kept<T> {
    /// Shared, so that a reader copies them without the book.
    entries: VecDeque<Arc<T>>,
    next: u64,
}

/// A cohort that is closed, and not told yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) number: Number,
    mature: Duration,
    cohort: Cohort,
}

struct Block {
    number: Number,
    start: Duration,
    exposed: u64,
}

impl Book {
    pub(crate) fn open(terms: Terms, now: Duration, wall_ms: i64) -> Self {
        Self {
            terms,
            era: 0,
            open: Block { number: NonZeroU32::MIN, start: now, exposed: 0 },
            wall_ms: wall_ms.saturating_sub(millis(now)),
            waiting: VecDeque::new(),
            cohorts: Kept::default(),
            ticks: Kept::default(),
        }
    }

    /// When the open block ends.
    pub(crate) fn due(&self) -> Duration {
        self.open.start + self.terms.block
    }

    /// When the open block began, in milliseconds since 1970.
    pub(crate) fn told_until_ms(&self) -> i64 {
        self.wall(self.open.start)
    }

    /// Closes the open block if its time is over, with what `take` says was counted in it.
    pub(crate) fn roll(&mut self, now: Duration, take: impl FnOnce() -> Sides<Counts>) {
        if now < self.due() {
            return;
        }
        let end = self.due();
        let idle = now.saturating_sub(end).as_nanos() / self.terms.block.as_nanos().max(1);
        let idle = self.terms.block.saturating_mul(u32::try_from(idle).unwrap_or(u32::MAX));
        self.close(end, take());
        self.open.start = end + idle;
    }

    /// Takes other terms; the open block ends now. The same ones change nothing.
    pub(crate) fn change(
        &mut self,
        terms: Terms,
        now: Duration,
        take: impl FnOnce() -> Sides<Counts>,
    ) -> Era {
        if self.terms != terms {
            self.close(now, take());
            self.terms = terms;
            self.era += 1;
        }
        self.era
    }

    /// Puts one more visitor into the open cohort.
    pub(crate) fn expose(&mut self, era: Era, now: Duration) -> Option<Exposure> {
        if era != self.era {
            return None;
        }
        self.open.exposed += 1;
        Some(Exposure { cohort: self.open.number, until: now + self.terms.period })
    }

    /// The next cohort that is mature.
    pub(crate) fn ripe(&mut self, now: Duration) -> Option<Waiting> {
        let at = self.waiting.iter().position(|waiting| waiting.mature <= now)?;
        self.waiting.remove(at)
    }

    fn close(&mut self, end: Duration, counted: Sides<Counts>) {
        let Terms { weight, control, period, grace, .. } = self.terms;
        let (start_ms, end_ms) = (self.wall(self.open.start), self.wall(end));
        if counted != Sides::default() {
            self.ticks.push(|index| Tick { index, start_ms, end_ms, weight, sides: counted });
        }
        if self.open.exposed > 0 {
            let (sides, kinds, half) = (Sides::default(), BTreeMap::new(), Outcome::default());
            let cohort = Cohort { index: 0, start_ms, end_ms, weight, control, sides, kinds, half };
            let mature = end + period + grace;
            self.waiting.push_back(Waiting { number: self.open.number, mature, cohort });
        }
        let number = self.open.number.saturating_add(1);
        self.open = Block { number, start: end, exposed: 0 };
    }

    fn wall(&self, at: Duration) -> i64 {
        self.wall_ms.saturating_add(millis(at))
    }
}

impl Waiting {
    /// The cohort with what became of it, and whose visitors' marks have to be stored.
    pub(crate) fn judged(self, judged: Judged) -> (Cohort, Vec<u64>) {
        let Judged { sides, kinds, half, marks } = judged;
        (Cohort { sides, kinds, half, ..self.cohort }, marks)
    }
}

impl<T> Kept<T> {
    pub(crate) fn push(&mut self, make: impl FnOnce(u64) -> T) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(make(self.next)));
        self.next += 1;
    }

    /// What is kept from an index on.
    pub(crate) fn since(&self, index: u64) -> Vec<Arc<T>> {
        let first = self.next - self.entries.len() as u64;
        let skipped = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped).cloned().collect()
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), next: 0 }
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
