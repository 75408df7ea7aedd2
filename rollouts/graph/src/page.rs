//! The whole picture, for pages: the title, the evidence, the share of people over the failure rates, and where both
//! builds stand now. Narrow ones are a drawing of their own, never a shrunk one.

use crate::alt;
use crate::canvas::{Anchor, Area, Canvas, Dash, Ground, Spot, Stroke, Words};
use crate::course::{Arm, Course, Known};
use crate::graph::Graph;
use crate::marks;
use crate::meter::Meter;
use crate::numbers;
use crate::palette::Tone;
use crate::plot::{Panel, Pen, apart};
use crate::ticks::{RateScale, Tick, moment, rate_scale, time_ticks};
use crate::width::{Weight, width, wrap};

/// Under this width it is a drawing for phones.
const NARROW: f64 = 600.0;
const TEXT: f64 = 12.0;
const TITLE: f64 = 17.0;
const PEN: Pen = Pen { text: TEXT, hair: 1.0, line: 2.0 };
/// The heights of the panels, and of what lies between them.
const SHARE: f64 = 96.0;
const LANE: f64 = 30.0;
const RATES: f64 = 190.0;
const HEADING: f64 = 26.0;

/// Whether there is room for both builds side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Narrow,
    Wide,
}

/// Where things stand on a page so wide.
struct Layout {
    shape: Shape,
    margin: f64,
    width: f64,
    title: Vec<String>,
    /// The upper edge of the evidence.
    meter: f64,
    share: Area,
    rates: Area,
    height: f64,
}

/// Draws the picture.
pub fn draw(graph: &Graph, width: u16) -> String {
    let wide = f64::from(width.clamp(320, 1600));
    // Three px a point is as fine as anybody sees.
    let course = Course::of(graph, (wide / 3.0) as u16);
    let scale = rate_scale(&course, graph.limit);
    let layout = Layout::of(graph, &scale, wide);
    let mut canvas = Canvas::new(graph.theme, wide, layout.height);
    layout.heading(&mut canvas, graph);
    if let Some(evidence) = &graph.evidence {
        let meter = Meter { left: layout.margin, right: wide - layout.margin, top: layout.meter };
        meter.draw(&mut canvas, evidence);
    }
    layout.panels(&mut canvas, graph, &course, &scale);
    canvas.finish(&alt::name(graph), &alt::alt(graph))
}

impl Layout {
    fn of(graph: &Graph, scale: &RateScale, wide: f64) -> Self {
        let (shape, margin, beside) =
            if wide < NARROW { (Shape::Narrow, 12.0, 128.0) } else { (Shape::Wide, 20.0, 226.0) };
        let title = match graph.title.trim() {
            "" => Vec::new(),
            title => wrap(title, TITLE, Weight::Strong, wide - 2.0 * margin),
        };
        let about = if graph.about.trim().is_empty() { 0.0 } else { 20.0 };
        let meter = margin + 24.0 * title.len() as f64 + about + if title.is_empty() { 0.0 } else { 16.0 };
        let evidence = graph.evidence.map_or(0.0, |_| Meter::height(wide - 2.0 * margin) + 26.0);
        let words = scale.ticks.iter().map(|tick| tick.word.as_str()).chain(["100\u{a0}%"]);
        let widest = words.map(|word| width(word, TEXT, Weight::Regular)).fold(0.0, f64::max);
        let (left, right) = (margin + widest + 8.0, wide - margin - beside);
        let share_top = meter + evidence + HEADING;
        let share = Area { left, top: share_top, right, bottom: share_top + SHARE };
        let top = share.bottom + LANE + HEADING + 4.0;
        let rates = Area { top, bottom: top + RATES, ..share };
        Self { shape, margin, width: wide, title, meter, share, rates, height: rates.bottom + 26.0 + margin }
    }

    fn heading(&self, canvas: &mut Canvas, graph: &Graph) {
        let mut y = self.margin + TITLE;
        for line in &self.title {
            let (weight, tone) = (Weight::Strong, Tone::Ink);
            canvas.write(&Words { size: TITLE, weight, tone, ..plain((self.margin, y), line) });
            y += 24.0;
        }
        if !graph.about.trim().is_empty() {
            let room = self.width - 2.0 * self.margin;
            let about = crate::width::cut(graph.about.trim(), 13.0, Weight::Regular, room);
            canvas.write(&Words { size: 13.0, tone: Tone::Ink2, ..plain((self.margin, y - 3.0), &about) });
        }
    }

