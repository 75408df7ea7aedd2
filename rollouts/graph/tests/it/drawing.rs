//! Whatever the data: a well-formed drawing within its canvas, with nothing that a strict policy forbids.

use folkops_graph::{Evidence, Graph, Mark, MarkKind, Point, Rate, Size, Theme, Times, alt, svg};
use proptest::prelude::*;
use roxmltree::Document;

use crate::fixtures::{all, bad, good};
use crate::reading::{SIZES, extent, spots, words};

/// Any number, the odd ones often.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..1.0,
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 1e-12, 1e300, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        1 => any::<f64>(),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0_i64..10_000_000, 1 => any::<i64>(), 1 => prop::sample::select(vec![i64::MIN, 0, i64::MAX])]
}

fn rate() -> impl Strategy<Value = Rate> {
    let of = prop_oneof![0_u64..2000, any::<u64>()];
    let share = (number(), of, prop::option::of((number(), number())));
    share.prop_map(|(part, of, interval)| Rate { failed: part * of as f64, of, interval })
}

fn point() -> impl Strategy<Value = Point> {
    (time(), number(), rate(), rate()).prop_map(|(at_ms, share, current, new)| Point {
        at_ms,
        share,
        current,
        new,
    })
}

fn mark() -> impl Strategy<Value = Mark> {
    let kinds = [
        MarkKind::Deploy,
        MarkKind::Step(3),
        MarkKind::Pause,
        MarkKind::Resume,
        MarkKind::RolledBack,
        MarkKind::Done,
        MarkKind::Verdict,
    ];
    (time(), prop::sample::select(kinds.to_vec())).prop_map(|(at_ms, kind)| Mark { at_ms, kind })
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let any = || prop_oneof![-10.0..10.0, number()];
    (any(), any(), any(), any()).prop_map(|(log_harm, log_harm_needed, log_safe, log_safe_needed)| Evidence {
        log_harm,
        log_harm_needed,
        log_safe,
        log_safe_needed,
    })
}

fn graph() -> impl Strategy<Value = Graph> {
    let times =
        prop_oneof![Just(Times::SinceStart), any::<i32>().prop_map(|offset_s| Times::Clock { offset_s })];
    let theme = prop::sample::select(vec![Theme::Light, Theme::Dark, Theme::Page]);
    let seen = (prop::collection::vec(point(), 0..40), prop::collection::vec(mark(), 0..12));
    let said = (".{0,90}", ".{0,60}", ".{0,40}");
    let known = (prop::option::of(number()), prop::option::of(evidence()));
    (said, theme, times, seen, known).prop_map(
        |((title, about, counted), theme, times, (points, marks), (limit, evidence))| Graph {
            title,
            about,
            counted,
            theme,
            times,
            points,
            marks,
            limit,
            evidence,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_data_makes_a_drawing_within_its_canvas(graph in graph(), size in prop::sample::select(SIZES.to_vec())) {
        let drawing = svg(&graph, size);
        let (width, height) = extent(&drawing);
        for (x, y) in spots(&drawing) {
            prop_assert!((0.0..=width + 0.11).contains(&x) && (0.0..=height + 0.11).contains(&y), "{x} {y} in {drawing}");
        }
        // Not the words: strangers may write them.
        for attribute in Document::parse(&drawing).unwrap().descendants().flat_map(|node| node.attributes()) {
            prop_assert!(!attribute.value().contains("NaN") && !attribute.value().contains("inf"), "{drawing}");
        }
    }

    #[test]
    fn a_drawing_is_the_same_every_time(graph in graph()) {
        prop_assert_eq!(svg(&graph, Size::Chat), svg(&graph, Size::Chat));
    }

    #[test]
    fn what_is_said_beside_it_is_never_empty(graph in graph()) {
        let said = alt(&graph);
        prop_assert!(said.contains(": ") && said.ends_with('.'), "{said}");
        prop_assert!(!said.contains("NaN") && !said.contains("inf "), "{said}");
    }
}

#[test]
fn strangers_words_stay_words() {
    let hostile = "</title><script>alert(1)</script>&\"'\u{202e}\u{0}\u{1b}]0;x";
    for size in SIZES {
        let mut graph = good(Theme::Light);
        (graph.title, graph.about, graph.counted) = (hostile.into(), hostile.into(), hostile.into());
        let drawing = svg(&graph, size);
        let document = Document::parse(&drawing).unwrap();
        let known = ["svg", "title", "desc", "rect", "path", "text", "circle"];
        assert!(
            document
                .descendants()
                .filter(|node| node.is_element())
                .all(|node| known.contains(&node.tag_name().name()))
        );
        let name = document.descendants().find(|node| node.has_tag_name("title")).unwrap();
        assert_eq!(name.text().unwrap(), "</title><script>alert(1)</script>&\"'   ]0;x");
    }
}

#[test]
fn nothing_that_a_strict_policy_forbids_is_written() {
    let allowed = [
        "role",
        "width",
        "height",
        "viewBox",
        "font-family",
        "x",
        "y",
        "rx",
        "fill",
        "fill-opacity",
        "d",
        "stroke",
        "stroke-width",
        "stroke-linejoin",
        "stroke-dasharray",
        "cx",
        "cy",
        "r",
        "font-size",
        "font-weight",
        "text-anchor",
        "paint-order",
    ];
    for (name, graph) in all(Theme::Page) {
        let drawing = svg(&graph, Size::Page { width: 980 });
        let document = Document::parse(&drawing).unwrap();
        for attribute in document.descendants().flat_map(|node| node.attributes()) {
            assert!(allowed.contains(&attribute.name()), "{name}: {}", attribute.name());
            assert!(!attribute.value().contains("url(") && !attribute.value().contains("//"), "{name}");
        }
    }
}

#[test]
fn a_drawing_names_itself_for_those_who_do_not_see_it() {
    let graph = bad(Theme::Dark);
    let drawing = svg(&graph, Size::Chat);
    let document = Document::parse(&drawing).unwrap();
    let root = document.root_element();
    let child = |name| root.children().find(|node| node.has_tag_name(name)).unwrap().text().unwrap();
    assert_eq!(root.attribute("role"), Some("img"));
    assert_eq!(child("title"), graph.title);
    assert_eq!(child("desc"), alt(&graph));
}

#[test]
fn words_never_stand_on_each_other_nor_leave_the_canvas() {
    for (name, graph) in all(Theme::Light) {
        for width in (320..=1200).step_by(40) {
            no_word_is_lost(name, &svg(&graph, Size::Page { width }));
        }
        no_word_is_lost(name, &svg(&graph, Size::Chat));
    }
}

fn no_word_is_lost(name: &str, drawing: &str) {
    let (width, height) = extent(drawing);
    let words = words(drawing);
    assert!(words.len() > 10, "{name} at {width}");
    for (at, word) in words.iter().enumerate() {
        assert!(
            word.left >= 0.0 && word.right <= width && word.bottom <= height,
            "{name} at {width}: {word:?}"
        );
        for other in words.iter().skip(at + 1) {
            assert!(!word.meets(other), "{name} at {width}: {word:?} on {other:?}");
        }
    }
}

#[test]
fn more_points_than_the_picture_is_wide_do_not_make_it_larger() {
    let mut graph = good(Theme::Light);
    let point = graph.points[20];
    graph.points = (0..200_000).map(|at| Point { at_ms: point.at_ms + at * 37, ..point }).collect();
    let drawing = svg(&graph, Size::Page { width: 980 });
    assert!(drawing.len() < 60_000, "{}", drawing.len());
}
