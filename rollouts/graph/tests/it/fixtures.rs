//! Three rollouts as they happen: a good one in mid-course, a bad one that was rolled back, and hardly any visitors.

use folkops_graph::{Evidence, Graph, Mark, MarkKind, Point, Rate, Theme, Times};

/// 2026-11-21 00:00 UTC, in milliseconds.
const DAY: i64 = 1_795_219_200_000;
const MINUTE: i64 = 60_000;

/// #41 at 8 % of people, after 29 minutes: neither harm nor enough evidence to advance.
pub fn good(theme: Theme) -> Graph {
    let start = DAY + (14 * 60 + 2) * MINUTE;
    let steps = [(0, 0.01), (7, 0.03), (16, 0.08)];
    let fails_at = [13, 17, 20, 25];
    let mut served = 0.0;
    let points = (0..=29).map(|minute| {
        let share = steps.iter().rev().find(|(from, _)| *from <= minute).map_or(0.0, |(_, share)| *share);
        if minute > 0 {
            served += share * 303.0;
        }
        let current = 308.0 * minute as f64 + 1.0;
        let bad = fails_at.iter().filter(|at| **at <= minute).count() as f64;
        Point {
            at_ms: start + minute * MINUTE,
            share,
            current: rate((current * (0.01 + 0.002 * (minute as f64 / 3.0).sin())).round(), current as u64),
            new: if minute < 8 { Rate::default() } else { rate(bad, served as u64) },
        }
    });
    let points = points.collect();
    let step = |minute: i64, number| Mark { at_ms: start + minute * MINUTE, kind: MarkKind::Step(number) };
    let at = |minute: i64, kind| Mark { at_ms: start + minute * MINUTE, kind };
    Graph {
        title: "No sign of harm: 0.9\u{a0}% failed, current build 1.0\u{a0}%".to_owned(),
        about: "#41 → everyone, step 3 of 6 · Sat 21 Nov · Potluck".to_owned(),
        counted: "Visitors who met an error".to_owned(),
        theme,
        times: Times::Clock { offset_s: 0 },
        points,
        marks: vec![
            at(0, MarkKind::Deploy),
            step(0, 1),
            step(7, 2),
            step(16, 3),
            at(20, MarkKind::Pause),
            at(21, MarkKind::Resume),
        ],
        limit: Some(0.015),
        evidence: Some(evidence(0.06, 7.4)),
    }
}

/// #52, which failed for 4.9 % and was rolled back by itself after 96 seconds.
pub fn bad(theme: Theme) -> Graph {
    let start = DAY + (3 * 60 + 9) * MINUTE;
    let (deployed, back) = (start + 84_000, start + 180_000);
    let points = (0..=50).map(|at| {
        let at_ms = start + at * 6_000;
        let rolling = at_ms >= deployed && at_ms <= back;
        let wobble = (at as f64 * 1.7).sin() + (at as f64 * 0.6).cos();
        let of = ((at_ms - deployed) as f64 / 96_000.0 * 4310.0).clamp(30.0, 4310.0);
        let failing = 0.049 * (1.0 + 0.5 * wobble / (1.0 + of / 300.0)) - 0.012 * 30.0 / of;
        Point {
            at_ms,
            share: if rolling && at_ms < back { 0.08 } else { 0.0 },
            current: rate(49.0 + 6.0 * wobble, 4900),
            new: if at_ms <= deployed {
                Rate::default()
            } else {
                rate(if at_ms < back { (failing * of).round() } else { 212.0 }, of as u64)
            },
        }
    });
    let points = points.collect();
    let at = |at_ms, kind| Mark { at_ms, kind };
    let marks = vec![
        at(start + 60_000, MarkKind::Deploy),
        at(deployed, MarkKind::Step(1)),
        at(back, MarkKind::RolledBack),
    ];
    Graph {
        title: "#52 rolled back: 4.9\u{a0}% failed, current build 1.0\u{a0}%".to_owned(),
        about: "requests that failed · Sat 21 Nov · Potluck".to_owned(),
        counted: "Requests that failed".to_owned(),
        theme,
        times: Times::Clock { offset_s: 0 },
        points,
        marks,
        limit: None,
        evidence: Some(evidence(1140.0, 0.003)),
    }
}

/// A quiet service: two visitors of the new build in a quarter of an hour.
pub fn quiet(theme: Theme) -> Graph {
    let seen = [(0, 1, 0), (4, 9, 0), (8, 17, 1), (11, 24, 2), (15, 31, 2)];
    let points = seen.map(|(minute, current, new)| Point {
        at_ms: minute * MINUTE,
        share: 0.05,
        current: rate(if minute >= 8 { 1.0 } else { 0.0 }, current),
        new: rate(0.0, new),
    });
    let mark = |minute: i64, kind| Mark { at_ms: minute * MINUTE, kind };
    Graph {
        title: "Too few visitors to tell: 0 of 2 failed, current build 1 of 31".to_owned(),
        about: "#44 → everyone, step 1 of 4 · Potluck".to_owned(),
        counted: "Visitors who met an error".to_owned(),
        theme,
        times: Times::SinceStart,
        points: points.to_vec(),
        marks: vec![mark(0, MarkKind::Deploy), mark(0, MarkKind::Step(1)), mark(10, MarkKind::Verdict)],
        limit: None,
        evidence: Some(evidence(0.97, 1.02)),
    }
}

/// All three, by name.
pub fn all(theme: Theme) -> [(&'static str, Graph); 3] {
    [("good", good(theme)), ("bad", bad(theme)), ("quiet", quiet(theme))]
}

/// Odds for both sides; 1,000 : 1 rolls back, 20 : 1 advances.
pub fn evidence(harm: f64, safe: f64) -> Evidence {
    let (log_harm_needed, log_safe_needed) = (1000_f64.ln(), 20_f64.ln());
    Evidence { log_harm: harm.ln(), log_harm_needed, log_safe: safe.ln(), log_safe_needed }
}

/// A rate with Wilson's interval at three standard deviations, about as wide as one that is valid at every look.
pub fn rate(failed: f64, of: u64) -> Rate {
    let (n, z2) = (of as f64, 9.0);
    let (p, spread) = (failed / n, 1.0 + z2 / n);
    let middle = (p + z2 / (2.0 * n)) / spread;
    let half = 3.0 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / spread;
    Rate { failed, of, interval: (of > 0).then_some(((middle - half).max(0.0), (middle + half).min(1.0))) }
}