    fn panels(&self, canvas: &mut Canvas, graph: &Graph, course: &Course, scale: &RateScale) {
        let share = Panel { area: self.share, course, top: 1.0, pen: PEN };
        let rates = Panel { area: self.rates, course, top: scale.top, pen: PEN };
        let has_visitors = course.latest(Arm::Current).or(course.latest(Arm::New)).is_some();
        share.rates(canvas, &share_ticks());
        let shown =
            if has_visitors { scale.ticks.as_slice() } else { scale.ticks.get(..1).unwrap_or_default() };
        rates.rates(canvas, shown);
        if !course.seen.is_empty() || !course.marks.is_empty() {
            let most = if self.rates.right - self.rates.left < 360.0 { 4 } else { 6 };
            rates.times(canvas, &time_ticks(course, graph.times, most));
        }
        for mark in marks::events(course) {
            marks::upright(canvas, &share, mark, (self.share.top, self.share.bottom));
            marks::upright(canvas, &rates, mark, (self.rates.top, self.rates.bottom));
        }
        self.name(canvas, self.share, "People on the new build", "root scale");
        let band = if has_visitors { "bands: 95 % intervals" } else { "" };
        self.name(canvas, self.rates, &graph.counted, band);
        share.share(canvas);
        label_steps(canvas, &share);
        marks::lane(canvas, &share, self.share.bottom + LANE / 2.0 + 2.0);
        if has_visitors {
            self.now(canvas, graph, &rates);
            failures(canvas, &rates, graph.limit);
        } else {
            nobody(canvas, self.rates);
        }
    }

    /// The name of a panel, with a note at its right end where there is room.
    fn name(&self, canvas: &mut Canvas, panel: Area, name: &str, note: &str) {
        let y = panel.top - 13.0;
        let room = panel.right - self.margin;
        let name = crate::width::cut(name, TEXT, Weight::Strong, room);
        let strong = Words { weight: Weight::Strong, tone: Tone::Ink, ..plain((self.margin, y), &name) };
        canvas.write(&strong);
        let _placed = canvas.write_if_free(&Words { anchor: Anchor::End, ..plain((panel.right, y), note) });
    }

    /// Both builds as they stand now, beside the panel of the rates.
    fn now(&self, canvas: &mut Canvas, graph: &Graph, rates: &Panel<'_>) {
        let moment = moment(rates.course, graph.times);
        let heading = if rates.course.is_rolled_back() { "Last seen" } else { &moment };
        let at = (self.rates.right + 18.0, self.rates.top - 13.0);
        canvas.write(&Words { weight: Weight::Strong, tone: Tone::Ink, ..plain(at, heading) });
        for (arm, y) in self.heights(rates) {
            let (mark, words) = self.beside(arm);
            let Some(known) = rates.course.latest(arm) else { continue };
            whisker(canvas, rates, arm, (mark, known));
            say(canvas, arm, (words, y), known);
        }
    }

    /// Where the mark of a build stands, and its words; narrow pictures have all words below each other.
    fn beside(&self, arm: Arm) -> (f64, f64) {
        let (mark, words) = match (arm, self.shape) {
            (Arm::New, Shape::Wide) => (22.0, 34.0),
            (Arm::Current, Shape::Wide) => (122.0, 134.0),
            (Arm::New, Shape::Narrow) => (16.0, 42.0),
            (Arm::Current, Shape::Narrow) => (30.0, 42.0),
        };
        (self.rates.right + mark, self.rates.right + words)
    }

    /// The heights of the words of the builds of which something is known.
    fn heights(&self, rates: &Panel<'_>) -> Vec<(Arm, f64)> {
        let bounds = (self.rates.top + 8.0, self.rates.bottom - 18.0);
        let height = |arm| Some((arm, rates.y(rates.course.latest(arm)?.rate).clamp(bounds.0, bounds.1)));
        let mut heights: Vec<_> = [Arm::New, Arm::Current].into_iter().filter_map(height).collect();
        if let (Shape::Narrow, [(_, new), (_, current)]) = (self.shape, heights.as_mut_slice()) {
            (*new, *current) = apart((*new, *current), 36.0, bounds);
        }
        heights
    }
}

