//! The pictures for rooms: their size, their ground, and that letters are in them.

use folkops_graph::{Graph, PngError, Size, Theme, png};

use crate::fixtures::{bad, good};

/// Width, height and the pixels, four bytes each.
fn decoded(graph: &Graph, size: Size, scale: f32) -> (u32, u32, Vec<u8>) {
    let picture = resvg::tiny_skia::Pixmap::decode_png(&png(graph, size, scale).unwrap()).unwrap();
    (picture.width(), picture.height(), picture.data().to_vec())
}

#[test]
fn a_picture_has_the_size_that_was_asked_for() {
    let (width, height, _) = decoded(&bad(Theme::Dark), Size::Chat, 1.0);
    assert_eq!((width, height), (1000, 420));
    let (width, height, _) = decoded(&bad(Theme::Dark), Size::Chat, 0.5);
    assert_eq!((width, height), (500, 210));
    assert_eq!(decoded(&bad(Theme::Dark), Size::Page { width: 440 }, 2.0).0, 880);
}

#[test]
fn themes_have_their_own_ground_and_a_room_without_a_page_is_dark() {
    let ground = |theme| decoded(&good(theme), Size::Chat, 0.2).2[..4].to_vec();
    assert_eq!(ground(Theme::Light), [0xff, 0xff, 0xff, 0xff]);
    assert_eq!(ground(Theme::Dark), [0x14, 0x19, 0x1c, 0xff]);
    assert_eq!(ground(Theme::Page), ground(Theme::Dark));
}

#[test]
fn letters_are_drawn_and_strong_ones_are_stronger() {
    let ink = |title: &str| {
        let (_, _, pixels) = decoded(&Graph { title: title.into(), ..good(Theme::Light) }, Size::Chat, 1.0);
        pixels.chunks(4).take(60 * 1000).filter(|pixel| pixel[0] < 60).count()
    };
    let (none, some) = (ink(""), ink("0.9 % failed, Größe Ёж Ωμέγα"));
    assert!(none < 20 && some > 1500, "{none} {some}");
}

#[test]
fn a_scale_that_makes_no_picture_is_refused() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-9, 100.0] {
        let refused = png(&bad(Theme::Dark), Size::Chat, scale);
        assert!(matches!(refused, Err(PngError::Size { .. })), "{scale}");
    }
}
