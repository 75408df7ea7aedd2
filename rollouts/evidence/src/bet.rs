//! The e-variable of one block: what a bet on "the first arm is worse than the second" is multiplied by.
//!
//! With `n_x` values u in the arm under suspicion, `n_y` values v in the other, guesses θ_y < θ_x made before
//! the block and θ₀ = (n_x θ_x + n_y θ_y)/(n_x + n_y):
//!
//! > S = Π_i [1 + (θ_x−θ₀)(u_i−θ₀)/(θ₀(1−θ₀))] · Π_j [1 + (θ_y−θ₀)(v_j−θ₀)/(θ₀(1−θ₀))]
//!
//! For values 0 and 1 this is the e-variable of Turner, Ly and Grünwald (J. Stat. Plan. Inference 230, 2024).
//! For any values in `[0,1]` it stays one: every factor is ≥ 0, and when E u ≤ μ ≤ E v, E S is at most
//! g_x(μ)^n_x · g_y(μ)^n_y with g the factor at the mean, which the inequality of arithmetic and geometric means
//! puts at ≤ 1, because n_x(θ_x−θ₀) + n_y(θ_y−θ₀) = 0. The common mean may differ from block to block.
//!
//! The proof wants outcomes that are independent given what befell the block, as they are when visitors come at
//! random and a hash assigns them. A crowd so small that the rollout sees all of it (drawn without replacement), and
//! an incident that begins within a block, lie outside it by a little; both are among the simulated nulls.
//!
//! **One visitor is worth one nat at most** ([`Cap`]). Cutting a factor off at e keeps E S ≤ 1, but raising
//! it to e⁻¹ would not; so it is the bet that is truncated, not its result: θ_x is drawn towards θ_y until
//! both factors lie in [e⁻¹, e] for every value. The proof above holds for any θ_y < θ_x chosen before the
//! values, so a truncated bet needs no other one, and loses less than a factor cut off after the fact.

use serde::{Deserialize, Serialize};

use crate::level::OutOfRange;
use crate::sample::{Sample, exact};

/// How much one visitor's outcome may multiply the evidence by, up or down, in nats.
///
/// It keeps a single visitor (or a forger of reports) from deciding, and costs delay when failures are rare
/// and the regression is gross: ln(1/α) visitors must have failed before anything can be decided.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Cap(f64);

impl Cap {
    /// The house's rule: a factor from e⁻¹ to e.
    pub const ONE_NAT: Self = Self(1.0);

    /// A cap of so many nats, positive; infinity caps nothing.
    pub fn nats(given: f64) -> Result<Self, OutOfRange> {
        if given > 0.0 {
            Ok(Self(given))
        } else {
            Err(OutOfRange { given, wanted: "a positive number of nats" })
        }
    }
}

impl TryFrom<f64> for Cap {
    type Error = OutOfRange;
    fn try_from(given: f64) -> Result<Self, OutOfRange> {
        Self::nats(given)
    }
}

impl From<Cap> for f64 {
    fn from(cap: Cap) -> f64 {
        cap.0
    }
}

/// "At most r₀ times stable's failures": canary values are divided by r₀ ≥ 1 before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Tolerance(f64);

impl Tolerance {
    /// Not worse at all.
    pub const NONE: Self = Self(1.0);

    /// Parses r₀, finite and at least 1.
    pub fn times(given: f64) -> Result<Self, OutOfRange> {
        let inside = given >= 1.0 && given.is_finite();
        if inside { Ok(Self(given)) } else { Err(OutOfRange { given, wanted: "a tolerance of 1 or more" }) }
    }

    pub(crate) fn view(self) -> View {
        View { offset: 0.0, scale: 1.0 / self.0 }
    }
}

impl TryFrom<f64> for Tolerance {
    type Error = OutOfRange;
    fn try_from(given: f64) -> Result<Self, OutOfRange> {
        Self::times(given)
    }
}

impl From<Tolerance> for f64 {
    fn from(tolerance: Tolerance) -> f64 {
        tolerance.0
    }
}

/// An affine map from `[0,1]` into itself, through which an arm's values are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub offset: f64,
    pub scale: f64,
}

impl View {
    pub const PLAIN: Self = Self { offset: 0.0, scale: 1.0 };

    pub fn of(self, value: f64) -> f64 {
        self.offset + self.scale * value
    }
}

