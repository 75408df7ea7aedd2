//! The course of a rollout as it can be drawn: in order, finite, within range, and no denser than the picture.

use crate::graph::{Graph, Mark, MarkKind, Point, Rate};

/// The shortest time that a picture shows, in milliseconds; a single point needs some width too.
const SHORTEST_MS: i64 = 10_000;

/// What is drawn over time.
#[derive(Debug, Clone)]
pub struct Course {
    /// In order of time.
    pub seen: Vec<Seen>,
    /// In order of time.
    pub marks: Vec<Mark>,
    /// The time at the left edge.
    pub from_ms: i64,
    /// The time at the right edge, later than the left.
    pub to_ms: i64,
}

/// What was seen at one time.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When.
    pub at_ms: i64,
    /// Within `[0,1]`.
    pub share: f64,
    /// Nothing while nobody came.
    pub current: Option<Known>,
    /// Nothing while nobody came, nor after it was rolled back.
    pub new: Option<Known>,
}

/// A rate of which something is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Within `[0,1]`.
    pub rate: f64,
    /// How many failed, whole.
    pub failed: u64,
    /// Of how many, over 0.
    pub of: u64,
    /// Within `[0,1]`, in order.
    pub interval: Option<(f64, f64)>,
}

/// Which build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The one that everybody had.
    Current,
    /// The one that is rolled out.
    New,
}

impl Course {
    /// What this graph holds, with at most one point in each of so many columns.
    pub fn of(graph: &Graph, columns: u16) -> Self {
        let mut marks = graph.marks.clone();
        marks.sort_by_key(|mark| mark.at_ms);
        let over = marks.iter().find(|mark| mark.kind == MarkKind::RolledBack).map(|mark| mark.at_ms);
        let mut seen: Vec<Seen> = graph.points.iter().map(|point| Seen::of(point, over)).collect();
        seen.sort_by_key(|one| one.at_ms);
        let times = || seen.iter().map(|one| one.at_ms).chain(marks.iter().map(|mark| mark.at_ms));
        let from_ms = times().min().unwrap_or(0).min(i64::MAX - SHORTEST_MS);
        let to_ms = times().max().unwrap_or(0).max(from_ms + SHORTEST_MS);
        let mut course = Self { seen, marks, from_ms, to_ms };
        course.thin(columns);
        course
    }

    /// Where between the edges a time lies, in `[0,1]`.
    pub fn fraction(&self, at_ms: i64) -> f64 {
        let since = |at: i64| (i128::from(at) - i128::from(self.from_ms)) as f64;
        (since(at_ms) / since(self.to_ms)).clamp(0.0, 1.0)
    }

    /// The last that is known of a build.
    pub fn latest(&self, arm: Arm) -> Option<Known> {
        self.known(arm).map(|(_, known)| known).last()
    }

    /// All that is known of a build.
    pub fn known(&self, arm: Arm) -> impl Iterator<Item = (i64, Known)> {
        self.seen.iter().filter_map(move |one| Some((one.at_ms, one.arm(arm)?)))
    }

    /// The share at the last point.
    pub fn share(&self) -> Option<f64> {
        self.seen.last().map(|one| one.share)
    }

    /// The share from a time on: that of the first point at or after it, because steps are marked as they begin.
    pub fn share_from(&self, at_ms: i64) -> Option<f64> {
        self.seen.iter().find(|one| one.at_ms >= at_ms).map(|one| one.share).or_else(|| self.share())
    }

    /// Whether it was rolled back.
    pub fn is_rolled_back(&self) -> bool {
        self.marks.iter().any(|mark| mark.kind == MarkKind::RolledBack)
    }

    /// Keeps the last point of each column, and the very first.
    fn thin(&mut self, columns: u16) {
        if self.seen.len() <= usize::from(columns) {
            return;
        }
        let column = |at_ms| (self.fraction(at_ms) * f64::from(columns)) as u16;
        let mut kept: Vec<Seen> = Vec::with_capacity(usize::from(columns) + 2);
        for one in &self.seen {
            if kept.len() > 1 && kept.last().is_some_and(|last| column(last.at_ms) == column(one.at_ms)) {
                kept.pop();
            }
            kept.push(*one);
        }
        self.seen = kept;
    }
}

impl Seen {
    fn of(point: &Point, over_ms: Option<i64>) -> Self {
        let in_use = over_ms.is_none_or(|over| point.at_ms <= over);
        Self {
            at_ms: point.at_ms,
            share: within(point.share),
            current: Known::of(&point.current),
            new: Known::of(&point.new).filter(|_| in_use),
        }
    }

    /// What is known of one build.
    pub fn arm(&self, arm: Arm) -> Option<Known> {
        match arm {
            Arm::Current => self.current,
            Arm::New => self.new,
        }
    }
}

impl Known {
    fn of(rate: &Rate) -> Option<Self> {
        if rate.of == 0 || rate.failed.is_nan() {
            return None;
        }
        let interval = rate.interval.filter(|(low, high)| !low.is_nan() && !high.is_nan());
        let in_order = |(one, other): (f64, f64)| (within(one.min(other)), within(one.max(other)));
        let failed = rate.failed.clamp(0.0, rate.of as f64);
        let whole = failed.round() as u64;
        Some(Self {
            rate: failed / rate.of as f64,
            failed: whole,
            of: rate.of,
            interval: interval.map(in_order),
        })
    }
}

/// A share that is no number is none.
fn within(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}
