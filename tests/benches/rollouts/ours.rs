//! The evidence library, fed as the engine feeds it: every visitor once, blocks joined until both sides have somebody,
//! whoever did not report counted as failed in both arms.

use folkops_evidence::{Block, HarmSpec, Level, Sample, Strata, Stratum};

use crate::world::{Arm, Run};

/// Whose outcomes are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Counted {
    /// Everybody who was given a build.
    Everybody,
    /// Only who reported: the control.
    Reporters,
}

/// Visitors of the new build until the rollback at each level; infinite when there is none.
pub fn watch(run: &Run, counted: Counted, platforms: usize, levels: [Level; 2]) -> [f64; 2] {
    let names: Vec<Stratum> = (0..platforms).map(|platform| Stratum::new(platform.to_string())).collect();
    let mut strata = Strata::declare(names.iter().cloned(), HarmSpec::PLAIN);
    let mut waiting = vec![(Sample::EMPTY, Sample::EMPTY); platforms];
    let (mut exposed, mut found) = (0, [f64::INFINITY; 2]);
    let blocks =
        run.minutes.iter().enumerate().flat_map(|(minute, blocks)| blocks.iter().map(move |it| (minute, it)));
    for (minute, block) in blocks {
        exposed += block.canary.visitors;
        let platform = block.platform.min(platforms - 1);
        let (canary, stable) = &mut waiting[platform];
        *canary += &sample(block.canary, counted);
        *stable += &sample(block.stable, counted);
        if canary.visitors() == 0 || stable.visitors() == 0 {
            continue;
        }
        let (canary, stable) = std::mem::replace(&mut waiting[platform], (Sample::EMPTY, Sample::EMPTY));
        strata.observe(&Block { canary, stable, stratum: names[platform].clone() }).expect("it was declared");
        let wealth = strata.log_wealth();
        for (found, level) in found.iter_mut().zip(levels) {
            if found.is_infinite() && wealth >= level.log_threshold() {
                *found = if run.late > 0 { run.exposed_when_known(minute) } else { exposed as f64 };
            }
        }
        if found.iter().all(|found| found.is_finite()) {
            break;
        }
    }
    found
}

fn sample(arm: Arm, counted: Counted) -> Sample {
    let well = arm.visitors - arm.failed - arm.silent;
    let failed = if counted == Counted::Everybody { arm.failed + arm.silent } else { arm.failed };
    Sample::of_failures(failed, well)
}
