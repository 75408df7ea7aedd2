//! How unwell one visitor was in their first period: 0 is well, 1 is a failure or a report that never came.

use serde::{Deserialize, Serialize};

use crate::level::OutOfRange;

/// One visitor's outcome, in `[0,1]`: 1 minus health.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Unhealth(f64);

impl Unhealth {
    /// Nothing failed.
    pub const WELL: Self = Self(0.0);
    /// Everything failed, or nothing was heard by the deadline.
    pub const FAILED: Self = Self(1.0);
    /// What is believed of a service of which nothing is known.
    pub const ONE_IN_A_HUNDRED: Self = Self(0.01);

    /// Parses the number; outside `[0,1]`, or NaN, it is refused.
    pub fn new(given: f64) -> Result<Self, OutOfRange> {
        let inside = (0.0..=1.0).contains(&given);
        if inside { Ok(Self(given)) } else { Err(OutOfRange { given, wanted: "an unhealth from 0 to 1" }) }
    }

    /// The share of one visitor's requests that failed; none for a visitor without requests.
    pub fn of_requests(failed: u32, all: u32) -> Option<Self> {
        (all > 0).then(|| Self(f64::from(failed.min(all)) / f64::from(all)))
    }

    /// The number, in `[0,1]`.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Unhealth {
    type Error = OutOfRange;
    fn try_from(given: f64) -> Result<Self, OutOfRange> {
        Self::new(given)
    }
}

impl From<Unhealth> for f64 {
    fn from(value: Unhealth) -> f64 {
        value.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_unhealth_is_refused() {
        for bad in [-1e-9, 1.0 + 1e-9, f64::NAN, f64::INFINITY] {
            assert!(Unhealth::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Unhealth>("1.5").is_err());
    }

    #[test]
    fn a_visitor_without_requests_has_no_unhealth() {
        assert_eq!(Unhealth::of_requests(0, 0), None);
        assert_eq!(Unhealth::of_requests(1, 4), Unhealth::new(0.25).ok());
        assert_eq!(Unhealth::of_requests(9, 4), Some(Unhealth::FAILED));
    }
}
