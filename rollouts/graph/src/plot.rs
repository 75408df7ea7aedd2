//! The panels over one time axis: how far the new build has come, and how well both do.

use crate::canvas::{Anchor, Area, Canvas, Dash, Ground, Spot, Stroke, Words};
use crate::course::{Arm, Course, Known};
use crate::palette::Tone;
use crate::ticks::Tick;
use crate::width::Weight;

/// How large and heavy things are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    /// The height of the axes' letters, in px.
    pub text: f64,
    /// Hairlines.
    pub hair: f64,
    /// The current build's line; the new one's is a quarter thicker.
    pub line: f64,
}

/// A panel: a time axis below, rates upwards.
#[derive(Debug, Clone, Copy)]
pub struct Panel<'a> {
    /// Where it stands.
    pub area: Area,
    /// What is drawn in it.
    pub course: &'a Course,
    /// The rate at its upper edge.
    pub top: f64,
    /// How.
    pub pen: Pen,
}

impl Panel<'_> {
    /// Where a time stands.
    pub fn x(&self, at_ms: i64) -> f64 {
        self.area.left + self.course.fraction(at_ms) * (self.area.right - self.area.left)
    }

    /// Where a rate stands; over the upper edge if it is larger than the top.
    pub fn y(&self, rate: f64) -> f64 {
        self.area.bottom - rate / self.top * (self.area.bottom - self.area.top)
    }

    /// Hairlines across at the ticks, and their words at the left.
    pub fn rates(&self, canvas: &mut Canvas, ticks: &[Tick]) {
        for tick in ticks {
            let y = self.area.bottom - tick.at * (self.area.bottom - self.area.top);
            let tone = if tick.at > 0.0 { Tone::Line } else { Tone::LineStrong };
            let stroke = Stroke { tone, width: self.pen.hair, dash: Dash::Solid };
            canvas.line(&[(self.area.left, y), (self.area.right, y)], stroke);
            let at = (self.area.left - self.pen.text * 0.65, y + self.pen.text * 0.35);
            canvas.write(&self.axis(at, Anchor::End, &tick.word));
        }
    }

    /// Times below.
    pub fn times(&self, canvas: &mut Canvas, ticks: &[Tick]) {
        for tick in ticks {
            let x = self.area.left + tick.at * (self.area.right - self.area.left);
            let at = (x, self.area.bottom + self.pen.text * 1.5);
            // A time that finds no room between two others is the one that is missed least.
            let _placed = canvas.write_if_free(&self.axis(at, Anchor::Middle, &tick.word));
        }
    }

    /// The share of people as steps with the area below, on a scale of roots so that 1 % is seen.
    pub fn share(&self, canvas: &mut Canvas) {
        let mut steps: Vec<Spot> = Vec::new();
        for one in &self.course.seen {
            let (x, y) = (self.x(one.at_ms), self.y(one.share.sqrt()));
            if let Some((_, before)) = steps.last().copied().filter(|(_, before)| *before != y) {
                steps.push((x, before));
            }
            steps.push((x, y));
        }
        let (Some(first), Some(last)) = (steps.first().copied(), steps.last().copied()) else { return };
        let below = [(last.0, self.area.bottom), (first.0, self.area.bottom)];
        canvas.wash(&[steps.as_slice(), &below].concat(), Tone::New, 0.13);
        canvas.line(&steps, self.stroke(Arm::New));
        canvas.disc(last, self.pen.line * 2.0);
    }

    /// The interval of a build as a band; what is over the upper edge ends there.
    pub fn band(&self, canvas: &mut Canvas, arm: Arm) {
        for run in self.runs(arm, |known| known.interval.is_some()) {
            let end = |at: &(i64, Known), of: fn((f64, f64)) -> f64| {
                let rate = at.1.interval.map_or(at.1.rate, of);
                (self.x(at.0), self.y(rate))
            };
            let high: Vec<Spot> = run.iter().map(|at| end(at, |(_, high)| high)).collect();
            let low: Vec<Spot> = run.iter().map(|at| end(at, |(low, _)| low)).collect();
            let edge = [self.with_crossings(&high), low.iter().rev().copied().collect()].concat();
            let around = edge.into_iter().map(|(x, y)| (x, y.max(self.area.top)));
            let (tone, opacity) = match arm {
                Arm::Current => (Tone::Current, 0.16),
                Arm::New => (Tone::New, 0.15),
            };
            canvas.wash(&around.collect::<Vec<_>>(), tone, opacity);
            if arm == Arm::New {
                let dots = Stroke { tone, width: self.pen.hair, dash: Dash::Dots };
                self.inside(&high).iter().chain(&self.inside(&low)).for_each(|line| canvas.line(line, dots));
            }
        }
    }

    /// The failure rate of a build.
    pub fn rate(&self, canvas: &mut Canvas, arm: Arm) {
        for run in self.runs(arm, |_| true) {
            let through: Vec<Spot> =
                run.iter().map(|(at, known)| (self.x(*at), self.y(known.rate))).collect();
            self.inside(&through).iter().for_each(|line| canvas.line(line, self.stroke(arm)));
        }
    }

    /// Where the failure rate of a build ends, and when.
    pub fn end(&self, arm: Arm) -> Option<(i64, Spot)> {
        let (at_ms, known) = self.course.known(arm).last()?;
        Some((at_ms, (self.x(at_ms), self.y(known.rate).max(self.area.top))))
    }

    /// The mark of a build: round for the new one, a hollow square for the current one.
    pub fn mark(&self, canvas: &mut Canvas, arm: Arm, at: Spot) {
        match arm {
            Arm::Current => canvas.square(at, self.pen.line * 4.0),
            Arm::New => canvas.disc(at, self.pen.line * 2.5),
        }
    }

    /// A threshold, named on its line.
    pub fn limit(&self, canvas: &mut Canvas, rate: f64, name: &str) {
        let y = self.y(rate);
        let stroke = Stroke { tone: Tone::Harmful, width: self.pen.hair * 1.5, dash: Dash::Dashes };
        canvas.line(&[(self.area.left, y), (self.area.right, y)], stroke);
        let at = (self.area.left + self.pen.text * 0.5, y - self.pen.text * 0.5);
        let words = Words { tone: Tone::Harmful, ground: Ground::Data, ..self.axis(at, Anchor::Start, name) };
        let _placed = canvas.write_if_free(&words);
    }

    /// How a build's line is drawn.
    pub fn stroke(&self, arm: Arm) -> Stroke {
        let (tone, width) = match arm {
            Arm::Current => (Tone::Current, self.pen.line),
            Arm::New => (Tone::New, self.pen.line * 1.25),
        };
        Stroke { tone, width, dash: Dash::Solid }
    }

    /// Words as axes have them.
    pub fn axis<'w>(&self, at: Spot, anchor: Anchor, text: &'w str) -> Words<'w> {
        let (size, weight, ground) = (self.pen.text, Weight::Regular, Ground::Plain);
        Words { at, anchor, size, weight, tone: Tone::Ink3, ground, text }
    }

    /// What is known of a build, parted where nothing is.
    fn runs(&self, arm: Arm, counts: impl Fn(&Known) -> bool) -> Vec<Vec<(i64, Known)>> {
        let parts = self.course.seen.split(|one| !one.arm(arm).is_some_and(|known| counts(&known)));
        let known = |part: &[crate::course::Seen]| {
            part.iter().filter_map(|one| Some((one.at_ms, one.arm(arm)?))).collect::<Vec<_>>()
        };
        parts.map(known).filter(|run| !run.is_empty()).collect()
    }

    /// The parts of a line that lie under the upper edge, cut where it crosses.
    fn inside(&self, line: &[Spot]) -> Vec<Vec<Spot>> {
        let line = self.with_crossings(line);
        let parts = line.split(|(_, y)| *y < self.area.top).map(<[Spot]>::to_vec);
        parts.filter(|part| part.len() > 1).collect()
    }

    /// A line with a corner wherever it crosses the upper edge.
    fn with_crossings(&self, line: &[Spot]) -> Vec<Spot> {
        let top = self.area.top;
        let mut corners: Vec<Spot> = Vec::with_capacity(line.len());
        for spot in line.iter().copied() {
            let crossing = corners.last().copied().filter(|last| (last.1 < top) != (spot.1 < top));
            corners.extend(crossing.map(|last| cut(last, spot, top)));
            corners.push(spot);
        }
        corners
    }
}

/// Where the way between two places has this height, which lies between theirs.
fn cut(from: Spot, to: Spot, y: f64) -> Spot {
    (from.0 + (to.0 - from.0) * (y - from.1) / (to.1 - from.1), y)
}

/// Two heights with at least this gap between them, in their order and within bounds.
pub fn apart((one, other): (f64, f64), gap: f64, (top, bottom): (f64, f64)) -> (f64, f64) {
    if (one - other).abs() >= gap {
        return (one, other);
    }
    let upper = (f64::midpoint(one, other) - gap / 2.0).clamp(top, bottom - gap);
    if one <= other { (upper, upper + gap) } else { (upper + gap, upper) }
}
