//! Simulated visitors: who is assigned where, how they fare, and how blocks are cut.

use folkops_evidence::{Block, Harm, HarmSpec, Sample, Strata, Stratum, Unhealth, Waiting};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A random stream that is the same in every run of the tests.
pub fn stream(seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed)
}

/// The one stratum of most simulations.
pub fn everybody() -> Stratum {
    Stratum::new("everybody")
}

/// What visitors' clients are, with their shares in hundredths.
const KINDS: [(&str, u32); 4] = [("phones", 50), ("computers", 40), ("programs", 6), ("other clients", 4)];

/// Two judges of the same visitors: one who does not tell them apart, and one who does, by kinds.
#[derive(Clone)]
pub struct Judges {
    pub pooled: Harm,
    pub strata: Strata,
    waiting: Vec<Waiting>,
    slice: Vec<(Sample, Sample)>,
}

impl Judges {
    pub fn new() -> Self {
        let kinds = KINDS.map(|(kind, _)| Stratum::new(kind));
        let slice = vec![(Sample::EMPTY, Sample::EMPTY); KINDS.len()];
        let strata = Strata::declare(kinds.clone(), HarmSpec::PLAIN);
        Self { pooled: Harm::new(HarmSpec::PLAIN), strata, waiting: kinds.map(Waiting::of).into(), slice }
    }

    /// A visitor of the open slice, who has the new build or not.
    pub fn note(&mut self, kind: usize, on_canary: bool, outcome: Unhealth) {
        let (canary, stable) = &mut self.slice[kind];
        if on_canary { canary } else { stable }.add(outcome, 1);
    }

    /// The slice is over.
    pub fn close(&mut self) {
        let (mut canary, mut stable) = (Sample::EMPTY, Sample::EMPTY);
        for ((u, v), waiting) in self.slice.iter_mut().zip(&mut self.waiting) {
            let (u, v) = (std::mem::replace(u, Sample::EMPTY), std::mem::replace(v, Sample::EMPTY));
            canary += &u;
            stable += &v;
            if let Some(block) = waiting.join(&u, &v) {
                self.strata.observe(&block).unwrap();
            }
        }
        self.pooled.observe(&block(canary, stable));
    }
}

/// The kind of the next visitor.
pub fn kind(rng: &mut Pcg64Mcg) -> usize {
    let mut lot = rng.random_range(0..100);
    KINDS
        .iter()
        .position(|(_, part)| {
            lot < *part || {
                lot -= part;
                false
            }
        })
        .unwrap()
}

/// A block of failures and wells.
pub fn block(canary: Sample, stable: Sample) -> Block {
    Block { canary, stable, stratum: everybody() }
}

/// The next `visitors` visitors, each given the canary with probability `share`, failing at their arm's rate.
pub fn arrivals(rng: &mut Pcg64Mcg, visitors: u64, share: f64, bad: f64, good: f64) -> Block {
    let (mut canary, mut stable) = (Sample::EMPTY, Sample::EMPTY);
    for _ in 0..visitors {
        let (arm, rate) = if rng.random_bool(share) { (&mut canary, bad) } else { (&mut stable, good) };
        arm.add(
            if rng.random_bool(rate) {
                folkops_evidence::Unhealth::FAILED
            } else {
                folkops_evidence::Unhealth::WELL
            },
            1,
        );
    }
    block(canary, stable)
}

/// How often a simulation is repeated: in every run of the tests, and with `FOLKOPS_SWEEP=full`.
#[derive(Clone, Copy)]
pub struct Sweep {
    sampled: u64,
    full: u64,
}

impl Sweep {
    pub fn of(sampled: u64, full: u64) -> Self {
        Self { sampled, full }
    }
}

/// The number of runs that was asked for.
pub fn runs(sweep: Sweep) -> u64 {
    if is_full() { sweep.full } else { sweep.sampled }
}

/// Whether this is the full sweep.
#[expect(clippy::disallowed_methods, reason = "the test command says by its environment how much to sweep")]
pub fn is_full() -> bool {
    std::env::var("FOLKOPS_SWEEP").is_ok_and(|wanted| wanted == "full")
}
