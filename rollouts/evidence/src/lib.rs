//! The statistics by which a rollout is judged: a library without I/O, clock or randomness.
//!
//! A rollout moves visitors from one build (the *stable* arm) to another (the *canary* arm). Each visitor
//! counts **once**, with one [`Unhealth`] in `[0,1]`: the mean of their first full period after exposure.
//! The caller cuts time and population into [`Block`]s and hands them on; what comes back may be looked at
//! after every block, for as long as one likes, without spoiling any of the probabilities stated here:
//!
//! | question | answer | stated risk |
//! |---|---|---|
//! | is the canary worse? | [`Harm`], [`Strata`], [`Events`] | a harmless build is ever rolled back: ≤ α |
//! | is it at most a margin worse? | [`Safe`] | a build worse by the margin ever advances: ≤ β |
//! | did the fleet get worse after 100 %? | [`Soak`], of [`Detector`]s | an alarm within B blocks that is false: ≤ B/c |
//! | do the shares match the weights? | [`Allocation`] | a correct split is ever held: ≤ α |
//! | is the metric itself sound? | [`Placebo`] | a sound metric is ever demoted: ≤ α |
//! | who did not report? | [`Debts`] | |
//!
//! [`Case::judge`] puts them together into one [`Verdict`]; [`bounds`] says how fast anybody could be, and
//! [`tuning`] what a service of a given size can show at all.
//!
//! All evidence is kept as log-wealth, in nats: the logarithm of a non-negative supermartingale that starts
//! at 1 under its null hypothesis. Ville (1939): such a process ever reaches 1/α with probability ≤ α.
//!
//! State is plain serde. Where a restart must go on from the last bit, not the last but one, the format must
//! keep numbers exactly (serde_json's `float_roundtrip`); nothing here is that sensitive.
//!
//! What it must never do: look at a value before it chooses the bet on that value; decide on reports that
//! happened to come without counting those that did not; treat requests of one visitor as independent.

pub mod allocation;
pub mod bet;
pub mod block;
pub mod bounds;
pub mod case;
pub mod debts;
pub mod detector;
pub mod events;
pub mod harm;
pub mod interval;
pub mod level;
pub mod placebo;
pub mod safe;
pub mod sample;
pub mod soak;
pub mod strata;
pub mod tally;
pub mod tuning;
pub mod unhealth;
pub mod verdict;
pub mod wealth;

pub use allocation::{Allocation, WrongShares};
pub use bet::{Cap, Tolerance};
pub use block::{Arm, Block, Stratum, Waiting};
pub use case::{Case, Metric};
pub use debts::{Cohort, Debts, Settled};
pub use detector::Detector;
pub use events::Events;
pub use harm::{Harm, HarmSpec, ODDS_RATIOS};
pub use interval::{Interval, difference, interval};
pub use level::{Level, OutOfRange, Share};
pub use placebo::{Placebo, Standing};
pub use safe::{Margin, Safe};
pub use sample::{BINS, NotASample, Sample};
pub use soak::Soak;
pub use strata::{Average, Strata, UndeclaredStratum};
pub use tally::{Baseline, Tally};
pub use unhealth::Unhealth;
pub use verdict::{ArmRate, Evidence, Hearing, Levels, Reason, StandsOut, Verdict, Worst};
pub use wealth::Mismatch;
