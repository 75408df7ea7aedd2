//! What goes wrong, and only when a story says so.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// What goes wrong from now on.
#[derive(Default)]
pub(super) struct Faults {
    /// GitHub is down: every request is answered with a 503.
    pub down: bool,
    /// So many comments and the like never become a delivery.
    pub silent: u32,
    /// So many deliveries are tried and lost.
    pub lost: u32,
    /// So many writes are done and then answered with a 502.
    pub blind: u32,
    /// What happens to every delivery.
    pub storm: Option<Storm>,
    /// A push that comes just before a request is answered.
    pub push: Option<Push>,
    /// A process that is killed when somebody asks for a path with this in it, before that is answered.
    pub deadly: Option<(String, u32)>,
    /// Deliveries are kept back, by their places.
    pub kept: Option<Vec<usize>>,
}

/// A push that waits for its moment.
pub(super) struct Push {
    /// In this repository.
    pub at: usize,
    /// To this pull request.
    pub number: u64,
    /// By this account.
    pub by: u64,
    /// This commit, which is in the repository already.
    pub commit: String,
    /// Before the so-manieth request from now on is answered: 1 for the next one.
    pub request: u32,
}

/// A bad day, the same one for the same seed.
pub(super) struct Storm {
    pub dice: Pcg64,
    /// Of a hundred deliveries so many are lost.
    pub lost: u32,
    /// Each is sent so many times.
    pub copies: usize,
}

impl Storm {
    pub fn new(seed: u64, lost: u32, copies: usize) -> Self {
        Self { dice: Pcg64::seed_from_u64(seed), lost, copies }
    }
}

impl Faults {
    /// Whether something happens in silence.
    pub fn is_silent(&mut self) -> bool {
        take_one(&mut self.silent)
    }

    /// The push whose moment has come with this request.
    pub fn push_now(&mut self) -> Option<Push> {
        let push = self.push.as_mut()?;
        push.request = push.request.saturating_sub(1);
        if push.request > 0 { None } else { self.push.take() }
    }

    /// The process that a request for this path kills.
    pub fn killed_by(&mut self, path: &str) -> Option<u32> {
        self.deadly.take_if(|(part, _)| path.contains(part.as_str())).map(|(_, process)| process)
    }

    /// Whether a write is answered blindly.
    pub fn is_blind(&mut self) -> bool {
        take_one(&mut self.blind)
    }

    /// How often a new delivery is sent.
    pub fn copies(&mut self) -> usize {
        if take_one(&mut self.lost) {
            return 0;
        }
        let Some(storm) = &mut self.storm else { return 1 };
        if storm.dice.random_range(0..100) < storm.lost { 0 } else { storm.copies }
    }

    /// Brings what was kept back into an order of its own, if the day is bad.
    pub fn shuffled<T>(&mut self, mut kept: Vec<T>) -> Vec<T> {
        if let Some(storm) = &mut self.storm {
            kept.shuffle(&mut storm.dice);
        }
        kept
    }
}

fn take_one(left: &mut u32) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}
