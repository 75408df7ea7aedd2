//! Follows one request of a rollout from its beginning to its end, and tells the trial what became of it.
//!
//! What the head says is counted when it comes: a page of events that is read for hours is no debt. Whoever leaves
//! before it counts as slow if it was late by then, and not at all otherwise.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::outcomes::End;
use crate::rollout::Rollout;
use crate::rollout::book::Era;
use crate::rollout::members::{Arrival, Guest, News, Side};

pub(crate) struct Witness {
    rollout: Arc<Rollout>,
    side: Side,
    /// Whose request it is, where they can be known again.
    guest: Option<Guest>,
    /// Under which terms they may be exposed, where their place is one that counts.
    era: Option<Era>,
    began: Duration,
    arrival: Arrival,
    heard: Heard,
}

/// What has been told of the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Good,
    Failure,
}

impl Witness {
    pub(crate) fn new(
        rollout: &Arc<Rollout>,
        side: Side,
        guest: Option<Guest>,
        era: Option<Era>,
    ) -> Box<Self> {
        let (rollout, began) = (Arc::clone(rollout), Duration::ZERO);
        Box::new(Self {
            rollout,
            side,
            guest,
            era,
            began,
            arrival: Arrival::default(),
            heard: Heard::Nothing,
        })
    }

    /// The request goes out.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.began = now;
        if let Some(guest) = self.guest {
            self.arrival = self.rollout.trial.arrive(guest, self.era, now);
        }
    }

    /// The response's head is there.
    pub(crate) fn answered(&mut self, after: Duration, status: StatusCode) {
        let failed = status.is_server_error();
        self.heard = if failed { Heard::Failure } else { Heard::Good };
        let news = News {
            told: 1,
            failed: failed.into(),
            slow: self.is_slow(after).into(),
            refused: status.is_client_error().into(),
            withdrawn: 0,
        };
        self.tell(&news, self.began + after);
    }

    /// The request is over.
    pub(crate) fn end(&mut self, end: End) {
        let now = || self.rollout.trial.now();
        match (self.heard, end) {
            (Heard::Nothing, _) => {
                let now = now();
                self.tell(&self.unheard(end, now.saturating_sub(self.began)), now);
            }
            (Heard::Good, End::Reset | End::Timeout) => {
                self.tell(&News { failed: 1, ..News::default() }, now())
            }
            _ => {}
        }
    }

    /// What an end without a head says.
    fn unheard(&self, end: End, after: Duration) -> News {
        let slow = u32::from(self.is_slow(after));
        match end {
            End::Reset | End::Timeout => News { told: 1, failed: 1, slow, ..News::default() },
            End::Left | End::Answered(_) if slow > 0 => News { told: 1, slow, ..News::default() },
            End::Left | End::Answered(_) => News { withdrawn: 1, ..News::default() },
        }
    }

    fn is_slow(&self, after: Duration) -> bool {
        after >= self.rollout.slow
    }

    fn tell(&self, news: &News, now: Duration) {
        let visitor = self.guest.map(|guest| (guest.mark, &self.arrival));
        self.rollout.trial.note(visitor, self.side, news, now);
    }
}
