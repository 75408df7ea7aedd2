//! A sum and a count: all that is kept of an arm's past, and the guess of its rate that follows from them.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::level::OutOfRange;
use crate::sample::{Sample, exact};
use crate::unhealth::Unhealth;

/// Guessed rates stay this far from 0 and 1, so that no logarithm meets either.
const EDGE: f64 = 1e-6;

/// Visitors seen, and the sum of their unhealth.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// In visitors; between 0 and the count.
    pub unhealth: f64,
    /// How many visitors.
    pub visitors: u64,
}

impl Tally {
    /// The mean unhealth; none before the first visitor.
    pub fn rate(&self) -> Option<f64> {
        (self.visitors > 0).then(|| self.unhealth / exact(self.visitors))
    }
}

impl AddAssign<&Sample> for Tally {
    fn add_assign(&mut self, sample: &Sample) {
        self.unhealth += sample.total();
        self.visitors = self.visitors.saturating_add(sample.visitors());
    }
}

impl AddAssign<Tally> for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.unhealth += other.unhealth;
        self.visitors = self.visitors.saturating_add(other.visitors);
    }
}

/// What was believed of the stable build's unhealth before the rollout, and how firmly.
///
/// It shapes the bets of the first blocks only, and never their validity: any belief that was there before
/// the values is allowed. The best one is what the service's own recent past says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    rate: Unhealth,
    /// Worth this many visitors.
    weight: f64,
}

impl Baseline {
    /// When nothing is known: one failure in a hundred, believed as if ten visitors had shown it.
    pub const UNKNOWN: Self = Self { rate: Unhealth::ONE_IN_A_HUNDRED, weight: 10.0 };

    /// A belief worth `weight` visitors (positive, finite).
    pub fn new(rate: Unhealth, weight: f64) -> Result<Self, OutOfRange> {
        let wanted = "a positive number of visitors";
        if weight > 0.0 && weight.is_finite() {
            Ok(Self { rate, weight })
        } else {
            Err(OutOfRange { given: weight, wanted })
        }
    }

    /// The guess after `seen`: shrunk towards the belief, clamped off 0 and 1.
    pub(crate) fn shrink(self, seen: Tally) -> f64 {
        let rate = (self.rate.get() * self.weight + seen.unhealth) / (self.weight + exact(seen.visitors));
        rate.clamp(EDGE, 1.0 - EDGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guess_moves_from_the_belief_to_what_was_seen_and_never_touches_the_ends() {
        let seen = |failed, well| {
            let mut tally = Tally::default();
            tally += &Sample::of_failures(failed, well);
            tally
        };
        assert!((Baseline::UNKNOWN.shrink(seen(0, 0)) - 0.01).abs() < 1e-12);
        assert!((Baseline::UNKNOWN.shrink(seen(200, 800)) - 0.2).abs() < 0.005);
        let certain = Baseline::new(Unhealth::WELL, 1.0).unwrap();
        assert!(certain.shrink(seen(0, 1_000_000_000)) > 0.0);
        let hopeless = Baseline::new(Unhealth::FAILED, 1.0).unwrap();
        assert!(hopeless.shrink(seen(1_000_000_000, 0)) < 1.0);
        assert_eq!(seen(0, 0).rate(), None);
    }
}
