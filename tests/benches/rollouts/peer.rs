//! What the peers' rules have in common here: they look at windows, and one figure makes them stricter or laxer.

use crate::world::Window;

/// A rule as a peer has it.
pub trait Peer: Sync {
    /// With its settings.
    fn name(&self) -> &'static str;
    /// The figure that its documentation shows.
    fn documented(&self) -> f64;
    /// The window at whose end it rolls back, with this figure; a greater figure is laxer.
    fn rolls_back(&self, windows: &[Window], figure: f64) -> Option<usize>;
    /// The least figure with which it does not.
    fn least(&self, windows: &[Window]) -> f64;
}

/// The figure that is passed in one run of a hundred.
pub fn tuned(mut least: Vec<f64>) -> f64 {
    least.sort_by(f64::total_cmp);
    least[least.len() - 1 - least.len() / 100]
}

/// The `nth` greatest share, counted from 0; 0 when there are not so many.
pub fn greatest(mut shares: Vec<f64>, nth: usize) -> f64 {
    shares.sort_by(|one, other| other.total_cmp(one));
    shares.get(nth).copied().unwrap_or(0.0)
}
