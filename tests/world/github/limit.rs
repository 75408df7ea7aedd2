//! How much may be asked: GitHub's limits, by this world's clock.
//!
//! A source for the figures: GitHub's "Rate limits for the REST API": 5,000 requests an hour, 80 writes of content a
//! minute and 500 an hour.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Requests an hour.
pub(super) const HOURLY: usize = 5000;
const WRITES_A_MINUTE: usize = 80;
const WRITES_AN_HOUR: usize = 500;

/// What the App has asked for, of which all older than an hour is forgotten.
#[derive(Default)]
pub(super) struct Spent {
    requests: VecDeque<Timestamp>,
    writes: VecDeque<Timestamp>,
}

/// How long to stay away.
pub(super) struct TooMuch {
    pub status: u16,
    pub seconds: i64,
}

impl Spent {
    /// Counts a request.
    pub fn request(&mut self, now: Timestamp) {
        forget(&mut self.requests, now);
        self.requests.push_back(now);
    }

    /// How many requests are left in this hour.
    pub fn left(&self) -> usize {
        HOURLY.saturating_sub(self.requests.len())
    }

    /// When all are there again.
    pub fn reset(&self, now: Timestamp) -> Timestamp {
        self.requests.front().map_or(now, |first| *first + hour())
    }

    /// Counts a write, unless it is one too many.
    pub fn write(&mut self, now: Timestamp) -> Result<(), TooMuch> {
        forget(&mut self.writes, now);
        let minute = SignedDuration::from_mins(1);
        let recent = self.writes.iter().filter(|at| now.duration_since(**at) < minute);
        if recent.clone().count() >= WRITES_A_MINUTE {
            let first = recent.min().copied().unwrap_or(now);
            return Err(TooMuch {
                status: 403,
                seconds: (first + minute).duration_since(now).as_secs().max(1),
            });
        }
        if self.writes.len() >= WRITES_AN_HOUR {
            let seconds = (self.writes[0] + hour()).duration_since(now).as_secs().max(1);
            return Err(TooMuch { status: 429, seconds });
        }
        self.writes.push_back(now);
        Ok(())
    }
}

fn hour() -> SignedDuration {
    SignedDuration::from_hours(1)
}

fn forget(times: &mut VecDeque<Timestamp>, now: Timestamp) {
    while times.front().is_some_and(|first| now.duration_since(*first) >= hour()) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eighty_first_write_of_a_minute_and_the_five_hundred_and_first_of_an_hour_must_wait() {
        let (mut spent, mut now) = (Spent::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..80 {
            assert!(spent.write(now).is_ok());
        }
        assert!(matches!(spent.write(now), Err(TooMuch { status: 403, seconds: 60 })));
        for _ in 80..500 {
            now += SignedDuration::from_secs(1);
            let wait = spent.write(now).err().map_or(0, |too_much| too_much.seconds);
            now += SignedDuration::from_secs(wait);
            assert!(wait == 0 || spent.write(now).is_ok());
        }
        now += SignedDuration::from_mins(2);
        assert!(matches!(spent.write(now), Err(TooMuch { status: 429, .. })));
        assert!(spent.write(now + hour()).is_ok());
    }
}