/// An arm's values as they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub sample: &'a Sample,
    pub view: View,
}

/// Two guesses made before the block: `worse` of the arm under suspicion, `better` of the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guess {
    pub worse: f64,
    pub better: f64,
}

impl Guess {
    /// The rate whose odds are `ratio` times those of `better`.
    pub fn by_odds(better: f64, ratio: f64) -> Self {
        Self { worse: ratio * better / (1.0 - better + ratio * better), better }
    }
}

/// ln S of the block, in nats: 0 when an arm is empty, or when the guesses do not differ.
pub(crate) fn log_factor(suspect: Side<'_>, other: Side<'_>, guess: Guess, cap: Cap) -> f64 {
    let (n_x, n_y) = (exact(suspect.sample.visitors()), exact(other.sample.visitors()));
    if n_x == 0.0 || n_y == 0.0 || guess.worse <= guess.better {
        return 0.0;
    }
    let share = n_x / (n_x + n_y);
    let gap = (guess.worse - guess.better).min(widest(guess.better, share, cap));
    let null = guess.better + share * gap;
    let slope = gap / (null * (1.0 - null));
    log_product(suspect, (1.0 - share) * slope, null) + log_product(other, -share * slope, null)
}

/// Σ ln(1 + slope·(value − θ₀)) over the values of one arm.
fn log_product(side: Side<'_>, slope: f64, null: f64) -> f64 {
    let log = |value: f64| (slope * (side.view.of(value) - null)).ln_1p();
    side.sample.iter().map(|(value, count)| count * log(value)).sum()
}

/// The widest θ_x − θ_y at which every factor lies in [1/c, c], c = e^cap.
///
/// With d the gap and θ₀ = θ_y + w d, the four extreme factors are θ_x/θ₀, θ_y/θ₀, (1−θ_x)/(1−θ₀) and
/// (1−θ_y)/(1−θ₀); each moves away from 1 as d grows, so each gives one upper limit on d.
fn widest(better: f64, share: f64, Cap(nats): Cap) -> f64 {
    let (c, more) = (nats.exp(), nats.exp_m1());
    if !c.is_finite() {
        return f64::INFINITY;
    }
    let canary_failed = if c * share < 1.0 { better * more / (1.0 - c * share) } else { f64::INFINITY };
    let stable_failed = better * more / share;
    let canary_well = (1.0 - better) * more / (c - share);
    let stable_well = (1.0 - better) * more / (c * share);
    canary_failed.min(stable_failed).min(canary_well).min(stable_well)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(value: f64) -> Sample {
        [crate::Unhealth::new(value).unwrap()].into_iter().collect()
    }

    proptest! {
        #[test]
        fn no_visitor_moves_the_evidence_by_more_than_the_cap(
            better in 1e-6..0.999_f64, ratio in 1.0..1e4_f64, n_x in 1..50_u64, n_y in 1..500_u64, nats in 0.1..3.0_f64,
        ) {
            let guess = Guess::by_odds(better, ratio);
            let share = exact(n_x) / exact(n_x + n_y);
            let gap = (guess.worse - better).min(widest(better, share, Cap(nats)));
            let null = better + share * gap;
            let slope = gap / (null * (1.0 - null));
            for (slope, value) in [(1.0 - share, 0.0), (1.0 - share, 1.0), (-share, 0.0), (-share, 1.0)].map(|(s, v)| (s * slope, v)) {
                let sample = one(value);
                let moved = log_product(Side { sample: &sample, view: View::PLAIN }, slope, null);
                prop_assert!(moved.abs() <= nats + 1e-9, "{moved}");
            }
        }
    }

    #[test]
    fn on_failures_alone_the_factor_is_the_likelihood_ratio() {
        let (canary, stable) = (Sample::of_failures(2, 3), Sample::of_failures(1, 9));
        let guess = Guess { worse: 0.3, better: 0.1 };
        let null = (5.0 * 0.3 + 10.0 * 0.1) / 15.0_f64;
        let ratio = |theta: f64, failed: f64, well: f64| {
            failed * (theta / null).ln() + well * ((1.0 - theta) / (1.0 - null)).ln()
        };
        let expected = ratio(0.3, 2.0, 3.0) + ratio(0.1, 1.0, 9.0);
        let side = |sample| Side { sample, view: View::PLAIN };
        let got = log_factor(side(&canary), side(&stable), guess, Cap(f64::INFINITY));
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
}
