//! The drawings themselves, byte for byte: three rollouts in two themes, and one that takes the page's colours.

use folkops_graph::{Size, Theme, svg};

use crate::fixtures::{all, bad, good};

#[test]
fn three_rollouts_are_drawn_as_they_were_found_to_please() {
    for (theme, themed) in [("light", Theme::Light), ("dark", Theme::Dark)] {
        for (name, graph) in all(themed) {
            insta::assert_snapshot!(format!("{name}-{theme}"), svg(&graph, Size::Page { width: 980 }));
        }
    }
}

#[test]
fn a_phone_and_a_room_have_drawings_of_their_own() {
    insta::assert_snapshot!("phone", svg(&good(Theme::Page), Size::Page { width: 360 }));
    insta::assert_snapshot!("chat", svg(&bad(Theme::Dark), Size::Chat));
}
