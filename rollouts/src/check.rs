//! What no step of a rollout may do, whoever asks for it: every step is checked here before it is recorded.
//!
//! The causes of these rules are other engines' incidents: weights that were set for one side only, traffic that came
//! before the capacity, visitors drawn anew in mid-rollout, a way back that led nowhere.

use folkops_model::{BasisPoints, ReleaseNumber, Rollout, Rung};

use crate::back::at_most;
use crate::stage::Stage;

/// What is about to happen to the visitors.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The first visitors get the new build.
    Start {
        /// What runs in production by the record.
        production: ReleaseNumber,
        /// Whether every component of the new release answers.
        up: Up,
    },
    /// Everybody gets it at once.
    Switch {
        /// What runs in production by the record.
        production: ReleaseNumber,
        /// Whether every component of the new release answers.
        up: Up,
    },
    /// More visitors get it.
    Step {
        /// Where the rollout stands.
        stage: &'a Stage,
        /// The step it goes to.
        rung: u32,
    },
    /// All the processes of a release end.
    Stop {
        /// Where the rollout stands.
        stage: &'a Stage,
        /// The release that would end.
        release: ReleaseNumber,
    },
}

/// Whether a release answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// Every component does.
    Yes,
    /// Not every one.
    No,
}

/// A step that must not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Visitors would be sent to what does not answer.
    #[error("release {0} does not answer yet; visitors come after it does")]
    NotUp(ReleaseNumber),
    /// Visitors have it, or may be sent to it at any moment.
    #[error("release {0} is a side of a rollout that is not over; both run whole until it is")]
    StillNeeded(ReleaseNumber),
    /// The way back would lead to something else than what ran.
    #[error("the way back leads to release {wanted}, but production runs release {found}; promote again")]
    NoWayBack {
        /// Where the rollout would go back to.
        wanted: ReleaseNumber,
        /// What runs.
        found: ReleaseNumber,
    },
    /// There is no such step, or it is not the next one.
    #[error("step {0} is not the next one")]
    NotNext(u32),
    /// One side would get nobody, or both together more than everybody.
    #[error(
        "a step of {weight} beside a control of {control} leaves one side empty or is more than everybody"
    )]
    Shares {
        /// The new build's share.
        weight: BasisPoints,
        /// The control's.
        control: BasisPoints,
    },
    /// The control is not the same multiple of the share as at the first step.
    #[error("the control of step {0} is another multiple of its share than the first step's")]
    Proportion(usize),
    /// The earlier release does not answer.
    #[error("the earlier release does not answer; visitors go back to it once it does")]
    ColdWayBack,
    /// The earlier release would get more than it can take up at once, or lose some of what it carries.
    #[error(
        "from {from} the earlier release may not go to {to} in one move; it may go to at most twice as much"
    )]
    TooMuchAtOnce {
        /// What it carries.
        from: BasisPoints,
        /// What it would carry.
        to: BasisPoints,
    },
    /// Later steps give fewer visitors the new build, or exclude less.
    #[error("step {0} is not wider than the one before, or excludes less")]
    NotWider(usize),
}

/// Checks a whole rollout: its steps, and the change at hand.
///
/// # Errors
/// [`Refusal`] says what would go wrong.
pub fn check(rollout: &Rollout, change: Change<'_>) -> Result<(), Refusal> {
    if !matches!(change, Change::Switch { .. }) {
        ladder(&rollout.rungs)?;
    }
    match change {
        Change::Start { up: Up::No, .. } | Change::Switch { up: Up::No, .. } => {
            Err(Refusal::NotUp(rollout.release))
        }
        Change::Start { production, .. } | Change::Switch { production, .. }
            if production != rollout.from =>
        {
            Err(Refusal::NoWayBack { wanted: rollout.from, found: production })
        }
        Change::Start { .. } | Change::Switch { .. } => Ok(()),
        Change::Step { stage, rung } => {
            let exists = usize::try_from(rung).is_ok_and(|rung| rung < rollout.rungs.len());
            let is_next = stage.rung().is_some_and(|now| rung == now + 1);
            if exists && is_next { Ok(()) } else { Err(Refusal::NotNext(rung)) }
        }
        Change::Stop { stage, release } => {
            let is_side = [rollout.from, rollout.release].contains(&release);
            if is_side && stage.is_live() { Err(Refusal::StillNeeded(release)) } else { Ok(()) }
        }
    }
}

/// Checks one move of the way back: the earlier release carries `from` and would carry `to`.
///
/// # Errors
/// [`Refusal`] says what would go wrong.
pub fn check_back(up: Up, from: BasisPoints, to: BasisPoints) -> Result<(), Refusal> {
    match up {
        Up::No => Err(Refusal::ColdWayBack),
        Up::Yes if to <= from || to > at_most(from) => Err(Refusal::TooMuchAtOnce { from, to }),
        Up::Yes => Ok(()),
    }
}

fn ladder(rungs: &[Rung]) -> Result<(), Refusal> {
    let Some(first) = rungs.first() else { return Err(Refusal::NotNext(0)) };
    for (index, rung) in rungs.iter().enumerate() {
        let (weight, control) = (rung.weight, rung.control);
        if weight.get() == 0 || control.get() == 0 || weight.get() + control.get() > 10_000 {
            return Err(Refusal::Shares { weight, control });
        }
        let (this, that) = (proportion(rung, first), proportion(first, rung));
        if this.abs_diff(that) > 10_000 {
            return Err(Refusal::Proportion(index));
        }
    }
    let narrower = |pair: &[Rung]| match pair {
        [one, next] => next.weight <= one.weight || next.margin_ppm > one.margin_ppm,
        _ => false,
    };
    match rungs.windows(2).position(narrower) {
        Some(index) => Err(Refusal::NotWider(index + 1)),
        None => Ok(()),
    }
}

