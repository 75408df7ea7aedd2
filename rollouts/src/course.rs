//! The course of a rollout as a picture needs it: at each moment, how far it had come and how both builds fared so far.

use folkops_evidence::{Level, Tally, interval};
use folkops_model::{BasisPoints, Counts};
use jiff::Timestamp;

use crate::fold::Row;

/// A moment of a rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When, UTC.
    pub at: Timestamp,
    /// The new build's share.
    pub weight: BasisPoints,
    /// The new build up to then.
    pub new: Fares,
    /// The current build up to then.
    pub current: Fares,
}

/// How many visitors met an error, of how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fares {
    /// Visitors who met an error.
    pub met_error: u64,
    /// Visitors.
    pub visitors: u64,
    /// The 95 % interval of their share, valid at every look; both ends within 0 and 1.
    pub interval: (f64, f64),
}

impl Row {
    /// Its course, oldest first.
    pub fn course(&self) -> Vec<Moment> {
        let [mut tried, mut everybody, mut current] = [Counts::default(); 3];
        let moments = self.points.iter().map(|point| {
            // Since everybody has it visitors are counted anew, each once.
            let new = if point.weight == BasisPoints::ALL { &mut everybody } else { &mut tried };
            new.add(&point.totals.candidate);
            current.add(&point.totals.stable);
            Moment { at: point.at, weight: point.weight, new: fares(new), current: fares(&current) }
        });
        moments.collect()
    }
}

fn fares(counts: &Counts) -> Fares {
    // Somebody may have come before the rollout was watched, and meet an error in it.
    let visitors = counts.visitors.max(counts.affected);
    let unhealth = f64::from(u32::try_from(counts.affected).unwrap_or(u32::MAX));
    let around = interval(Tally { unhealth, visitors }, Level::HOLD);
    Fares { met_error: counts.affected, visitors, interval: (around.low, around.high) }
}
