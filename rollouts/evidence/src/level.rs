//! Probabilities that a caller sets: error levels and shares, parsed once.

use serde::{Deserialize, Serialize};

/// A number outside the range that its meaning allows.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("`{given}` is not {wanted}; give one that is")]
pub struct OutOfRange {
    /// What was given.
    pub given: f64,
    /// What would have been right.
    pub wanted: &'static str,
}

macro_rules! open_unit {
    ($(#[$doc:meta])* $name:ident, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Parses the number; one at or outside the ends of (0,1), and NaN, is refused.
            pub fn new(given: f64) -> Result<Self, OutOfRange> {
                let inside = given > 0.0 && given < 1.0;
                if inside { Ok(Self(given)) } else { Err(OutOfRange { given, wanted: $wanted }) }
            }
            /// The number, in (0,1).
            pub fn get(self) -> f64 {
                self.0
            }
        }
        impl TryFrom<f64> for $name {
            type Error = OutOfRange;
            fn try_from(given: f64) -> Result<Self, OutOfRange> {
                Self::new(given)
            }
        }
        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0
            }
        }
    };
}

open_unit! {
    /// The probability of ever being wrong that a verdict may carry: α or β, in (0,1).
    Level, "an error level between 0 and 1"
}
open_unit! {
    /// The canary's share of visitors or exposure, in (0,1).
    Share, "a share between 0 and 1"
}

impl Level {
    /// What an automatic rollback risks: 1 in 1,000.
    pub const ROLL_BACK: Self = Self(0.001);
    /// What an automatic hold risks: 1 in 20.
    pub const HOLD: Self = Self(0.05);
    /// What an advance risks: 1 in 20.
    pub const ADVANCE: Self = Self(0.05);

    /// ln(1/level), in nats: the log-wealth at which a verdict of this level falls (Ville 1939).
    pub fn log_threshold(self) -> f64 {
        -self.0.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_lies_strictly_between_0_and_1() {
        for bad in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Level::new(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Level::new(0.0).unwrap_err().to_string(),
            "`0` is not an error level between 0 and 1; give one that is"
        );
        assert!((Level::ROLL_BACK.log_threshold() - 1000_f64.ln()).abs() < 1e-12);
    }
}
