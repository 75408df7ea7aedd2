//! Reads a drawing back: its words and where they stand, and every number in it.

use folkops_graph::{Graph, Size, svg};
use roxmltree::{Document, Node};

/// Words on a drawing, with the box that they fill in the embedded face.
#[derive(Debug, Clone)]
pub struct Word {
    pub text: String,
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Word {
    pub fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// The sizes at which everything is tried.
pub const SIZES: [Size; 5] = [
    Size::Page { width: 320 },
    Size::Page { width: 360 },
    Size::Page { width: 720 },
    Size::Page { width: 1200 },
    Size::Chat,
];

/// All words of a drawing.
pub fn words(drawing: &str) -> Vec<Word> {
    let document = Document::parse(drawing).unwrap();
    document.descendants().filter(|node| node.has_tag_name("text")).map(|node| word(&node)).collect()
}

fn word(node: &Node<'_, '_>) -> Word {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let (x, y, size) = (number("x"), number("y"), number("font-size"));
    let text = node.text().unwrap_or_default().to_owned();
    let wide = advance(&text, node.attribute("font-weight").is_some()) * size;
    let left = match node.attribute("text-anchor") {
        None => x,
        Some("middle") => x - wide / 2.0,
        Some(_) => x - wide,
    };
    Word { text, left, top: y - size * 0.73, right: left + wide, bottom: y + size * 0.2 }
}

/// The width of words in the embedded face at a size of 1.
fn advance(text: &str, is_strong: bool) -> f64 {
    let regular: &[u8] = include_bytes!("../../font/Inter-Regular.otf");
    let strong: &[u8] = include_bytes!("../../font/Inter-SemiBold.otf");
    let face = ttf_parser::Face::parse(if is_strong { strong } else { regular }, 0).unwrap();
    let of = |letter| face.glyph_index(letter).and_then(|glyph| face.glyph_hor_advance(glyph));
    let units: u32 = text.chars().map(|letter| u32::from(of(letter).unwrap_or(face.units_per_em()))).sum();
    f64::from(units) / f64::from(face.units_per_em())
}

/// Every pair of coordinates on a drawing: corners of shapes and lines, anchors of words.
pub fn spots(drawing: &str) -> Vec<(f64, f64)> {
    let document = Document::parse(drawing).unwrap();
    document.descendants().filter(Node::is_element).flat_map(|node| of_node(&node)).collect()
}

fn of_node(node: &Node<'_, '_>) -> Vec<(f64, f64)> {
    let number = |name: &str| node.attribute(name).map(|it| it.parse::<f64>().unwrap());
    let path = node.attribute("d").unwrap_or_default().replace(['M', 'L', 'Z'], " ");
    let through: Vec<f64> = path.split_whitespace().map(|it| it.parse().unwrap()).collect();
    let mut spots: Vec<_> = through.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    spots.extend(number("x").zip(number("y")));
    spots.extend(number("cx").zip(number("cy")));
    if let (true, Some((x, y))) = (node.has_tag_name("rect"), number("x").zip(number("y"))) {
        spots.push((x + number("width").unwrap(), y + number("height").unwrap()));
    }
    spots
}

/// The size that a drawing says it has.
pub fn extent(drawing: &str) -> (f64, f64) {
    let document = Document::parse(drawing).unwrap();
    let number = |name| document.root_element().attribute(name).unwrap().parse().unwrap();
    (number("width"), number("height"))
}

/// The drawing's words one after the other.
pub fn text(graph: &Graph, size: Size) -> String {
    words(&svg(graph, size)).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" | ")
}