/// One step's control times another's share: the same both ways when the proportions are, up to rounding.
fn proportion(one: &Rung, other: &Rung) -> u32 {
    u32::from(one.control.get()) * u32::from(other.weight.get())
}

#[cfg(test)]
mod tests {
    use folkops_model::{Late, OperationId, Strategy, Timing};
    use proptest::prelude::*;

    use super::*;
    use crate::spec::Template;

    fn rollout(rungs: Vec<Rung>) -> Rollout {
        Rollout {
            release: ReleaseNumber(219),
            from: ReleaseNumber(218),
            changes: vec![],
            operation: OperationId::parse("op").unwrap(),
            strategy: Strategy::Canary,
            rungs,
            budget: 50,
            least: 0,
            deadline: jiff::Timestamp::UNIX_EPOCH,
            late: Late::Hold,
            salt: "00".repeat(16),
            timing: Timing { period_ms: 1_000, block_ms: 1_000, slow_ms: 500 },
            soak: None,
        }
    }

    fn rung(weight: u16, control: u16, margin_ppm: u32) -> Rung {
        Rung {
            weight: BasisPoints::new(weight).unwrap(),
            control: BasisPoints::new(control).unwrap(),
            margin_ppm,
        }
    }

    const START: Change<'static> = Change::Start { production: ReleaseNumber(218), up: Up::Yes };

    #[test]
    fn each_way_to_go_wrong_is_refused_in_its_own_words() {
        let good = vec![rung(100, 300, 500_000), rung(400, 1_200, 250_000)];
        assert_eq!(check(&rollout(good.clone()), START), Ok(()));
        let refused = |rungs, change| check(&rollout(rungs), change).unwrap_err().to_string();
        let not_up = Change::Start { production: ReleaseNumber(218), up: Up::No };
        assert_eq!(
            refused(good.clone(), not_up),
            "release 219 does not answer yet; visitors come after it does"
        );
        let elsewhere = Change::Start { production: ReleaseNumber(7), up: Up::Yes };
        assert_eq!(
            refused(good.clone(), elsewhere),
            "the way back leads to release 218, but production runs release 7; promote again"
        );
        let switch = |production, up| check(&rollout(vec![]), Change::Switch { production, up });
        assert_eq!(switch(ReleaseNumber(218), Up::Yes), Ok(()));
        assert!(switch(ReleaseNumber(218), Up::No).is_err() && switch(ReleaseNumber(7), Up::Yes).is_err());
        let stage = Stage::Rising { rung: 0 };
        for rung in [0, 2, 9] {
            let skipped = Change::Step { stage: &stage, rung };
            assert_eq!(refused(good.clone(), skipped), format!("step {rung} is not the next one"));
        }
        assert!(refused(vec![rung(0, 300, 1)], START).contains("leaves one side empty"));
        assert!(refused(vec![rung(100, 0, 1)], START).contains("leaves one side empty"));
        assert!(refused(vec![rung(5_001, 5_000, 1)], START).contains("more than everybody"));
        assert_eq!(refused(vec![], START), "step 0 is not the next one");
        let lopsided = vec![rung(100, 300, 2), rung(400, 400, 1)];
        assert!(refused(lopsided, START).contains("another multiple"));
        let narrower = vec![rung(400, 1_200, 2), rung(100, 300, 1)];
        assert!(refused(narrower, START).contains("not wider"));
    }

    #[test]
    fn neither_side_stops_while_anybody_may_be_sent_to_it() {
        let rollout = rollout(vec![rung(100, 300, 500_000)]);
        let stop = |stage: &Stage, release| check(&rollout, Change::Stop { stage, release });
        let paused = Stage::Paused { rung: 0, by: None, reason: None };
        for stage in [Stage::Rising { rung: 0 }, paused] {
            for side in [218, 219].map(ReleaseNumber) {
                assert_eq!(stop(&stage, side), Err(Refusal::StillNeeded(side)));
            }
            assert_eq!(stop(&stage, ReleaseNumber(217)), Ok(()));
        }
        let over = Stage::Ended(folkops_model::RolloutEnd::RolledBack);
        assert_eq!(stop(&over, ReleaseNumber(219)), Ok(()));
    }

    proptest! {
        #[test]
        fn every_plan_that_a_template_gives_passes(
            visitors in 1_u64..10_000_000, usual in 0.001_f64..0.2, margin in 0.001_f64..0.3, even_steps in 1_u16..=50,
            linear in any::<bool>()
        ) {
            let template = Template {
                strategy: if linear { Strategy::Linear } else { Strategy::Canary },
                visitors, usual, margin, even_steps,
                ..Template::ordinary()
            };
            prop_assert_eq!(template.check(), Ok(()));
            let rollout = rollout(template.rungs());
            prop_assert_eq!(check(&rollout, START), Ok(()));
            let mut stage = Stage::Rising { rung: 0 };
            for rung in 1..u32::try_from(rollout.rungs.len()).unwrap() {
                prop_assert_eq!(check(&rollout, Change::Step { stage: &stage, rung }), Ok(()));
                stage = stage.next(crate::stage::Event::Stepped { rung }).unwrap();
            }
        }
    }
}
