//! The picture for a message in a room: the failure rates alone in letters that hold at a third of the size.

use crate::alt;
use crate::canvas::{Anchor, Area, Canvas, Ground, Placed, Spot, Words};
use crate::course::{Arm, Course};
use crate::graph::{Graph, Mark, MarkKind};
use crate::marks;
use crate::numbers;
use crate::palette::Tone;
use crate::plot::{Panel, Pen, apart};
use crate::ticks::{rate_scale, time_ticks};
use crate::width::{Weight, cut, width};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 28.0;
const TEXT: f64 = 28.0;
const PEN: Pen = Pen { text: TEXT, hair: 2.0, line: 4.0 };

/// Draws the picture.
pub fn draw(graph: &Graph) -> String {
    let course = Course::of(graph, 200);
    let mut canvas = Canvas::new(graph.theme, WIDTH, HEIGHT);
    heading(&mut canvas, graph);
    let scale = rate_scale(&course, None);
    let words = scale.ticks.iter().map(|tick| width(&tick.word, TEXT, Weight::Regular));
    let left = (words.fold(0.0, f64::max) + 34.0).max(84.0);
    let area = Area { left, top: 122.0, right: 768.0, bottom: 364.0 };
    let panel = Panel { area, course: &course, top: scale.top, pen: PEN };
    if course.latest(Arm::Current).or(course.latest(Arm::New)).is_none() {
        nobody(&mut canvas);
    } else {
        panel.rates(&mut canvas, &scale.ticks);
        panel.times(&mut canvas, &time_ticks(&course, graph.times, 5));
        let (ended, step) = told(&course);
        for mark in ended.iter().chain(&step) {
            marks::upright(&mut canvas, &panel, mark, (area.top - 8.0, area.bottom));
        }
        [Arm::Current, Arm::New].into_iter().for_each(|arm| panel.band(&mut canvas, arm));
        for arm in [Arm::Current, Arm::New] {
            panel.rate(&mut canvas, arm);
        }
        name_ends(&mut canvas, &panel);
        name_marks(&mut canvas, &panel, told(&course));
    }
    canvas.finish(&alt::name(graph), &alt::alt(graph))
}

fn heading(canvas: &mut Canvas, graph: &Graph) {
    let room = WIDTH - 2.0 * MARGIN;
    let title = graph.title.trim();
    let size = if width(title, 34.0, Weight::Strong) <= room { 34.0 } else { 30.0 };
    let title = cut(title, size, Weight::Strong, room);
    canvas.write(&Words { size, weight: Weight::Strong, tone: Tone::Ink, ..plain((MARGIN, 50.0), &title) });
    let about = cut(graph.about.trim(), 27.0, Weight::Regular, room);
    canvas.write(&Words { size: 27.0, ..plain((MARGIN, 89.0), &about) });
}

fn nobody(canvas: &mut Canvas) {
    let words = plain((WIDTH / 2.0, 252.0), "No visitors yet");
    canvas.write(&Words { size: 34.0, anchor: Anchor::Middle, ..words });
}

/// Each build's mark, name and rate: at its line's end where there is room, else in the column beside the panel.
fn name_ends(canvas: &mut Canvas, panel: &Panel<'_>) {
    let mut ends = [Arm::Current, Arm::New].map(|arm| End::of(panel, arm));
    if let [Some(current), Some(new)] = &mut ends
        && new.inline(panel).is_none()
        && current.inline(panel).is_none()
    {
        let bounds = (panel.area.top + 10.0, panel.area.bottom - 30.0);
        (new.at.1, current.at.1) = apart((new.at.1, current.at.1), 74.0, bounds);
        // Two ends close together would hide each other's mark.
        new.mark = (panel.area.right + 13.0, new.at.1 - 16.0);
        current.mark = (panel.area.right + 13.0, current.at.1 - 16.0);
    }
    ends.iter().flatten().for_each(|end| end.write(canvas, panel));
}

