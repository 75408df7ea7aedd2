//! Where a rollout stands, and how it may come to stand elsewhere.
//!
//! INVARIANT: every change of stage, live or replayed, goes through [`Stage::next`].

use folkops_model::{Held, PersonId, RolloutEnd, Sealed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a rollout stands. Steps are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is watched, and goes on by itself.
    Rising {
        /// On this step.
        rung: u32,
    },
    /// It stands still by itself, and goes on by itself or when somebody says so.
    Held {
        /// On this step.
        rung: u32,
        /// Why.
        why: Held,
    },
    /// It stands still because somebody said so, and goes on when somebody says so.
    Paused {
        /// On this step.
        rung: u32,
        /// Who; nobody who is known any more, or the automation.
        by: Option<PersonId>,
        /// Why, in their words.
        reason: Option<Sealed>,
    },
    /// Everybody has it, and it is watched on.
    Soaking {
        /// Until when, UTC.
        until: Timestamp,
    },
    /// It is over.
    Ended(RolloutEnd),
}

/// What happens to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// More visitors get it.
    Stepped {
        /// On this step now.
        rung: u32,
    },
    /// It stands still by itself.
    Held(Held),
    /// Somebody lets it stand still.
    Paused {
        /// Who.
        by: Option<PersonId>,
        /// Why.
        reason: Option<Sealed>,
    },
    /// It goes on.
    Resumed,
    /// Everybody has it.
    Soaked {
        /// Until when it is watched on, UTC.
        until: Timestamp,
    },
    /// It is over.
    Ended(RolloutEnd),
}

/// Something that cannot happen to a rollout that stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rollout that is {from:?} cannot be {event:?}; look at it again")]
pub struct IllegalTransition {
    /// Where it stands.
    pub from: Stage,
    /// What was to happen.
    pub event: Event,
}

impl Stage {
    /// The stage after an event.
    ///
    /// # Errors
    /// [`IllegalTransition`] when a step is skipped or taken back, or the rollout is over.
    pub fn next(self, event: Event) -> Result<Self, IllegalTransition> {
        let rung = self.rung();
        match (self, event) {
            (from @ Self::Ended(_), event) => Err(IllegalTransition { from, event }),
            (_, Event::Ended(end)) => Ok(Self::Ended(end)),
            (Self::Rising { rung: before }, Event::Stepped { rung }) if rung == before + 1 => {
                Ok(Self::Rising { rung })
            }
            (Self::Rising { rung } | Self::Held { rung, .. }, Event::Held(why)) => {
                Ok(Self::Held { rung, why })
            }
            (Self::Paused { .. } | Self::Held { .. }, Event::Resumed) => {
                Ok(Self::Rising { rung: rung.unwrap_or(0) })
            }
            (Self::Rising { rung } | Self::Held { rung, .. }, Event::Paused { by, reason }) => {
                Ok(Self::Paused { rung, by, reason })
            }
            (Self::Rising { .. } | Self::Held { .. }, Event::Soaked { until }) => Ok(Self::Soaking { until }),
            (from, event) => Err(IllegalTransition { from, event }),
        }
    }

    /// The step it stands on, unless everybody has it or it is over.
    pub fn rung(&self) -> Option<u32> {
        match self {
            Self::Rising { rung } | Self::Held { rung, .. } | Self::Paused { rung, .. } => Some(*rung),
            Self::Soaking { .. } | Self::Ended(_) => None,
        }
    }

    /// Whether anything may still happen.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Ended(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0..5_u32).prop_map(|rung| Event::Stepped { rung }),
            Just(Event::Held(Held::Silent)),
            Just(Event::Held(Held::Suspicion)),
            Just(Event::Paused { by: None, reason: None }),
            Just(Event::Resumed),
            Just(Event::Soaked { until: Timestamp::UNIX_EPOCH }),
            Just(Event::Ended(RolloutEnd::Live)),
            Just(Event::Ended(RolloutEnd::RolledBack)),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_no_step_is_skipped_or_taken_back_and_the_end_is_the_end(
            events in prop::collection::vec(event(), 0..40)
        ) {
            let mut stage = Stage::Rising { rung: 0 };
            for event in events {
                let before = stage.clone();
                match stage.clone().next(event.clone()) {
                    Ok(after) => {
                        prop_assert!(before.is_live());
                        if let (Some(from), Some(to)) = (before.rung(), after.rung()) {
                            let stepped = matches!(event, Event::Stepped { .. });
                            prop_assert!(to == from || (to == from + 1 && stepped));
                        }
                        // Nobody who has it loses it step by step.
                        prop_assert!(before.rung().is_some() || after.rung().is_none());
                        stage = after;
                    }
                    Err(error) => prop_assert_eq!(error, IllegalTransition { from: before, event }),
                }
            }
        }
    }

    #[test]
    fn a_soak_knows_no_steps_and_no_standing_still_only_its_end() {
        let soaking = Stage::Soaking { until: Timestamp::UNIX_EPOCH };
        for event in [
            Event::Stepped { rung: 1 },
            Event::Held(Held::Silent),
            Event::Paused { by: None, reason: None },
            Event::Resumed,
            Event::Soaked { until: Timestamp::MAX },
        ] {
            assert!(soaking.clone().next(event).is_err());
        }
        let back = RolloutEnd::RolledBack;
        assert_eq!(soaking.next(Event::Ended(back)), Ok(Stage::Ended(back)));
    }

    #[test]
    fn a_pause_outlasts_whatever_the_numbers_say_but_not_the_end() {
        let paused = Stage::Paused { rung: 2, by: None, reason: None };
        assert!(paused.clone().next(Event::Stepped { rung: 3 }).is_err());
        assert!(paused.clone().next(Event::Held(Held::Silent)).is_err());
        assert!(paused.clone().next(Event::Soaked { until: Timestamp::MAX }).is_err());
        assert_eq!(paused.clone().next(Event::Resumed), Ok(Stage::Rising { rung: 2 }));
        assert_eq!(
            paused.next(Event::Ended(RolloutEnd::RolledBack)),
            Ok(Stage::Ended(RolloutEnd::RolledBack))
        );
    }
}
