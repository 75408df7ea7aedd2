//! Strata, allocation, placebo, events, intervals: what is held, named, demoted and covered.

use folkops_evidence::{
    Allocation, Average, Block, Events, Harm, HarmSpec, Level, Placebo, Sample, Share, Standing, Strata,
    Stratum, Tally, Unhealth, interval,
};
use rand::RngExt;

use crate::clopper_pearson::{at_most, sure_to_exceed};
use crate::crowd::{self, Sweep};

fn share() -> Share {
    Share::new(0.1).unwrap()
}

/// One visitor in twenty is on the bad platform.
fn platforms() -> [Stratum; 3] {
    ["web", "android", "watch"].map(Stratum::new)
}

#[test]
fn a_bad_platform_of_one_in_twenty_is_found_and_named() {
    let runs = crowd::runs(Sweep::of(100, 1000));
    let level = Level::ROLL_BACK;
    let (mut found, mut named, mut visitors, mut pooled_sooner) = (0, 0, Vec::new(), 0);
    for seed in 0..runs {
        let mut rng = crowd::stream(seed);
        let mut strata = Strata::declare(platforms(), HarmSpec::PLAIN);
        let mut pooled = Harm::new(HarmSpec::PLAIN);
        for round in 0..4000 {
            // Each stratum closes its blocks on its own count, so that the small one's hold both arms, too.
            let small = (round % 10 == 0).then_some(("watch", 20, 0.5));
            for (stratum, count, bad) in [("web", 20, 0.01), ("android", 18, 0.01)].into_iter().chain(small) {
                let block = Block {
                    stratum: Stratum::new(stratum),
                    ..crowd::arrivals(&mut rng, count, 0.1, bad, 0.01)
                };
                strata.observe(&block).unwrap();
                pooled.observe(&block);
            }
            if strata.reaches(level) {
                break;
            }
        }
        found += u64::from(strata.reaches(level));
        pooled_sooner += u64::from(pooled.reaches(level));
        named += u64::from(strata.worst().is_some_and(|(worst, _)| worst.as_str() == "watch"));
        visitors.push(strata.tallies().0.visitors);
    }
    visitors.sort_unstable();
    println!(
        "one bad platform of 5 % (.01 → .5): found in {found} of {runs}, named in {named}, after {} canary visitors (median); \
         one pooled process was there first or as soon in {pooled_sooner}",
        visitors[visitors.len() / 2],
    );
    assert_eq!(found, runs);
    assert!(named * 100 >= runs * 99, "{named} of {runs}");
}

#[test]
fn an_undeclared_stratum_is_refused_by_name() {
    let mut strata = Strata::declare(platforms(), HarmSpec::PLAIN);
    let block = Block { canary: Sample::EMPTY, stable: Sample::EMPTY, stratum: Stratum::new("fridge") };
    assert_eq!(
        strata.observe(&block).unwrap_err().to_string(),
        "stratum `fridge` was not declared before the rollout; declare it next time, or count it in another"
    );
}

#[test]
fn an_average_keeps_the_strongest_part_but_for_the_price_of_the_others() {
    let average = Average::of([("errors", 10.0), ("latency", 0.0), ("crashes", -5.0), ("freezes", 0.0)]);
    assert!((average.log_wealth() - (10.0 - 4_f64.ln())).abs() < 1e-3);
    assert_eq!(average.worst(), Some(&("errors", 10.0)));
    assert_eq!(Average::<&str>::of([]).log_wealth().to_bits(), 0.0_f64.to_bits());
}

