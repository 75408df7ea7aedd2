//! Validity by exact enumeration: the expectation of a block's factor under random nulls is at most 1.
//!
//! The past decides the guesses, so each case runs a random past first, then sums over every outcome of the next
//! block, weighted by its probability. What must not grow is the mean of e^(log-wealth after − before).

use folkops_evidence::{
    Allocation, Baseline, Block, Cap, Events, Harm, HarmSpec, Margin, Safe, Sample, Share, Tolerance,
    Unhealth,
};
use proptest::prelude::*;

use crate::crowd;

/// A distribution on 0, ½ and 1.
type Law = [(f64, f64); 3];

fn law(mean_of: (f64, f64)) -> Law {
    let (half, one) = mean_of;
    let rest = 1.0 - half;
    [(0.5, half), (1.0, rest * one), (0.0, rest * (1.0 - one))]
}

fn mean(law: &Law) -> f64 {
    law.iter().map(|(value, weight)| value * weight).sum()
}

/// Every sample of `visitors` independent draws, with its probability.
fn samples(law: &Law, visitors: u64) -> Vec<(Sample, f64)> {
    (0..visitors).fold(vec![(Sample::EMPTY, 1.0)], |shorter, _| {
        let longer = |(sample, weight): &(Sample, f64)| {
            law.map(|(value, probability)| {
                let mut sample = sample.clone();
                sample.add(Unhealth::new(value).unwrap(), 1);
                (sample, weight * probability)
            })
        };
        shorter.iter().flat_map(longer).collect()
    })
}

/// The mean growth of a block's evidence, over every outcome.
fn growth(canary: (&Law, u64), stable: (&Law, u64), log_growth: impl Fn(&Block) -> f64) -> f64 {
    let stables = samples(stable.0, stable.1);
    let of = |(canary, p): &(Sample, f64)| -> f64 {
        let each = |(stable, q): &(Sample, f64)| {
            p * q * log_growth(&crowd::block(canary.clone(), stable.clone())).exp()
        };
        stables.iter().map(each).sum()
    };
    samples(canary.0, canary.1).iter().map(of).sum()
}

fn past() -> impl Strategy<Value = Vec<Block>> {
    let sample = || (0..4_u64, 0..40_u64).prop_map(|(failed, well)| Sample::of_failures(failed, well));
    prop::collection::vec(
        (sample(), sample()).prop_map(|(canary, stable)| crowd::block(canary, stable)),
        2..8,
    )
}

fn laws() -> impl Strategy<Value = (Law, Law)> {
    let one = || (0.0..1.0_f64, 0.0..1.0_f64).prop_map(law);
    (one(), one())
}

fn cap() -> impl Strategy<Value = Cap> {
    prop_oneof![Just(Cap::ONE_NAT), Just(Cap::nats(f64::INFINITY).unwrap())]
}

/// So much may the sum of a few thousand rounded products be off.
const ROUNDING: f64 = 1e-9;

