//! What the drawing promises, over everything that may be asked of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail")]

mod drawing;
mod fixtures;
mod golden;
#[cfg(feature = "png")]
mod pixels;
mod reading;
mod words;
