//! The same drawing as pixels, for networks that show pictures but no SVG.
//!
//! The letters are those of the face beside this crate, on every machine the same; a letter that it lacks is drawn as an
//! empty box. Nothing is read from the machine: no font, no file.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use thiserror::Error;

use crate::graph::{Graph, Size, Theme};
use crate::svg;

/// More pixels than any room shows; a picture of so many takes 64 MB while it is drawn.
const MOST_PIXELS: f64 = 16e6;

/// Parsed once: that takes longer than a small picture.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../font/Inter-Regular.otf").to_vec());
    fonts.load_font_data(include_bytes!("../font/Inter-SemiBold.otf").to_vec());
    fonts.set_sans_serif_family("Inter");
    Arc::new(fonts)
});

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum PngError {
    /// The scale is no number over 0, or asks for more pixels than any room shows.
    #[error("a picture of {width} × {height} px cannot be drawn; choose a scale between 0.1 and 4")]
    Size {
        /// In pixels.
        width: f64,
        /// In pixels.
        height: f64,
    },
    /// The drawing could not be rendered: a fault of this crate, the text draws the same all the same.
    #[error("the picture could not be drawn ({0}); the text beside it says the same")]
    Drawing(String),
}

/// The drawing as a PNG of so many pixels for each px of its size: 1 for [`Size::Chat`], 2.3 for a page of 440 px.
///
/// # Errors
///
/// If the scale makes no picture of reasonable size, or rendering fails.
pub fn png(graph: &Graph, size: Size, scale: f32) -> Result<Vec<u8>, PngError> {
    let theme = if graph.theme == Theme::Light { Theme::Light } else { Theme::Dark };
    let drawing = svg(&Graph { theme, ..graph.clone() }, size);
    let options =
        Options { fontdb: Arc::clone(&FONTS), font_family: "Inter".to_owned(), ..Options::default() };
    let tree = Tree::from_str(&drawing, &options).map_err(|error| PngError::Drawing(error.to_string()))?;
    let mut pixels = canvas(tree.size().width(), tree.size().height(), scale)?;
    // The drawing's own ground may cover only a part of the last row and column.
    pixels.fill(ground(theme));
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    encoded(&pixels).map_err(|error| PngError::Drawing(error.to_string()))
}

/// Without transparency, which the ground leaves none of, and compressed fast: near twice the bytes, but a picture takes
/// half the time.
fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    let opaque = pixels.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
    writer.write_image_data(&opaque.collect::<Vec<u8>>())?;
    writer.finish()?;
    Ok(file)
}

fn ground(theme: Theme) -> Color {
    match theme {
        Theme::Light => Color::from_rgba8(0xff, 0xff, 0xff, 0xff),
        Theme::Dark | Theme::Page => Color::from_rgba8(0x14, 0x19, 0x1c, 0xff),
    }
}

fn canvas(width: f32, height: f32, scale: f32) -> Result<Pixmap, PngError> {
    let (width, height) = (f64::from((width * scale).round()), f64::from((height * scale).round()));
    let refused = PngError::Size { width, height };
    if !(width >= 1.0 && height >= 1.0 && width * height <= MOST_PIXELS) {
        return Err(refused);
    }
    Pixmap::new(width as u32, height as u32).ok_or(refused)
}