proptest! {
    #[test]
    fn evidence_of_harm_does_not_grow_on_average_when_the_canary_is_not_worse(
        past in past(), (one, other) in laws(), n_x in 0..5_u64, n_y in 0..5_u64, cap in cap(), times in 1.0..3.0_f64,
    ) {
        let tolerance = Tolerance::times(times).unwrap();
        let (canary, stable) = if mean(&one) / times <= mean(&other) { (one, other) } else { (other, one) };
        prop_assume!(mean(&canary) / times <= mean(&stable));
        let mut harm = Harm::new(HarmSpec { tolerance, cap, ..HarmSpec::PLAIN });
        past.iter().for_each(|block| harm.observe(block));
        // Two blocks with both arms lift the rule of the first block, which only lowers the evidence.
        (0..2).for_each(|_| harm.observe(&crowd::block(Sample::of_failures(1, 9), Sample::of_failures(1, 9))));
        let mean_growth = growth((&canary, n_x), (&stable, n_y), |block| {
            let mut next = harm.clone();
            next.observe(block);
            next.log_wealth() - harm.log_wealth()
        });
        prop_assert!(mean_growth <= 1.0 + ROUNDING, "{mean_growth}");
    }

    #[test]
    fn evidence_of_safety_does_not_grow_on_average_when_the_canary_is_worse_by_the_margin(
        past in past(), (one, other) in laws(), n_x in 0..5_u64, n_y in 0..5_u64, cap in cap(),
        delta in 0.001..0.5_f64, ratio in 1.01..5.0_f64, absolute in any::<bool>(),
    ) {
        let worst = |stable: f64| if absolute { delta + (1.0 - delta) * stable } else { ratio * stable };
        let (canary, stable) = if mean(&one) >= worst(mean(&other)) { (one, other) } else { (other, one) };
        prop_assume!(mean(&canary) >= worst(mean(&stable)));
        let margin = if absolute { Margin::absolute(delta) } else { Margin::ratio(ratio) };
        let mut safe = Safe::new(margin.unwrap(), Baseline::UNKNOWN, cap);
        past.iter().for_each(|block| safe.observe(block));
        let mean_growth = growth((&canary, n_x), (&stable, n_y), |block| {
            let mut next = safe.clone();
            next.observe(block);
            next.log_wealth() - safe.log_wealth()
        });
        prop_assert!(mean_growth <= 1.0 + ROUNDING, "{mean_growth}");
    }

    #[test]
    fn evidence_of_events_does_not_grow_on_average_at_or_below_the_canarys_share(
        w in 0.001..0.999_f64, part in 0.0..=1.0_f64, past in (0..50_u64, 0..50_u64), events in 0..30_u64,
    ) {
        let (share, truth) = (Share::new(w).unwrap(), w * part);
        let mut before = Events::default();
        before.observe(share, past.0, past.1);
        let of = |canary: u64| {
            let mut after = before;
            after.observe(share, canary, events - canary);
            binomial(events, canary, truth) * (after.log_wealth() - before.log_wealth()).exp()
        };
        let mean_growth: f64 = (0..=events).map(of).sum();
        prop_assert!(mean_growth <= 1.0 + 1e-6, "{mean_growth}");
    }

    #[test]
    fn evidence_of_a_wrong_split_is_a_martingale_when_the_split_is_right_even_across_weights(
        first in 0.001..0.999_f64, second in 0.001..0.999_f64, past in (0..500_u64, 0..500_u64), visitors in 1..30_u64,
    ) {
        let mut before = Allocation::default();
        before.observe(Share::new(first).unwrap(), past.0, past.1);
        let share = Share::new(second).unwrap();
        let of = |canary: u64| {
            let mut after = before.clone();
            after.observe(share, canary, visitors - canary);
            binomial(visitors, canary, second) * (after.log_wealth() - before.log_wealth()).exp()
        };
        let mean_growth: f64 = (0..=visitors).map(of).sum();
        prop_assert!((mean_growth - 1.0).abs() < 1e-6, "{mean_growth}");
    }
}

fn binomial(all: u64, hits: u64, rate: f64) -> f64 {
    let choose: f64 = (0..hits).map(|k| (all - k) as f64 / (k + 1) as f64).product();
    let power = |base: f64, times: u64| (0..times).fold(1.0, |product, _| product * base);
    choose * power(rate, hits) * power(1.0 - rate, all - hits)
}

#[test]
fn evidence_grows_on_average_when_the_canary_is_worse() {
    let mut harm = Harm::new(HarmSpec::PLAIN);
    (0..2).for_each(|_| harm.observe(&crowd::block(Sample::of_failures(0, 2), Sample::of_failures(0, 18))));
    let mean_growth = growth((&law((0.0, 0.5)), 3), (&law((0.0, 0.01)), 3), |block| {
        let mut next = harm.clone();
        next.observe(block);
        next.log_wealth() - harm.log_wealth()
    });
    assert!(mean_growth > 1.5, "{mean_growth}");
}
