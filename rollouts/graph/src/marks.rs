//! What was done: uprights through the panels, and between them a lane of signs, with words where there is room.

use crate::canvas::{Anchor, Area, Canvas, Dash, Placed, Spot, Stroke, Words};
use crate::course::Course;
use crate::graph::{Mark, MarkKind};
use crate::palette::Tone;
use crate::plot::Panel;
use crate::signs::{SIDE, Sign, draw};

/// How a kind of mark looks; a step is told by the share in the panel above.
struct Look {
    sign: Option<Sign>,
    word: &'static str,
    tone: Tone,
    /// What is placed first keeps its room.
    rank: u8,
}

fn look(kind: MarkKind) -> Look {
    let (sign, word, tone, rank) = match kind {
        MarkKind::RolledBack => (Some(Sign::Cross), "rolled back", Tone::Harmful, 0),
        MarkKind::Done => (Some(Sign::Check), "everyone has it", Tone::Good, 0),
        MarkKind::Pause => (Some(Sign::Bars), "paused", Tone::Ink2, 1),
        MarkKind::Resume => (Some(Sign::Play), "went on", Tone::Ink2, 2),
        MarkKind::Deploy => (Some(Sign::Up), "deployed", Tone::Ink2, 3),
        MarkKind::Verdict => (Some(Sign::Tick), "judged", Tone::Ink3, 4),
        MarkKind::Step(_) => (None, "", Tone::Ink2, 5),
    };
    Look { sign, word, tone, rank }
}

/// What a mark is called, and in which colour.
pub fn said(kind: MarkKind) -> (&'static str, Tone) {
    let look = look(kind);
    (look.word, look.tone)
}

/// The dotted upright of one mark, from one height down to another; drawn before the data.
pub fn upright(canvas: &mut Canvas, panel: &Panel<'_>, mark: &Mark, (top, bottom): (f64, f64)) {
    let tone = if mark.kind == MarkKind::RolledBack { Tone::Harmful } else { Tone::LineStrong };
    let x = panel.x(mark.at_ms);
    canvas.line(&[(x, top), (x, bottom)], Stroke { tone, width: panel.pen.hair, dash: Dash::Dots });
}

/// The marks that have an upright: all but verdicts, which may be many.
pub fn events(course: &Course) -> impl Iterator<Item = &Mark> {
    course.marks.iter().filter(|mark| mark.kind != MarkKind::Verdict)
}

/// The signs and words, around this height.
pub fn lane(canvas: &mut Canvas, panel: &Panel<'_>, y: f64) {
    let mut signed: Vec<(Spot, &str, Tone)> = Vec::new();
    for mark in by_rank(panel.course) {
        let Look { sign: Some(sign), word, tone, .. } = look(mark.kind) else { continue };
        let half = SIDE / 2.0 + 1.0;
        let x = panel.x(mark.at_ms).clamp(half, canvas.width() - half);
        let around = Area { left: x - half, top: y - half, right: x + half, bottom: y + half };
        if !canvas.is_taken(&around) {
            draw(canvas, sign, (x, y), tone);
            canvas.take(around);
            signed.push(((x, y), word, tone));
        }
    }
    // Signs come first: one that its neighbour's word displaced would leave its upright unexplained.
    signed.into_iter().for_each(|(at, word, tone)| name(canvas, panel, at, (word, tone)));
}

/// Right of the sign, else left of it, else nowhere.
fn name(canvas: &mut Canvas, panel: &Panel<'_>, (x, y): Spot, (word, tone): (&str, Tone)) {
    let gap = SIDE * 0.9;
    for (x, anchor) in [(x + gap, Anchor::Start), (x - gap, Anchor::End)] {
        let words = Words { tone, ..panel.axis((x, y + panel.pen.text * 0.35), anchor, word) };
        if canvas.write_if_free(&words) == Placed::Written {
            return;
        }
    }
}

/// The most telling first, among equals the latest.
fn by_rank(course: &Course) -> Vec<Mark> {
    let mut marks: Vec<Mark> = course.marks.iter().rev().copied().collect();
    marks.sort_by_key(|mark| look(mark.kind).rank);
    marks
}
