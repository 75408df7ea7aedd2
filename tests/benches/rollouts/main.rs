//! `bench-rollouts`: our evidence beside the rules of Argo Rollouts, Flagger, Kayenta and GrowthBook.
//!
//! Every rule sees the same made-up visitors. The result is written to `docs/benchmarks/rollouts.md` with two drawings
//! beside it; the seeds are fixed, so the files are the same each time. `--quick` runs a fortieth of it and writes nothing.

mod argo;
mod draw;
mod flagger;
mod growthbook;
mod kayenta;
mod measure;
mod ours;
mod page;
mod peer;
mod world;

use std::path::Path;

use measure::{Field, Measured};
use world::{Course, World};

/// How often harmless builds are rolled out in each world, and harmful ones.
const HARMLESS: u64 = 30_000;
const HARMFUL: u64 = 1_000;
/// Visitors of the new build in an hour: of quiet services and of loud ones.
const TRAFFIC: [f64; 6] = [5.0, 50.0, 500.0, 5_000.0, 50_000.0, 500_000.0];
/// In all other worlds.
const HOUR: f64 = 3_000.0;
/// Shares that fail: with the current build, and with the new one.
pub const SHIFTS: [(f64, f64); 4] = [(0.001, 0.5), (0.01, 0.05), (0.01, 0.03), (0.01, 0.02)];
const CRASHES: [f64; 5] = [0.01, 0.02, 0.05, 0.2, 0.5];
/// Shares of the new build's visitors who report failures that they did not meet.
const LIARS: [f64; 3] = [0.01, 0.03, 0.1];

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let part = if is_quick { 40 } else { 1 };
    let field = Field::new(HARMFUL / part, HARMLESS / part);
    let page = page::Page {
        traffic: TRAFFIC.map(|per_hour| field.harmless(World::steady(0.01, 0.01, per_hour, 60))).to_vec(),
        disturbed: disturbed().into_iter().map(|(name, world)| (name, field.harmless(world))).collect(),
        sticky: field.sticky(),
        nodes: field.nodes(),
        liars: LIARS
            .map(|share| field.harmful(World { course: Course::Liars(share), ..base(0.01) }))
            .to_vec(),
        shifts: SHIFTS.map(|(good, bad)| field.harmful(World::steady(good, bad, HOUR, 120))).to_vec(),
        crashes: CRASHES
            .map(|share| field.harmful(World { course: Course::Crash(share), ..base(0.01) }))
            .to_vec(),
        others: others().into_iter().map(|(name, world)| (name, field.harmful(world))).collect(),
        traffics: TRAFFIC.to_vec(),
        crash_shares: CRASHES.to_vec(),
        liar_shares: LIARS.to_vec(),
    };
    let (text, traffic, delay) = (page.text(), page.traffic_drawing(), page.delay_drawing());
    println!("{text}");
    if !is_quick {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
        std::fs::create_dir_all(&folder).expect("the folder of documents is ours");
        for (name, content) in
            [("rollouts.md", text), ("rollouts-traffic.svg", traffic), ("rollouts-delay.svg", delay)]
        {
            std::fs::write(folder.join(name), content).expect("the folder of documents is ours");
        }
    }
}

fn base(bad: f64) -> World {
    World::steady(0.01, bad, HOUR, 120)
}

fn disturbed() -> Vec<(&'static str, World)> {
    let daily = World { course: Course::Daily, good: 0.04, bad: 0.04, ..base(0.01) };
    vec![
        ("nothing happens", base(0.01)),
        ("daily cycle, 4 % ± 3 points", daily),
        ("incident of 30 minutes in both builds", World { course: Course::Incident, ..base(0.01) }),
        ("no reports for 30 minutes", World { course: Course::Outage, ..base(0.01) }),
        ("everything is known 10 minutes late", World { course: Course::Late(10), ..base(0.01) }),
    ]
}

fn others() -> Vec<(&'static str, World)> {
    vec![
        ("30 % fail on a platform of 5 % of visitors", World { course: Course::Platform, ..base(0.3) }),
        ("slow leak, 1 % → 5 % in two hours", World { course: Course::Leak, ..base(0.05) }),
        ("flapping, 1 % and 10 % by turns of two minutes", World { course: Course::Flapping, ..base(0.1) }),
        (
            "daily cycle, 4 % ± 3 points, the new build 2 points worse",
            World { course: Course::Daily, good: 0.04, ..base(0.06) },
        ),
        ("1 % → 5 %, known 10 minutes late", World { course: Course::Late(10), ..base(0.05) }),
        (
            "1 % → 5 %, one in ten says that all is well",
            World { course: Course::Flatterers(0.1), ..base(0.05) },
        ),
    ]
}

/// One rule's results in one world.
pub type Row = (&'static str, Measured);
