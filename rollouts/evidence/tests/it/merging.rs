//! Evidence of shards adds up: in any order, through serde, and to what one judge of all blocks would hold of them.

use folkops_evidence::{
    Allocation, Baseline, Block, Cap, Events, Harm, HarmSpec, Margin, Placebo, Safe, Sample, Share, Strata,
    Stratum, Tolerance, Unhealth,
};
use proptest::prelude::*;

fn sample() -> impl Strategy<Value = Sample> {
    prop::collection::vec((0.0..=1.0_f64, 0..50_u64), 0..4).prop_map(|outcomes| {
        let mut sample = Sample::EMPTY;
        outcomes
            .into_iter()
            .for_each(|(value, visitors)| sample.add(Unhealth::new(value).unwrap(), visitors));
        sample
    })
}

fn block() -> impl Strategy<Value = Block> {
    let stratum = prop_oneof![Just("web"), Just("app")].prop_map(Stratum::new);
    (sample(), sample(), stratum).prop_map(|(canary, stable, stratum)| Block { canary, stable, stratum })
}

fn shards() -> impl Strategy<Value = Vec<Vec<Block>>> {
    prop::collection::vec(prop::collection::vec(block(), 0..6), 3)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

fn harm_of(blocks: &[Block]) -> Harm {
    let mut harm = Harm::new(HarmSpec::PLAIN);
    blocks.iter().for_each(|block| harm.observe(block));
    harm
}

fn strata_of(blocks: &[Block]) -> Strata {
    let mut strata = Strata::declare(["web", "app"].map(Stratum::new), HarmSpec::PLAIN);
    blocks.iter().for_each(|block| strata.observe(block).unwrap());
    strata
}

fn safe_of(blocks: &[Block]) -> Safe {
    let mut safe = Safe::new(Margin::absolute(0.02).unwrap(), Baseline::UNKNOWN, Cap::ONE_NAT);
    blocks.iter().for_each(|block| safe.observe(block));
    safe
}

fn placebo_of(blocks: &[Block]) -> Placebo {
    let mut placebo = Placebo::new(HarmSpec::PLAIN);
    blocks.iter().for_each(|block| placebo.observe(&block.canary, &block.stable));
    placebo
}

/// Merges one after the other, from the front or from the back.
fn both_ways<T: Clone>(parts: &[T], merge: impl Fn(&mut T, &T)) -> (T, T) {
    let fold = |first: &T, rest: Vec<&T>| {
        let mut sum = first.clone();
        rest.into_iter().for_each(|part| merge(&mut sum, part));
        sum
    };
    let (first, last) = (&parts[0], &parts[parts.len() - 1]);
    (fold(first, parts[1..].iter().collect()), fold(last, parts[..parts.len() - 1].iter().rev().collect()))
}

proptest! {
    #[test]
    fn shards_merge_in_any_order(shards in shards()) {
        let (a, b) = both_ways(&shards.iter().map(|it| harm_of(it)).collect::<Vec<_>>(), |sum, part| sum.merge(part).unwrap());
        prop_assert!(close(a.log_wealth(), b.log_wealth()));
        prop_assert_eq!(a.canary().visitors, b.canary().visitors);
        let (a, b) = both_ways(&shards.iter().map(|it| strata_of(it)).collect::<Vec<_>>(), |sum, part| sum.merge(part).unwrap());
        prop_assert!(close(a.log_wealth(), b.log_wealth()));
        let (a, b) = both_ways(&shards.iter().map(|it| safe_of(it)).collect::<Vec<_>>(), |sum, part| sum.merge(part).unwrap());
        prop_assert!(close(a.log_wealth(), b.log_wealth()));
        let (a, b) = both_ways(&shards.iter().map(|it| placebo_of(it)).collect::<Vec<_>>(), |sum, part| sum.merge(part).unwrap());
        prop_assert!(close(a.log_wealth(), b.log_wealth()));
    }

    #[test]
    fn counts_merge_to_what_one_counter_would_hold(counts in prop::collection::vec((0..1000_u64, 0..9000_u64), 2..5)) {
        let share = Share::new(0.1).unwrap();
        let (mut events, mut allocation) = (Events::default(), Allocation::default());
        let (mut events_sum, mut allocation_sum) = (Events::default(), Allocation::default());
        for (canary, stable) in counts {
            let (mut shard, mut split) = (Events::default(), Allocation::default());
            shard.observe(share, canary, stable);
            split.observe(share, canary, stable);
            events_sum.merge(&shard);
            allocation_sum.merge(&split).unwrap();
            events.observe(share, canary, stable);
            allocation.observe(share, canary, stable);
        }
        prop_assert!(close(events.log_wealth(), events_sum.log_wealth()));
        prop_assert!(close(allocation.log_wealth(), allocation_sum.log_wealth()));
    }

    #[test]
    fn evidence_survives_storage_and_goes_on_from_there(shards in shards()) {
        let mut strata = strata_of(&shards[0]);
        let text = serde_json::to_string(&strata).unwrap();
        let mut restored: Strata = serde_json::from_str(&text).unwrap();
        shards[1].iter().for_each(|block| {
            strata.observe(block).unwrap();
            restored.observe(block).unwrap();
        });
        prop_assert!(close(strata.log_wealth(), restored.log_wealth()));
    }

    #[test]
    fn a_canary_visitor_who_fares_worse_never_lowers_the_evidence_of_harm_and_a_stable_one_never_raises_it(
        past in prop::collection::vec(block(), 2..5), next in block(), well in 0.0..1.0_f64, worse in 0.0..1.0_f64,
    ) {
        let (low, high) = (well.min(worse), well.max(worse));
        let after = |canary: Option<f64>, stable: Option<f64>| {
            let mut harm = harm_of(&past);
            let mut block = next.clone();
            canary.into_iter().for_each(|u| block.canary.add(Unhealth::new(u).unwrap(), 1));
            stable.into_iter().for_each(|v| block.stable.add(Unhealth::new(v).unwrap(), 1));
            harm.observe(&block);
            harm.log_wealth()
        };
        prop_assert!(after(Some(high), None) >= after(Some(low), None) - 1e-9);
        prop_assert!(after(None, Some(high)) <= after(None, Some(low)) + 1e-9);
    }

    #[test]
    fn a_canary_visitor_who_fares_worse_never_raises_the_evidence_of_safety(
        past in prop::collection::vec(block(), 2..5), next in block(), well in 0.0..1.0_f64, worse in 0.0..1.0_f64,
    ) {
        let after = |outcome: f64| {
            let mut safe = safe_of(&past);
            let mut block = next.clone();
            block.canary.add(Unhealth::new(outcome).unwrap(), 1);
            safe.observe(&block);
            safe.log_wealth()
        };
        prop_assert!(after(well.max(worse)) <= after(well.min(worse)) + 1e-9);
    }

    #[test]
    fn extreme_counts_and_rates_give_numbers(
        canary in (0..1_000_000_000_u64, 0..1_000_000_000_u64), stable in (0..1_000_000_000_u64, 0..1_000_000_000_u64),
    ) {
        let block = Block {
            canary: Sample::of_failures(canary.0, canary.1),
            stable: Sample::of_failures(stable.0, stable.1),
            stratum: Stratum::new("web"),
        };
        let blocks = [block.clone(), block.clone(), block];
        prop_assert!(harm_of(&blocks).log_wealth().is_finite());
        prop_assert!(safe_of(&blocks).log_wealth().is_finite());
        prop_assert!(placebo_of(&blocks).log_wealth().is_finite());
    }
}

#[test]
fn an_empty_arm_and_certain_rates_are_no_evidence() {
    let web = |canary, stable| Block { canary, stable, stratum: Stratum::new("web") };
    let crowd = || Sample::of_failures(1000, 0);
    for block in [web(crowd(), Sample::EMPTY), web(Sample::EMPTY, crowd()), web(Sample::EMPTY, Sample::EMPTY)]
    {
        let harm = harm_of(&[block.clone(), block.clone(), block]);
        assert_eq!(harm.log_wealth().to_bits(), 0.0_f64.to_bits());
    }
    let everybody = harm_of(&[web(crowd(), crowd()), web(crowd(), crowd())]);
    assert!(everybody.log_wealth() <= 0.0);
}

#[test]
fn evidence_of_another_setting_is_refused() {
    let mut plain = Harm::new(HarmSpec::PLAIN);
    let other = Harm::new(HarmSpec { tolerance: Tolerance::times(2.0).unwrap(), ..HarmSpec::PLAIN });
    assert!(plain.merge(&other).is_err());
    let strata = Strata::declare([Stratum::new("web")], HarmSpec::PLAIN);
    assert!(strata_of(&[]).merge(&strata).is_err());
}
