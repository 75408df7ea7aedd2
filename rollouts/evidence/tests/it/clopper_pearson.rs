//! One-sided exact bounds for a proportion (Clopper and Pearson 1934), at 95 %.

use statrs::distribution::{Beta, ContinuousCDF};

/// The largest rate that is not refuted by `hits` of `runs`.
pub fn at_most(hits: u64, runs: u64) -> f64 {
    if hits == runs {
        1.0
    } else {
        Beta::new(hits as f64 + 1.0, (runs - hits) as f64).unwrap().inverse_cdf(0.95)
    }
}

/// Whether so many hits refute, at 95 %, that the rate is at most `claimed`.
pub fn sure_to_exceed(hits: u64, runs: u64, claimed: f64) -> bool {
    hits > 0 && Beta::new(hits as f64, (runs - hits + 1) as f64).unwrap().inverse_cdf(0.05) > claimed
}

#[test]
fn the_bounds_are_the_ones_in_the_tables() {
    assert!((at_most(0, 100) - 0.029_513).abs() < 1e-5);
    assert!((at_most(5, 100) - 0.102_253).abs() < 1e-5);
    assert!(sure_to_exceed(30, 1000, 0.01) && !sure_to_exceed(14, 1000, 0.01));
}
