//! The picture of a rollout: how far the new build has come, how well both builds do, and what the evidence says.
//!
//! Data in, [`svg`] text out for pages, [`png`] for rooms, [`alt`] for those who do not see it. One drawing in two
//! shapes: [`Size::Page`] shows everything, [`Size::Chat`] the failure rates in large letters.
//!
//! The drawing never fails and never leaves its canvas, however odd the data. It must never do I/O, ask the time, know
//! another crate of the house, or write what a strict content policy forbids; strangers' words are escaped.

mod alt;
mod canvas;
mod chat;
mod course;
mod graph;
mod marks;
mod meter;
mod numbers;
mod page;
mod palette;
mod plot;
#[cfg(feature = "png")]
mod png;
mod signs;
mod ticks;
mod width;

pub use alt::alt;
pub use graph::{Evidence, Graph, Mark, MarkKind, Point, Rate, Size, Theme, Times};
#[cfg(feature = "png")]
pub use png::{PngError, png};

/// The picture as SVG, with a title and a description in it; a page may inline it as it stands.
///
/// A page that wants figures of one width says `font-variant-numeric: tabular-nums` for it: SVG has no attribute for that.
pub fn svg(graph: &Graph, size: Size) -> String {
    match size {
        Size::Page { width } => page::draw(graph, width),
        Size::Chat => chat::draw(graph),
    }
}
