//! The evidence as a bar: even in the middle, "roll back" at the left end, "advance" at the right, logarithmic.

use crate::canvas::{Anchor, Area, Canvas, Dash, Ground, Placed, Stroke, Words};
use crate::graph::Evidence;
use crate::numbers::{odds, to_one, whole};
use crate::palette::Tone;
use crate::signs::{Sign, draw};
use crate::width::{Weight, width};

const TEXT: f64 = 12.0;
const BAR: f64 = 16.0;
/// What both sentences need beside each other.
const ROOM: f64 = 560.0;

/// Where the bar stands.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// Its left end.
    pub left: f64,
    /// Its right end.
    pub right: f64,
    /// The upper edge of the words over it.
    pub top: f64,
}

/// One end of the bar.
struct Side {
    /// In nats.
    log: f64,
    needed: f64,
    /// Which way, from the middle: −1 or 1.
    way: f64,
    tone: Tone,
}

impl Meter {
    /// The height of all of it, in px; narrow ones have their sentences below each other.
    pub fn height(wide: f64) -> f64 {
        if wide < ROOM { 108.0 } else { 92.0 }
    }

    /// Draws it.
    pub fn draw(&self, canvas: &mut Canvas, evidence: &Evidence) {
        let harm =
            Side { log: evidence.log_harm, needed: evidence.log_harm_needed, way: -1.0, tone: Tone::Harmful };
        let safe =
            Side { log: evidence.log_safe, needed: evidence.log_safe_needed, way: 1.0, tone: Tone::New };
        self.ends(canvas);
        self.bar(canvas, &[&harm, &safe]);
        let (first, second) = if harm.filled() > safe.filled() { (&harm, &safe) } else { (&safe, &harm) };
        [first, second].into_iter().for_each(|side| self.pointer(canvas, side));
        [&harm, &safe].into_iter().for_each(|side| self.scale(canvas, side));
        self.say(canvas, &harm, &safe);
    }

    fn middle(&self) -> f64 {
        f64::midpoint(self.left, self.right)
    }

    /// Where the fill of one side ends.
    fn x(&self, side: &Side, filled: f64) -> f64 {
        self.middle() + side.way * filled * (self.right - self.left) / 2.0
    }

    fn bar_top(&self) -> f64 {
        self.top + 40.0
    }

    fn ends(&self, canvas: &mut Canvas) {
        let y = self.top + 10.0;
        draw(canvas, Sign::Cross, (self.left + 5.0, y - 4.0), Tone::Harmful);
        let back = words((self.left + 14.0, y), Anchor::Start, "Roll back");
        canvas.write(&Words { tone: Tone::Harmful, weight: Weight::Strong, ..back });
        let advance = words((self.right - 15.0, y), Anchor::End, "Advance");
        draw(canvas, Sign::Check, (self.right - 5.0, y - 4.0), Tone::Good);
        canvas.write(&Words { tone: Tone::Good, weight: Weight::Strong, ..advance });
        canvas
            .write(&Words { tone: Tone::Ink2, ..words((self.middle(), y), Anchor::Middle, "keep watching") });
    }

    fn bar(&self, canvas: &mut Canvas, sides: &[&Side]) {
        let (top, bottom) = (self.bar_top(), self.bar_top() + BAR);
        let from = |left: f64, right: f64| Area { left, top, right, bottom };
        let around = from(self.left, self.right);
        canvas.fill(
            Area { left: around.left, top: top - 1.0, right: around.right, bottom: bottom + 1.0 },
            Tone::LineStrong,
            4.0,
        );
        canvas.fill(Area { left: around.left + 1.0, right: around.right - 1.0, ..around }, Tone::Sunken, 3.0);
        for side in sides {
            let (x, middle) = (self.x(side, side.filled()), self.middle());
            if side.filled() > 0.0 {
                let x = x.clamp(self.left + 1.0, self.right - 1.0);
                canvas.fill(from(x.min(middle), x.max(middle)), side.tone, 0.0);
            }
        }
        canvas.fill(from(self.left, self.left + 5.0), Tone::Harmful, 2.0);
        canvas.fill(from(self.right - 5.0, self.right), Tone::Good, 2.0);
        let even = Stroke { tone: Tone::LineStrong, width: 2.0, dash: Dash::Solid };
        canvas.line(&[(self.middle(), top - 5.0), (self.middle(), bottom + 5.0)], even);
    }

