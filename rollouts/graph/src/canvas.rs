//! SVG as text, a shape at a time, with a memory of where words already stand.
//!
//! Only presentation attributes are written: no style, no script, no reference, so that the strictest content policy
//! lets the picture pass. Every word is escaped here, and nowhere else.
//!
//! INVARIANT: every coordinate is finite and within the canvas, whatever is asked for.

use std::fmt::Write as _;

use crate::graph::Theme;
use crate::palette::{Tone, colour};
use crate::width::{Weight, width};

/// The page's own stack; the embedded face is in it, so that a PNG finds it.
const FAMILY: &str = "-apple-system, 'Segoe UI Variable Text', 'Segoe UI', Inter, 'Adwaita Sans', Roboto, 'Noto Sans', 'Liberation Sans', system-ui, sans-serif";

/// A place on the canvas; y goes down.
pub type Spot = (f64, f64);

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its right edge.
    pub right: f64,
    /// Its lower edge.
    pub bottom: f64,
}

impl Area {
    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Which part of the words stands at their x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The first letter.
    Start,
    /// The middle.
    Middle,
    /// The last letter.
    End,
}

/// What words stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The bare surface.
    Plain,
    /// Lines and bands, from which a rim sets them off.
    Data,
}

/// One line of words.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// Where the anchor stands, on the base line.
    pub at: Spot,
    /// What stands there.
    pub anchor: Anchor,
    /// The height of the letters, in px.
    pub size: f64,
    /// How heavy.
    pub weight: Weight,
    /// The colour.
    pub tone: Tone,
    /// What lies beneath.
    pub ground: Ground,
    /// The text, not escaped.
    pub text: &'a str,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    /// The colour.
    pub tone: Tone,
    /// In px.
    pub width: f64,
    /// Its gaps.
    pub dash: Dash,
}

/// The gaps of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// None.
    Solid,
    /// Short strokes, for uprights and the edges of the new build's band.
    Dots,
    /// Long strokes, for thresholds.
    Dashes,
}

/// The picture so far.
#[derive(Debug)]
pub struct Canvas {
    theme: Theme,
    width: f64,
    height: f64,
    body: String,
    taken: Vec<Area>,
}

impl Canvas {
    /// An empty canvas of this size, in px.
    pub fn new(theme: Theme, width: f64, height: f64) -> Self {
        let mut canvas = Self { theme, width, height, body: String::new(), taken: Vec::new() };
        let all = Area { left: 0.0, top: 0.0, right: width, bottom: height };
        canvas.fill(all, Tone::Surface, 0.0);
        canvas
    }

    /// The width, in px.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// A filled rectangle with rounded corners.
    pub fn fill(&mut self, area: Area, tone: Tone, radius: f64) {
        let ((left, top), (right, bottom)) =
            (self.within((area.left, area.top)), self.within((area.right, area.bottom)));
        let (wide, high) = (number(right - left), number(bottom - top));
        let (x, y, radius, fill) = (number(left), number(top), number(radius), self.colour(tone));
        self.put(format_args!(
            r#"<rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="{radius}" fill="{fill}"/>"#
        ));
    }

