//! How much may be written: GitHub allows an installation 80 new contents a minute and 500 an hour, and bans those who
//! go on regardless.
//!
//! A part is kept back for replies to the safety verbs, so that nobody's chatter stands in the way of telling that a
//! rollback is done. (Source: GitHub, "Rate limits for the REST API", secondary rate limits.)

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How urgent a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It tells of something that makes things safer.
    Safety,
    /// Anything else.
    Ordinary,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

impl Urgency {
    /// Writes a minute and an hour.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Safety => (80, 500),
            Self::Ordinary => (60, 400),
        }
    }
}

/// The writes of the last hour, of one installation, and until when GitHub wants to be left alone.
#[derive(Debug, Default)]
pub struct Budget {
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    writes: VecDeque<Duration>,
    silent_until: Duration,
}

impl Budget {
    /// Takes one write at the monotonic time `now`, or says how long until there is one.
    pub fn take(&self, now: Duration, urgency: Urgency) -> Result<(), Duration> {
        self.look(now, urgency).map(|mut spent| spent.writes.push_back(now))
    }

    /// Whether there is a write to take at the monotonic time `now`, or how long until there is one.
    pub fn left(&self, now: Duration, urgency: Urgency) -> Result<(), Duration> {
        self.look(now, urgency).map(drop)
    }

    fn look(&self, now: Duration, urgency: Urgency) -> Result<MutexGuard<'_, Spent>, Duration> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        while spent.writes.front().is_some_and(|first| *first + HOUR <= now) {
            spent.writes.pop_front();
        }
        let (a_minute, an_hour) = urgency.limits();
        let within = |window: Duration, most: usize| {
            let oldest = spent.writes.len().checked_sub(most).and_then(|index| spent.writes.get(index))?;
            (*oldest + window).checked_sub(now).filter(|left| !left.is_zero())
        };
        // Whoever goes on while GitHub wants to be left alone is banned, so this holds for what is urgent too.
        let hushed = spent.silent_until.checked_sub(now).filter(|left| !left.is_zero());
        match within(MINUTE, a_minute).max(within(HOUR, an_hour)).max(hushed) {
            Some(left) => Err(left),
            None => Ok(spent),
        }
    }

    /// Writes within the last hour.
    pub fn spent(&self, now: Duration) -> usize {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.writes.iter().filter(|at| **at + HOUR > now).count()
    }

    /// GitHub said to wait this long before anything else is asked.
    pub fn hush(&self, now: Duration, wait: Duration) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.silent_until = spent.silent_until.max(now + wait);
    }

    /// How long GitHub still wants to be left alone.
    pub fn hushed(&self, now: Duration) -> Option<Duration> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.silent_until.checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter_leaves_room_for_safety_within_the_minute_and_the_hour() {
        let budget = Budget::default();
        let at = Duration::from_secs;
        assert!((0..60).all(|_| budget.take(at(0), Urgency::Ordinary).is_ok()));
        assert_eq!(budget.take(at(1), Urgency::Ordinary), Err(at(59)));
        assert!((0..20).all(|_| budget.take(at(1), Urgency::Safety).is_ok()));
        assert_eq!(budget.take(at(2), Urgency::Safety), Err(at(58)));
        assert_eq!(budget.take(at(61), Urgency::Ordinary), Ok(()));
    }

    #[test]
    fn over_an_hour_no_more_than_the_hour_s_share_is_written() {
        let budget = Budget::default();
        let written = (0..3_600).filter(|s| budget.take(Duration::from_secs(*s), Urgency::Ordinary).is_ok());
        assert_eq!(written.count(), 400);
        assert!(budget.take(Duration::from_secs(3_601), Urgency::Ordinary).is_ok());
    }

    #[test]
    fn when_github_asks_for_silence_it_is_kept() {
        let budget = Budget::default();
        budget.hush(Duration::from_secs(5), Duration::from_secs(30));
        assert_eq!(budget.hushed(Duration::from_secs(20)), Some(Duration::from_secs(15)));
        assert_eq!(budget.take(Duration::from_secs(20), Urgency::Safety), Err(Duration::from_secs(15)));
        assert_eq!(budget.hushed(Duration::from_secs(35)), None);
        assert_eq!(budget.take(Duration::from_secs(35), Urgency::Ordinary), Ok(()));
    }
}