#[test]
fn a_right_split_is_left_alone_and_a_wrong_one_is_found_with_its_shares() {
    let runs = crowd::runs(Sweep::of(300, 5000));
    let judge = |seed, truth: f64| {
        let (mut rng, mut allocation) = (crowd::stream(seed), Allocation::default());
        for visitors in 1..=5000 {
            let canary = u64::from(rng.random_bool(truth));
            allocation.observe(share(), canary, 1 - canary);
            if let Some(wrong) = allocation.wrong(Level::HOLD) {
                return Some((visitors, wrong));
            }
        }
        None
    };
    let held = (0..runs).filter(|seed| judge(*seed, 0.1).is_some()).count() as u64;
    println!("allocation: {held} of {runs} right splits held at .05 (95 % bound {:.4})", at_most(held, runs));
    assert!(!sure_to_exceed(held, runs, Level::HOLD.get()));
    let mut found: Vec<u64> =
        (0..runs).filter_map(|seed| judge(seed, 0.15)).map(|(visitors, _)| visitors).collect();
    found.sort_unstable();
    println!("allocation: .15 in place of .10 found after {} visitors (median)", found[found.len() / 2]);
    assert_eq!(found.len() as u64, runs);
    let (_, wrong) = judge(0, 0.5).unwrap();
    assert!(wrong.found > wrong.wanted);
}

#[test]
fn a_metric_whose_outcomes_hang_together_loses_its_standing_and_a_sound_one_keeps_it() {
    let runs = crowd::runs(Sweep::of(200, 3000));
    let level = Level::new(0.01).unwrap();
    // `together` visitors share one node and one fate.
    let demoted = |together: u64| {
        let one = |seed: &u64| {
            let (mut rng, mut placebo) = (crowd::stream(*seed), Placebo::new(HarmSpec::PLAIN));
            for _ in 0..300 {
                let mut halves = [Sample::EMPTY, Sample::EMPTY];
                for half in &mut halves {
                    for _ in 0..20 / together {
                        let fate = if rng.random_bool(0.05) { Unhealth::FAILED } else { Unhealth::WELL };
                        half.add(fate, together);
                    }
                }
                let [first, second] = &halves;
                placebo.observe(first, second);
            }
            placebo.standing(level) == Standing::Signal
        };
        (0..runs).filter(one).count() as u64
    };
    let (sound, clumped) = (demoted(1), demoted(10));
    println!(
        "placebo: {sound} of {runs} sound metrics demoted, {clumped} of {runs} with ten visitors a node"
    );
    assert!(!sure_to_exceed(sound, runs, level.get()));
    assert!(sure_to_exceed(clumped, runs, 0.5), "{clumped}");
}

#[test]
fn counted_events_are_judged_by_exposure_alone() {
    let runs = crowd::runs(Sweep::of(300, 10_000));
    let level = Level::new(0.01).unwrap();
    // Of each hundred events, the canary's come with the probability that its rate ratio gives at w = .1.
    let reached = |seed: u64, ratio: f64| {
        let (mut rng, mut events) = (crowd::stream(seed), Events::default());
        let q = ratio * 0.1 / (0.9 + ratio * 0.1);
        (0..1000).any(|_| {
            let canary = u64::from(rng.random_bool(q));
            events.observe(share(), canary, 1 - canary);
            events.reaches(level)
        })
    };
    let wrong = (0..runs).filter(|seed| reached(*seed, 1.0)).count() as u64;
    let found = (0..runs).filter(|seed| reached(*seed, 3.0)).count() as u64;
    println!(
        "events: {wrong} of {runs} false at α = .01 (95 % bound {:.4}), {found} of {runs} found at three times the rate",
        at_most(wrong, runs)
    );
    assert!(!sure_to_exceed(wrong, runs, level.get()));
    assert_eq!(found, runs);
}

#[test]
fn a_rates_interval_covers_it_at_all_times_together() {
    let runs = crowd::runs(Sweep::of(200, 2000));
    let misses = |seed: &u64| {
        let (mut rng, mut tally) = (crowd::stream(*seed), Tally::default());
        (0..200).any(|_| {
            tally += &crowd::arrivals(&mut rng, 10, 0.5, 0.03, 0.03).stable;
            let it = interval(tally, Level::HOLD);
            it.low > 0.03 || it.high < 0.03
        })
    };
    let missed = (0..runs).filter(misses).count() as u64;
    println!("interval: left its rate in {missed} of {runs} at .05");
    assert!(!sure_to_exceed(missed, runs, 0.05));
}
