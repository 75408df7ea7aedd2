//! The mirrored side: how soon a sound canary advances, and how seldom one that is worse by the margin does.

use folkops_evidence::{Baseline, Cap, Level, Margin, Safe, Share, bounds};

use crate::clopper_pearson::{at_most, sure_to_exceed};
use crate::crowd::{self, Sweep};

/// Canary visitors after which a run is given up.
const PATIENCE: u64 = 20_000;

/// Canary visitors until "worse by the margin" is excluded at β = .05; none when patience ends first.
fn until_safe(seed: u64, margin: Margin, canary: f64, stable: f64, patience: u64) -> Option<u64> {
    let level = Level::ADVANCE;
    let (mut rng, mut safe) = (crowd::stream(seed), Safe::new(margin, Baseline::UNKNOWN, Cap::ONE_NAT));
    let mut visitors = 0;
    while visitors < patience {
        let block = crowd::arrivals(&mut rng, 20, 0.1, canary, stable);
        visitors += block.canary.visitors();
        safe.observe(&block);
        if safe.reaches(level) {
            return Some(visitors);
        }
    }
    None
}

#[test]
fn a_sound_canary_advances_as_soon_as_was_published() {
    // Stable's rate of failure, δ, and the published median of canary visitors until "advance".
    for (rate, delta, published) in
        [(0.005, 0.02, 290.0), (0.02, 0.02, 525.0), (0.005, 0.01, 735.0), (0.001, 0.005, 1145.0)]
    {
        let margin = Margin::absolute(delta).unwrap();
        let runs = crowd::runs(Sweep::of(200, 2000));
        let mut delays: Vec<u64> =
            (0..runs).filter_map(|seed| until_safe(seed, margin, rate, rate, PATIENCE)).collect();
        delays.sort_unstable();
        assert_eq!(delays.len() as u64, runs, "every sound build advances in the end");
        let median = delays[delays.len() / 2] as f64;
        let bound = bounds::advance(Level::ADVANCE, Share::new(0.1).unwrap(), rate, delta);
        println!(
            "failures {rate}, δ = {delta}: median {median} canary visitors until advance (published {published}), \
             {:.2} × the bound",
            median / bound,
        );
        assert!(median <= 1.1 * published, "{median} {published}");
    }
}

#[test]
fn a_canary_worse_by_the_margin_seldom_advances() {
    let cases = [
        (Margin::absolute(0.02).unwrap(), 0.02 + 0.98 * 0.005, 0.005),
        (Margin::absolute(0.01).unwrap(), 0.01 + 0.99 * 0.005, 0.005),
        (Margin::absolute(0.005).unwrap(), 0.005 + 0.995 * 0.001, 0.001),
        (Margin::ratio(2.0).unwrap(), 0.2, 0.1),
    ];
    for (margin, canary, stable) in cases {
        let runs = crowd::runs(Sweep::of(200, 4000));
        let wrong =
            (0..runs).filter(|seed| until_safe(*seed, margin, canary, stable, 3000).is_some()).count() as u64;
        println!(
            "{margin:?}, failures {canary:.4} against {stable}: {wrong} of {runs} advanced (95 % bound {:.4})",
            at_most(wrong, runs)
        );
        assert!(!sure_to_exceed(wrong, runs, Level::ADVANCE.get()), "{wrong} of {runs}");
    }
}

#[test]
fn a_ratio_lets_a_sound_canary_advance_too() {
    let margin = Margin::ratio(2.0).unwrap();
    assert!((0..50).all(|seed| until_safe(seed, margin, 0.1, 0.1, PATIENCE).is_some()));
}
