//! One verdict from all the evidence: what rolls back, what advances, what is held and why.

use folkops_evidence::{
    Allocation, Baseline, Cap, Case, HarmSpec, Hearing, Levels, Margin, Metric, Reason, Safe, Sample, Share,
    Standing, Strata, Verdict,
};

use crate::crowd;

fn share() -> Share {
    Share::new(0.1).unwrap()
}

/// What a rollout has gathered on one metric.
struct Gathered {
    harm: Strata,
    safe: Safe,
}

impl Gathered {
    /// `blocks` blocks of 20 canary and 180 stable visitors, with so many failures each.
    fn of(blocks: u64, canary: u64, stable: u64) -> Self {
        let block =
            crowd::block(Sample::of_failures(canary, 20 - canary), Sample::of_failures(stable, 180 - stable));
        let mut harm = Strata::declare([crowd::everybody()], HarmSpec::PLAIN);
        let mut safe = Safe::new(Margin::absolute(0.02).unwrap(), Baseline::UNKNOWN, Cap::ONE_NAT);
        for _ in 0..blocks {
            harm.observe(&block).unwrap();
            safe.observe(&block);
        }
        Self { harm, safe }
    }

    fn metric<'a>(&'a self, name: &'a str) -> Metric<'a> {
        Metric { name, harm: &self.harm, safe: &self.safe, standing: Standing::Guardrail }
    }
}

fn judge(metrics: &[Metric<'_>]) -> Verdict {
    Case { metrics, allocation: &Allocation::default(), hearing: Hearing::Heard, levels: Levels::STANDARD }
        .judge()
}

fn alone(blocks: u64, canary: u64, stable: u64) -> Verdict {
    judge(&[Gathered::of(blocks, canary, stable).metric("errors")])
}

#[test]
fn the_first_block_never_rolls_back_alone_and_the_second_may() {
    assert!(matches!(alone(1, 20, 0), Verdict::Watch(_)));
    assert!(matches!(alone(2, 20, 0), Verdict::RollBack(_)));
}

#[test]
fn four_verdicts_come_from_one_mechanism() {
    assert!(matches!(alone(1, 0, 0), Verdict::Watch(_)));
    assert!(matches!(alone(100, 0, 1), Verdict::Advance(_)));
    assert!(matches!(alone(4, 2, 2), Verdict::Hold(Reason::Suspicion, _)));
    let Verdict::RollBack(evidence) = alone(20, 4, 2) else { panic!("a fifth failed") };
    assert!(evidence.harm >= evidence.roll_back_at && evidence.safe < evidence.advance_at);
    assert!(evidence.false_alarm_risk() < 0.001);
    let worst = evidence.worst.unwrap();
    assert_eq!((worst.canary.visitors, worst.stable.visitors), (400, 3600));
    assert!(worst.canary.interval.low > worst.stable.interval.high, "{worst:?}");
    assert!(worst.difference.is_some_and(|it| it.low > 0.1 && it.high < 0.3), "{worst:?}");
    assert_eq!((worst.metric.as_str(), worst.stratum), ("errors", None), "nobody stands out from everybody");
}

#[test]
fn one_bad_metric_among_three_rolls_back_and_is_named() {
    let (sound, bad) = (Gathered::of(20, 0, 2), Gathered::of(20, 4, 2));
    let Verdict::RollBack(evidence) =
        judge(&[sound.metric("latency"), bad.metric("errors"), sound.metric("freezes")])
    else {
        panic!("a fifth failed")
    };
    assert_eq!(evidence.worst.unwrap().metric, "errors");
}

#[test]
fn a_rollout_advances_only_when_every_metric_excludes_its_margin() {
    let (enough, few) = (Gathered::of(100, 0, 1), Gathered::of(2, 0, 0));
    assert!(matches!(judge(&[enough.metric("errors"), few.metric("latency")]), Verdict::Watch(_)));
    assert!(matches!(judge(&[enough.metric("errors"), enough.metric("latency")]), Verdict::Advance(_)));
    assert!(matches!(judge(&[]), Verdict::Watch(_)), "no data is neither success nor failure");
}

#[test]
fn a_metric_without_standing_neither_rolls_back_nor_lets_anything_advance() {
    let (sound, bad) = (Gathered::of(100, 0, 1), Gathered::of(20, 4, 2));
    let signal = Metric { standing: Standing::Signal, ..bad.metric("errors") };
    let held = judge(&[sound.metric("latency"), signal]);
    assert!(matches!(held, Verdict::Hold(Reason::UnsoundMetrics, _)), "{held:?}");
    assert_eq!(held.evidence().unsound, ["errors"]);
    assert!(matches!(judge(&[bad.metric("latency"), signal]), Verdict::RollBack(_)));
    assert!(matches!(judge(&[signal]), Verdict::Hold(Reason::UnsoundMetrics, _)));
}

#[test]
fn what_is_unfit_to_judge_is_held_however_strong_the_evidence() {
    let bad = Gathered::of(20, 4, 2);
    let metrics = [bad.metric("errors")];
    let (right, mut wrong) = (Allocation::default(), Allocation::default());
    wrong.observe(share(), 900, 100);
    let case = |allocation, hearing| {
        Case { metrics: &metrics, allocation, hearing, levels: Levels::STANDARD }.judge()
    };
    assert!(matches!(case(&right, Hearing::Silent), Verdict::Hold(Reason::Silent, _)));
    assert!(matches!(case(&right, Hearing::Heard), Verdict::RollBack(_)));
    let held = case(&wrong, Hearing::Heard);
    assert!(matches!(held, Verdict::Hold(Reason::WrongShares { wanted: 0.1, found: 0.9 }, _)), "{held:?}");
}

#[test]
fn a_verdict_survives_storage() {
    let verdict = alone(20, 4, 2);
    let text = serde_json::to_string(&verdict).unwrap();
    let Verdict::RollBack(restored) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    // serde_json may lose the last bit of a number unless it is built to keep it.
    assert!((restored.harm - verdict.evidence().harm).abs() < 1e-9);
    assert_eq!(restored.worst.unwrap().canary.visitors, 400);
}
