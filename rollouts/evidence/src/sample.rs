//! A crowd of outcomes, as counts in 33 bins.
//!
//! A block of a million visitors costs as little as one of ten, and two routers' blocks add up bin by bin.
//! A value is rounded to the nearest of 0, 1/32, … 1; 0 and 1 stay exact, and so does a mean of up to 32
//! equal parts. Both arms are rounded alike, and it is the rounded values whose means are compared.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::unhealth::Unhealth;

/// How many values an outcome can take: 0, 1/32, … 1.
pub const BINS: usize = 33;

/// Outcomes of visitors, each counted once; order is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct Sample {
    counts: [u64; BINS],
}

/// A list of counts that is not one per bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` counts are not a sample; give one for each of the 33 values")]
pub struct NotASample(usize);

impl Sample {
    /// Nobody.
    pub const EMPTY: Self = Self { counts: [0; BINS] };

    /// Visitors of whom some failed wholly, and the others not at all.
    pub fn of_failures(failed: u64, well: u64) -> Self {
        let mut sample = Self::EMPTY;
        sample.add(Unhealth::FAILED, failed);
        sample.add(Unhealth::WELL, well);
        sample
    }

    /// Counts `visitors` more with this outcome.
    pub fn add(&mut self, outcome: Unhealth, visitors: u64) {
        if let Some(count) = self.counts.get_mut(bin(outcome)) {
            *count = count.saturating_add(visitors);
        }
    }

    /// How many visitors.
    pub fn visitors(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The sum of their unhealth.
    pub fn total(&self) -> f64 {
        self.iter().map(|(value, count)| value * count).sum()
    }

    /// Each value that occurs, with its count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        let with_value = self.counts.iter().zip(0_u8..).map(|(count, k)| (f64::from(k) / 32.0, *count));
        with_value.filter(|(_, count)| *count > 0).map(|(value, count)| (value, exact(count)))
    }
}

/// Counts stay far below 2^53, where an `f64` still holds every integer.
#[expect(clippy::cast_precision_loss, reason = "a count of visitors over 2^53 does not occur")]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an unhealth lies in [0,1]")]
fn bin(outcome: Unhealth) -> usize {
    (outcome.get() * 32.0).round() as usize
}

impl AddAssign<&Sample> for Sample {
    fn add_assign(&mut self, other: &Sample) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

impl Extend<Unhealth> for Sample {
    fn extend<T: IntoIterator<Item = Unhealth>>(&mut self, outcomes: T) {
        outcomes.into_iter().for_each(|outcome| self.add(outcome, 1));
    }
}

impl FromIterator<Unhealth> for Sample {
    fn from_iter<T: IntoIterator<Item = Unhealth>>(outcomes: T) -> Self {
        let mut sample = Self::EMPTY;
        sample.extend(outcomes);
        sample
    }
}

impl From<Sample> for Vec<u64> {
    fn from(sample: Sample) -> Self {
        sample.counts.to_vec()
    }
}

impl TryFrom<Vec<u64>> for Sample {
    type Error = NotASample;
    fn try_from(counts: Vec<u64>) -> Result<Self, NotASample> {
        let counts = counts.try_into().map_err(|counts: Vec<u64>| NotASample(counts.len()))?;
        Ok(Self { counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_quarters_are_exact_and_the_rest_is_off_by_a_64th_at_most() {
        for k in 0..=1000_u32 {
            let value = f64::from(k) / 1000.0;
            let sample: Sample = [Unhealth::new(value).unwrap()].into_iter().collect();
            assert!((sample.total() - value).abs() <= 1.0 / 64.0, "{value}");
        }
        for value in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let sample: Sample = [Unhealth::new(value).unwrap()].into_iter().collect();
            assert_eq!(sample.total().to_bits(), f64::to_bits(value));
        }
    }

    #[test]
    fn samples_add_and_survive_serde() {
        let mut sum = Sample::of_failures(1, 2);
        sum += &Sample::of_failures(3, 4);
        assert_eq!(sum, Sample::of_failures(4, 6));
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sum);
        assert!(serde_json::from_str::<Sample>("[1,2]").is_err());
    }
}
