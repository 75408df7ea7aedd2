//! What the drawing says in special cases, and what is said beside it.

use folkops_graph::{Graph, Mark, MarkKind, Point, Rate, Size, Theme, Times, alt};

use crate::fixtures::{bad, evidence, good, quiet, rate};
use crate::reading::text;

const PAGE: Size = Size::Page { width: 980 };

fn said(graph: &Graph) -> String {
    alt(graph).replace('\u{a0}', " ")
}

fn empty() -> Graph {
    Graph { points: Vec::new(), marks: Vec::new(), evidence: None, limit: None, ..good(Theme::Light) }
}

fn one(share: f64, current: Rate, new: Rate) -> Graph {
    Graph { points: vec![Point { at_ms: 0, share, current, new }], times: Times::SinceStart, ..empty() }
}

#[test]
fn beside_the_picture_stand_its_numbers() {
    assert_eq!(
        said(&good(Theme::Light)),
        "No sign of harm: 0.9 % failed, current build 1.0 %: 8 % of people get the new build. 4 of 439 failed (0.9 %, \
         interval 0.2 to 3.6) on the new build, 85 of 8,933 failed (1.0 %, interval 0.7 to 1.3) on the current one. \
         Evidence that it harms: 0.06 of the 1,000 : 1 that rolls back; that it is no worse: 7.4 of the 20 : 1 that \
         advances."
    );
    assert!(
        said(&bad(Theme::Light))
            .contains("everyone is back on the current build. 212 of 4,310 failed (4.9 %")
    );
}

#[test]
fn nothing_at_all_is_no_visitors_yet() {
    for size in [PAGE, Size::Page { width: 360 }, Size::Chat] {
        assert!(text(&empty(), size).contains("No visitors yet"));
    }
    assert!(said(&empty()).ends_with("it has not begun. No visitors yet."));
}

#[test]
fn shares_without_visitors_are_drawn_all_the_same() {
    let graph = one(0.05, Rate::default(), Rate::default());
    let words = text(&graph, PAGE);
    assert!(words.contains("No visitors yet") && words.contains("| 5\u{a0}% |"), "{words}");
    assert!(!text(&good(Theme::Light), PAGE).contains("No visitors yet"));
}

#[test]
fn a_build_that_nobody_uses_has_no_rate() {
    let words = text(&one(0.0, rate(1.0, 100), Rate::default()), PAGE);
    assert!(words.contains("current 1.0\u{a0}%") && !words.contains("| new "), "{words}");
    assert!(
        said(&one(0.0, rate(1.0, 100), Rate::default()))
            .ends_with("on the current build; nobody came to the new one.")
    );
    assert!(
        said(&one(1.0, Rate::default(), rate(1.0, 100)))
            .ends_with("on the new build; nobody came to the current one.")
    );
}

#[test]
fn never_and_always_are_written_as_such() {
    let words = text(&one(1.0, rate(0.0, 50), rate(50.0, 50)), PAGE);
    assert!(words.contains("new 100\u{a0}%") && words.contains("current 0\u{a0}%"), "{words}");
}

#[test]
fn what_is_reported_after_a_rollback_is_not_of_the_new_build() {
    let mut graph = bad(Theme::Light);
    let last = graph.points.len() - 1;
    graph.points[last].new = rate(9.0, 10);
    assert_eq!(said(&graph), said(&bad(Theme::Light)));
}

#[test]
fn points_in_any_order_make_the_same_picture() {
    let mut graph = good(Theme::Light);
    let before = text(&graph, PAGE);
    graph.points.reverse();
    graph.marks.reverse();
    assert_eq!(text(&graph, PAGE), before);
}

#[test]
fn marks_have_words_and_a_title_that_is_missing_leaves_none() {
    let words = text(&good(Theme::Light), PAGE);
    assert!(words.contains("deployed") && words.contains("paused") && words.contains("went on"), "{words}");
    assert!(text(&bad(Theme::Light), PAGE).contains("rolled back"));
    let done = Graph {
        marks: vec![Mark { at_ms: 0, kind: MarkKind::Done }],
        ..one(1.0, rate(1.0, 9), rate(1.0, 9))
    };
    assert!(text(&done, PAGE).contains("everyone has it"));
    let untitled = Graph { title: String::new(), ..done };
    assert!(
        said(&untitled).starts_with("#41 → everyone, step 3 of 6 · Sat 21 Nov · Potluck: 100 % of people")
    );
}

#[test]
fn both_evidences_are_said_even_when_they_agree() {
    let graph = Graph { evidence: Some(evidence(30.0, 12.0)), ..quiet(Theme::Light) };
    for size in [PAGE, Size::Page { width: 320 }] {
        let words = text(&graph, size).replace('\u{a0}', " ");
        assert!(
            words.contains("harms: 30 of 1,000 : 1") && words.contains("no worse: 12 of 20 : 1"),
            "{words}"
        );
    }
}

#[test]
fn huge_numbers_find_room() {
    let many = Rate { failed: 1e18, of: u64::MAX, interval: Some((0.05, 0.06)) };
    let graph = one(0.5, many, many);
    assert!(text(&graph, Size::Page { width: 320 }).contains("new 5.4\u{a0}%"));
    assert!(said(&graph).contains("1,000,000,000,000,000,000 of 18,446,744,073,709,551,615 failed"));
}