    /// A pointer over the end of the fill, with its number where there is room.
    fn pointer(&self, canvas: &mut Canvas, side: &Side) {
        if side.filled() <= 0.0 {
            return;
        }
        let (x, y) =
            (self.x(side, side.filled()).clamp(self.left + 5.0, self.right - 5.0), self.bar_top() - 3.0);
        canvas.shape(&[(x, y), (x - 5.0, y - 7.0), (x + 5.0, y - 7.0)], Tone::Ink);
        let number = to_one(side.log);
        let half = width(&number, TEXT, Weight::Strong) / 2.0;
        // Not beyond the bar's ends.
        let (x, anchor) = match x {
            _ if x - half < self.left => (self.left, Anchor::Start),
            _ if x + half > self.right => (self.right, Anchor::End),
            _ => (x, Anchor::Middle),
        };
        let at = words((x, y - 10.0), anchor, &number);
        let strong = Words { tone: Tone::Ink, weight: Weight::Strong, ..at };
        let _placed = canvas.write_if_free(&strong);
    }

    /// The odds below one half: its end, even, and round ones between them where there is room.
    fn scale(&self, canvas: &mut Canvas, side: &Side) {
        let (y, end) = (self.bar_top() + BAR + 16.0, self.x(side, 1.0));
        let anchor = if side.way < 0.0 { Anchor::Start } else { Anchor::End };
        canvas.write(&words((end, y), anchor, &to_one(side.needed)));
        let _placed = canvas.write_if_free(&words((self.middle(), y), Anchor::Middle, "even"));
        for round in side.between() {
            let x = self.x(side, round / side.needed);
            if canvas.write_if_free(&words((x, y), Anchor::Middle, &to_one(round))) == Placed::Written {
                let tick = Stroke { tone: Tone::LineStrong, width: 1.0, dash: Dash::Solid };
                canvas.line(&[(x, self.bar_top() + BAR + 1.0), (x, self.bar_top() + BAR + 5.0)], tick);
            }
        }
    }

    /// Both numbers in words.
    fn say(&self, canvas: &mut Canvas, harm: &Side, safe: &Side) {
        let y = self.bar_top() + BAR + 36.0;
        let (harms, no_worse) = sentences(harm, safe);
        canvas.write(&words((self.left, y), Anchor::Start, &harms));
        if self.right - self.left < ROOM {
            canvas.write(&words((self.left, y + 16.0), Anchor::Start, &no_worse));
        } else {
            canvas.write(&words((self.right, y), Anchor::End, &no_worse));
        }
    }
}

impl Side {
    /// How much of the way is gone, in `[0,1]`; nothing while the evidence is even or the other way.
    fn filled(&self) -> f64 {
        let part = self.log / self.needed;
        if self.needed > 0.0 && !part.is_nan() { part.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Powers of ten before the end; 5 where there is none.
    fn between(&self) -> Vec<f64> {
        let tens = (1..=6).map(|power| f64::from(power) * std::f64::consts::LN_10);
        let five = 5_f64.ln();
        let all = if self.needed < 100_f64.ln() { vec![five] } else { tens.collect() };
        all.into_iter().filter(|log| *log < self.needed).collect()
    }
}

/// What the evidence says, for both sides.
fn sentences(harm: &Side, safe: &Side) -> (String, String) {
    let of = |side: &Side| format!("{} of {}", whole(&odds(side.log)), to_one(side.needed));
    (format!("evidence that it harms: {}", of(harm)), format!("evidence that it is no worse: {}", of(safe)))
}

fn words(at: (f64, f64), anchor: Anchor, text: &str) -> Words<'_> {
    Words { at, anchor, size: TEXT, weight: Weight::Regular, tone: Tone::Ink3, ground: Ground::Plain, text }
}
