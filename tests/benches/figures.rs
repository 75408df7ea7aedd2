//! Rounds and what they add up to: medians, spreads and ratios of figures that were taken side by side.
//!
//! A machine is never equally fast twice, so contenders take turns within a round, a ratio is made of figures of the
//! same round only, and the median of many ratios is what counts. No figure is dropped.

use std::fmt;

/// One contender's figure in every round, in the order of the rounds.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds the figure of the next round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// This series ÷ another one, round by round.
    pub fn over(&self, other: &Self) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "a ratio needs the same rounds");
        self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect()
    }

    /// This series less another one, round by round.
    pub fn less(&self, other: &Self) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "a difference needs the same rounds");
        self.0.iter().zip(&other.0).map(|(ours, theirs)| ours - theirs).collect()
    }

    /// The figure in the middle; between the two middle ones when they are two.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
    }

    /// The smallest one.
    pub fn least(&self) -> f64 {
        self.sorted()[0]
    }

    /// The greatest one.
    pub fn most(&self) -> f64 {
        self.sorted()[self.0.len() - 1]
    }

    fn sorted(&self) -> Vec<f64> {
        assert!(!self.0.is_empty(), "there was at least one round");
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// The median, then the least and the most in brackets; the format's precision is used for all three.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(2);
        let (median, least, most) = (self.median(), self.least(), self.most());
        write!(f, "{median:.places$} [{least:.places$} … {most:.places$}]")
    }
}

/// Says whether an aim is met, in one line with the figure.
pub fn aim(what: &str, figure: f64, wanted: Aim) -> String {
    let (met, sign, bound) = match wanted {
        Aim::AtLeast(bound) => (figure >= bound, "≥", bound),
        Aim::AtMost(bound) => (figure <= bound, "≤", bound),
    };
    let verdict = if met { "met" } else { "MISSED" };
    format!("aim {sign} {bound}: {verdict}: {what} = {figure:.2}")
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}