/// The failure rates of both builds; the new one lies on top.
fn failures(canvas: &mut Canvas, rates: &Panel<'_>, limit: Option<f64>) {
    for arm in [Arm::Current, Arm::New] {
        rates.band(canvas, arm);
    }
    if let Some(limit) = limit.filter(|limit| (0.0..=1.0).contains(limit)) {
        rates.limit(canvas, limit, &format!("harmful from {}", numbers::percent(limit)));
    }
    for arm in [Arm::Current, Arm::New] {
        rates.rate(canvas, arm);
        // A line that runs up to now has its mark beside the panel; one that ended, or is a dot, has it here.
        let is_dot = rates.course.known(arm).nth(1).is_none();
        let now = rates.course.seen.last().map(|one| one.at_ms);
        if let Some((_, at)) = rates.end(arm).filter(|(at_ms, _)| is_dot || Some(*at_ms) != now) {
            rates.mark(canvas, arm, at);
        }
    }
}

/// What stands where rates would.
fn nobody(canvas: &mut Canvas, area: Area) {
    let at = (f64::midpoint(area.left, area.right), f64::midpoint(area.top, area.bottom));
    let words =
        Words { size: 14.0, tone: Tone::Ink2, anchor: Anchor::Middle, ..plain(at, "No visitors yet") };
    canvas.write(&words);
}

/// Shares on the scale of roots.
fn share_ticks() -> [Tick; 5] {
    [(0.0, "0"), (0.05, "5"), (0.25, "25"), (0.5, "50"), (1.0, "100\u{a0}%")]
        .map(|(share, word): (f64, _)| Tick { at: share.sqrt(), word: word.to_owned() })
}

/// The share on each step; the last one first, since it is the one that holds.
fn label_steps(canvas: &mut Canvas, panel: &Panel<'_>) {
    let mut starts: Vec<(i64, f64)> = Vec::new();
    for one in &panel.course.seen {
        if starts.last().is_none_or(|(_, share)| *share != one.share) {
            starts.push((one.at_ms, one.share));
        }
    }
    let end = panel.course.seen.last().map_or(panel.area.right, |one| panel.x(one.at_ms));
    let mut right = f64::INFINITY;
    for (at_ms, share) in starts.into_iter().rev() {
        let (x, y, word) = (panel.x(at_ms), panel.y(share.sqrt()), numbers::share(share));
        let wide = width(&word, TEXT, Weight::Regular);
        // Under the line where there is no room above it.
        let y = if y - TEXT - 6.0 < panel.area.top { y + TEXT + 5.0 } else { y - 6.0 };
        let fits = x + 6.0 + wide <= right.min(panel.area.right);
        let is_last = right.is_infinite();
        let spot =
            if fits { Some((x + 6.0, Anchor::Start)) } else { is_last.then_some((end - 8.0, Anchor::End)) };
        if let Some((x, anchor)) = spot {
            let words = Words { tone: Tone::Ink2, ground: Ground::Data, anchor, ..plain((x, y), &word) };
            let _placed = canvas.write_if_free(&words);
        }
        right = x;
    }
}

/// The interval of a build as an upright with both ends, and its mark on it.
fn whisker(canvas: &mut Canvas, rates: &Panel<'_>, arm: Arm, (x, known): (f64, Known)) {
    let stroke = Stroke { width: 2.0, dash: Dash::Solid, ..rates.stroke(arm) };
    let y = |rate: f64| rates.y(rate).max(rates.area.top);
    if let Some((low, high)) = known.interval {
        canvas.line(&[(x, y(high)), (x, y(low))], stroke);
        for end in [low, high] {
            canvas.line(&[(x - 4.0, y(end)), (x + 4.0, y(end))], stroke);
        }
    }
    rates.mark(canvas, arm, (x, y(known.rate)));
}

/// A build's rate and its interval in words, around this height.
fn say(canvas: &mut Canvas, arm: Arm, (x, y): Spot, known: Known) {
    let (name, tone) = match arm {
        Arm::Current => ("current", Tone::Current),
        Arm::New => ("new", Tone::New),
    };
    let rate = format!("{name} {}", numbers::percent(known.rate));
    canvas.write(&Words { weight: Weight::Strong, tone, ..plain((x, y), &rate) });
    if let Some(interval) = known.interval {
        canvas.write(&plain((x, y + 15.0), &numbers::interval(interval)));
    }
}

fn plain(at: Spot, text: &str) -> Words<'_> {
    let (anchor, weight) = (Anchor::Start, Weight::Regular);
    Words { at, anchor, size: TEXT, weight, tone: Tone::Ink3, ground: Ground::Plain, text }
}
