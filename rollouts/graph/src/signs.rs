//! Small drawn signs: a state is never said by colour alone, and no font needs to have them.

use crate::canvas::{Canvas, Dash, Spot, Stroke};
use crate::palette::Tone;

/// A sign, ten px wide and high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Harm, back.
    Cross,
    /// Done, no worse.
    Check,
    /// Started.
    Up,
    /// Held.
    Bars,
    /// Going on.
    Play,
    /// Judged.
    Tick,
}

/// The width of every sign, in px.
pub const SIDE: f64 = 10.0;

/// Draws a sign around its middle.
pub fn draw(canvas: &mut Canvas, sign: Sign, (x, y): Spot, tone: Tone) {
    let at = |right: f64, down: f64| (x + right, y + down);
    let thick = Stroke { tone, width: 2.0, dash: Dash::Solid };
    match sign {
        Sign::Cross => {
            canvas.line(&[at(-3.5, -3.5), at(3.5, 3.5)], thick);
            canvas.line(&[at(-3.5, 3.5), at(3.5, -3.5)], thick);
        }
        Sign::Check => canvas.line(&[at(-4.5, 0.0), at(-1.0, 3.5), at(4.5, -3.5)], thick),
        Sign::Up => canvas.shape(&[at(-4.5, 4.0), at(0.0, -4.0), at(4.5, 4.0)], tone),
        Sign::Bars => {
            canvas.line(&[at(-2.5, -4.0), at(-2.5, 4.0)], thick);
            canvas.line(&[at(2.5, -4.0), at(2.5, 4.0)], thick);
        }
        Sign::Play => canvas.shape(&[at(-3.0, -4.5), at(4.5, 0.0), at(-3.0, 4.5)], tone),
        Sign::Tick => canvas.line(&[at(0.0, -3.5), at(0.0, 3.5)], Stroke { width: 1.5, ..thick }),
    }
}
