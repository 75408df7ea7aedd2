//! Plain line drawings as SVG: evenly spaced places across, a linear height.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 370.0;
/// Colours that people who confuse red and green tell apart (Okabe and Ito); ours is the first.
const COLOURS: [&str; 8] =
    ["#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73", "#cc79a7", "#8a6d00", "#777777"];

pub struct Line {
    pub name: &'static str,
    /// One for each tick; none where it has no value.
    pub points: Vec<Option<f64>>,
}

pub struct Plot {
    pub title: &'static str,
    pub across: &'static str,
    pub up: &'static str,
    pub ticks: Vec<String>,
    pub height: (f64, f64),
    pub marks: Vec<(f64, &'static str)>,
    pub lines: Vec<Line>,
}

impl Plot {
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
             <title>{0}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"15\">{0}</text>\n",
            self.title
        );
        for (value, name) in &self.marks {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#ddd\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for (at, name) in self.ticks.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{name}</text>",
                self.x(at),
                BOTTOM + 20.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, RIGHT),
            BOTTOM + 45.0,
            self.across
        );
        let _ = writeln!(
            svg,
            "<text transform=\"translate(18 {:.0}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(TOP, BOTTOM),
            self.up
        );
        for (at, line) in self.lines.iter().enumerate() {
            self.line(&mut svg, line, at);
        }
        svg + "</svg>\n"
    }

    fn line(&self, svg: &mut String, line: &Line, at: usize) {
        let colour = COLOURS[at % COLOURS.len()];
        let width = if line.name.starts_with("FolkOps") { 3 } else { 1 };
        let mut path = String::new();
        let mut is_open = false;
        for (tick, point) in line.points.iter().enumerate() {
            let Some(value) = point else {
                is_open = false;
                continue;
            };
            let (x, y) = (self.x(tick), self.y(*value));
            let _ = write!(path, "{}{x:.1} {y:.1}", if is_open { "L" } else { "M" });
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            is_open = true;
        }
        let _ =
            writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>");
        let y = TOP + 20.0 * at as f64;
        let (from, to) = (RIGHT + 20.0, RIGHT + 40.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{from} {y}H{to}\" stroke=\"{colour}\" stroke-width=\"{width}\"/><text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            to + 6.0,
            y + 4.0,
            line.name
        );
    }

    fn x(&self, at: usize) -> f64 {
        let step = (RIGHT - LEFT) / self.ticks.len() as f64;
        LEFT + step * (at as f64 + 0.5)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.height;
        BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)
    }
}