/// Where a build's line ends, and what it says there.
struct End {
    arm: Arm,
    /// Where its words stand.
    at: Spot,
    /// Where its mark stands.
    mark: Spot,
    name: &'static str,
    rate: String,
    tone: Tone,
}

impl End {
    fn of(panel: &Panel<'_>, arm: Arm) -> Option<Self> {
        let (_, at) = panel.end(arm)?;
        let known = panel.course.latest(arm)?;
        let (name, tone) = match arm {
            Arm::Current => ("current build", Tone::Current),
            Arm::New => ("new build", Tone::New),
        };
        Some(Self { arm, at, mark: at, name, rate: numbers::percent(known.rate), tone })
    }

    /// All in one line, if that ends before the panel does.
    fn inline(&self, panel: &Panel<'_>) -> Option<String> {
        let text = format!("{} {}", self.name, self.rate);
        let end = self.at.0 + 22.0 + width(&text, TEXT, Weight::Strong);
        (end <= panel.area.right).then_some(text)
    }

    fn write(&self, canvas: &mut Canvas, panel: &Panel<'_>) {
        let strong =
            Words { weight: Weight::Strong, tone: self.tone, ground: Ground::Data, ..plain(self.at, "") };
        panel.mark(canvas, self.arm, self.mark);
        if let Some(text) = self.inline(panel) {
            canvas.write(&Words { at: (self.at.0 + 22.0, self.at.1 + 9.0), text: &text, ..strong });
            return;
        }
        let x = panel.area.right + 32.0;
        canvas.write(&Words { at: (x, self.at.1 - 6.0), text: self.name, ..strong });
        canvas.write(&Words { at: (x, self.at.1 + 27.0), text: &self.rate, ..strong });
    }
}

/// The marks that are told: what ended or holds it, and the last step. More find no room.
fn told(course: &Course) -> (Option<Mark>, Option<Mark>) {
    let last = |of: fn(&MarkKind) -> bool| course.marks.iter().rev().find(|mark| of(&mark.kind)).copied();
    let end = last(|kind| !matches!(kind, MarkKind::Step(_) | MarkKind::Deploy | MarkKind::Verdict));
    (end.filter(|mark| mark.kind != MarkKind::Resume), last(|kind| matches!(kind, MarkKind::Step(_))))
}

fn name_marks(canvas: &mut Canvas, panel: &Panel<'_>, (end, step): (Option<Mark>, Option<Mark>)) {
    let y = panel.area.top + 24.0;
    if let Some(mark) = end {
        let (word, tone) = marks::said(mark.kind);
        beside(canvas, (panel.x(mark.at_ms), y), (word, tone), [Anchor::Start, Anchor::End]);
    }
    if let Some(mark) = step
        && let Some(share) = panel.course.share_from(mark.at_ms).filter(|share| *share > 0.0)
    {
        let word = format!("{} get it", numbers::share(share));
        beside(canvas, (panel.x(mark.at_ms), y), (&word, Tone::Ink2), [Anchor::End, Anchor::Start]);
    }
}

/// Words on the first side of an upright on which they find room.
fn beside(canvas: &mut Canvas, (x, y): Spot, (text, tone): (&str, Tone), sides: [Anchor; 2]) {
    let wide = width(text, TEXT, Weight::Regular);
    for anchor in sides {
        let at = if anchor == Anchor::Start { x + 13.0 } else { x - 13.0 };
        let fits = if anchor == Anchor::Start { at + wide <= WIDTH - MARGIN } else { at - wide >= 90.0 };
        let words = Words { tone, anchor, ground: Ground::Data, ..plain((at, y), text) };
        if fits && canvas.write_if_free(&words) == Placed::Written {
            return;
        }
    }
}

fn plain(at: Spot, text: &str) -> Words<'_> {
    let (anchor, weight) = (Anchor::Start, Weight::Regular);
    Words { at, anchor, size: TEXT, weight, tone: Tone::Ink2, ground: Ground::Plain, text }
}