    /// A polygon that lets through what lies beneath.
    pub fn wash(&mut self, corners: &[Spot], tone: Tone, opacity: f64) {
        let (path, fill, opacity) = (self.path(corners), self.colour(tone), number2(opacity));
        self.put(format_args!(r#"<path d="{path}Z" fill="{fill}" fill-opacity="{opacity}"/>"#));
    }

    /// A polygon.
    pub fn shape(&mut self, corners: &[Spot], tone: Tone) {
        let (path, fill) = (self.path(corners), self.colour(tone));
        self.put(format_args!(r#"<path d="{path}Z" fill="{fill}"/>"#));
    }

    /// A line through these places.
    pub fn line(&mut self, through: &[Spot], stroke: Stroke) {
        if through.len() < 2 {
            return;
        }
        let (path, line, wide) = (self.path(through), self.colour(stroke.tone), number(stroke.width));
        let dash = match stroke.dash {
            Dash::Solid => String::new(),
            Dash::Dots => format!(
                r#" stroke-dasharray="{wide2} {wide3}""#,
                wide2 = number(stroke.width * 2.0),
                wide3 = number(stroke.width * 3.0)
            ),
            Dash::Dashes => format!(
                r#" stroke-dasharray="{long} {short}""#,
                long = number(stroke.width * 4.0),
                short = number(stroke.width * 3.0)
            ),
        };
        self.put(format_args!(
            r#"<path d="{path}" fill="none" stroke="{line}" stroke-width="{wide}" stroke-linejoin="round"{dash}/>"#
        ));
    }

    /// The round mark of the new build.
    pub fn disc(&mut self, at: Spot, radius: f64) {
        let ((x, y), fill, rim) = (self.written(at), self.colour(Tone::New), self.colour(Tone::Surface));
        let (radius, wide) = (number(radius), number(radius * 0.4));
        self.put(format_args!(
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{rim}" stroke-width="{wide}"/>"#
        ));
    }

    /// The hollow square mark of the current build, so wide.
    pub fn square(&mut self, at: Spot, side: f64) {
        let ((x, y), fill) =
            (self.written((at.0 - side / 2.0, at.1 - side / 2.0)), self.colour(Tone::Surface));
        let (line, wide, side) = (self.colour(Tone::Current), number(side * 0.28), number(side));
        self.put(format_args!(
            r#"<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{fill}" stroke="{line}" stroke-width="{wide}"/>"#
        ));
    }

    /// Writes words, whatever stands there already, and remembers their place.
    pub fn write(&mut self, words: &Words<'_>) {
        let (area, left) = self.place(words);
        self.taken.push(area);
        self.write_from(left, words);
    }

    /// Writes words where no others stand, else nothing; says whether they were written.
    #[must_use]
    pub fn write_if_free(&mut self, words: &Words<'_>) -> Placed {
        let (area, _) = self.place(words);
        if self.is_taken(&area) {
            return Placed::NoRoom;
        }
        self.write(words);
        Placed::Written
    }

    /// Whether words stand in this area.
    pub fn is_taken(&self, area: &Area) -> bool {
        self.taken.iter().any(|other| other.meets(area))
    }

    /// Keeps words out of an area.
    pub fn take(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// The whole picture, with a name and a description for those who do not see it.
    pub fn finish(self, name: &str, description: &str) -> String {
        let (wide, high) = (number(self.width), number(self.height));
        let (name, description, body) = (escaped(name), escaped(description), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{wide}\" height=\"{high}\" \
             viewBox=\"0 0 {wide} {high}\" font-family=\"{FAMILY}\">\n<title>{name}</title>\n\
             <desc>{description}</desc>\n{body}</svg>\n"
        )
    }

    /// Where words come to stand, and the x of their anchor: moved so far that they do not leave the canvas.
    fn place(&self, words: &Words<'_>) -> (Area, f64) {
        let wide = width(words.text, words.size, words.weight);
        let before = match words.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => wide / 2.0,
            Anchor::End => wide,
        };
        let left = (words.at.0 - before).min(self.width - wide).max(0.0);
        let (top, bottom) = (words.at.1 - words.size * 0.8, words.at.1 + words.size * 0.25);
        (Area { left, top, right: left + wide, bottom }, left + before)
    }

    fn write_from(&mut self, x: f64, words: &Words<'_>) {
        let ((x, y), size, fill) =
            (self.written((x, words.at.1)), number(words.size), self.colour(words.tone));
        let anchor = match words.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = match words.weight {
            Weight::Regular => "",
            Weight::Strong => r#" font-weight="600""#,
        };
        let rim = match words.ground {
            Ground::Plain => String::new(),
            Ground::Data => format!(
                r#" stroke="{}" stroke-width="{}" stroke-linejoin="round" paint-order="stroke""#,
                self.colour(Tone::Surface),
                number(words.size / 5.0)
            ),
        };
        let text = escaped(words.text);
        self.put(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{anchor}{weight}{rim}>{text}</text>"#
        ));
    }

    fn path(&self, through: &[Spot]) -> String {
        let mut path = String::new();
        for (at, spot) in through.iter().enumerate() {
            let (x, y) = self.written(*spot);
            path.push(if at == 0 { 'M' } else { 'L' });
            path.push_str(&x);
            path.push(' ');
            path.push_str(&y);
        }
        path
    }

    fn written(&self, at: Spot) -> (String, String) {
        let (x, y) = self.within(at);
        (number(x), number(y))
    }

    fn within(&self, (x, y): Spot) -> Spot {
        (bounded(x, self.width), bounded(y, self.height))
    }

    fn colour(&self, tone: Tone) -> &'static str {
        colour(self.theme, tone)
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _written = writeln!(self.body, "{element}");
    }
}

/// Whether words found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// They stand.
    Written,
    /// Others stood there.
    NoRoom,
}

fn bounded(value: f64, most: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, most) } else { 0.0 }
}

/// A tenth of a px is finer than anybody sees.
fn number(value: f64) -> String {
    let written = format!("{value:.1}");
    written.strip_suffix(".0").map_or_else(|| written.clone(), str::to_owned)
}

fn number2(value: f64) -> String {
    format!("{value:.2}")
}

/// Text as XML may carry it. What XML forbids, and what turns the direction of the text around it, becomes a space.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            _ if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}
