//! A metric whose outcomes hang together finds differences where there are none; the control compared with itself tells so.

use std::time::Duration;

use folkops_model::{Held, Late, Observation, Visitors};
use folkops_rollouts::Template;
use folkops_rollouts::plan::Grounds;
use folkops_rollouts::simulate::{Outcome, Report, Scenario, Traffic, retold, synthetic};

const SEEDS: u64 = 100;

fn template() -> Template {
    let lasts = Duration::from_secs(1_800);
    Template {
        visitors: 24_000,
        margin: 0.02,
        budget: 1_000_000,
        lasts,
        late: Late::Advance,
        soak: std::time::Duration::ZERO,
        ..Template::ordinary()
    }
}

/// Both builds are alike.
fn traffic(scenario: Scenario) -> Traffic {
    Traffic { visitors_per_minute: 800.0, usual: 0.05, failing: 0.05, scenario }
}

fn without_halves(seen: &mut Observation) {
    seen.cohorts.iter_mut().for_each(|cohort| cohort.half = Visitors::default());
}

fn count(reports: &[Report], outcome: Outcome) -> usize {
    reports.iter().filter(|report| report.outcome == outcome).count()
}

/// How many of the rollouts ended so: without the placebo back, with it back, with it held.
fn ends(scenario: Scenario) -> [usize; 3] {
    let traffic = traffic(scenario);
    let on: Vec<_> = (0..SEEDS).map(|seed| synthetic(&template(), &traffic, seed).unwrap()).collect();
    let off: Vec<_> =
        (0..SEEDS).map(|seed| retold(&template(), &traffic, seed, without_halves).unwrap()).collect();
    let [back, held] = [Outcome::Back(Grounds::Harm), Outcome::Standing(Held::Unsound)];
    [count(&off, back), count(&on, back), count(&on, held)]
}

/// It spares few of the false rollbacks: both tests start at once, and the first bad node may well be the new build's.
#[test]
fn where_outcomes_hang_together_most_harmless_builds_wait_for_a_person_and_no_more_of_them_go_back() {
    let [without, with, held] = ends(Scenario::Clumped(8));
    assert!(without > 5 && with <= without && held > 33, "{without} {with} {held}");
    let [_, back, held] = ends(Scenario::Clumped(1));
    assert!(back == 0 && held <= 4, "{back} {held}");
}
