//! Sign-ins that have begun: what only this process knows of each, until the browser comes back.
//!
//! The browser holds a random token in a cookie; here stands its SHA-256, with the hash of the state and the verifier.
//! Each can be taken once. Nothing of this is kept over a restart: whoever was on the way begins again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use folkops_model::SurfaceName;
use subtle::ConstantTimeEq as _;

use crate::session::sha256;

/// How long somebody may take to agree on the other network.
pub(crate) const LASTS: Duration = Duration::from_secs(600);

/// How many there may be; the oldest go first. Each takes some 300 bytes.
const MOST: usize = 10_000;

/// All of them.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<BTreeMap<String, Begun>>);

/// One that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// By which network.
    pub(crate) surface: SurfaceName,
    /// SHA-256 of the state, hex.
    pub(crate) state: String,
    /// What only we know; whoever has the code alone has nothing.
    pub(crate) verifier: String,
    /// SHA-256 of the session that began it, where the browser spoke for somebody.
    pub(crate) session: Option<String>,
    /// When, by the monotonic clock.
    pub(crate) at: Duration,
}

impl UnderWay {
    /// Keeps one, by the token that the browser was given.
    pub(crate) fn keep(&self, token: &str, begun: Begun) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = begun.at;
        all.retain(|_, begun| begun.at + LASTS > now);
        let oldest = all.iter().min_by_key(|(_, begun)| begun.at).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| all.len() >= MOST) {
            all.remove(&oldest);
        }
        all.insert(sha256(token), begun);
    }

    /// Takes the one of this browser, if the state that came back is its own. Another state takes nothing, so that
    /// nobody can end somebody else's by guessing.
    pub(crate) fn take(&self, token: &str, state: &str, now: Duration) -> Result<Begun, Astray> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = sha256(token);
        let begun = all.get(&key).filter(|begun| begun.at + LASTS > now).ok_or(Astray::Over)?;
        if !bool::from(begun.state.as_bytes().ct_eq(sha256(state).as_bytes())) {
            return Err(Astray::Foreign);
        }
        all.remove(&key).ok_or(Astray::Over)
    }
}

/// Why somebody who came back cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Astray {
    /// Nothing of this browser is under way: it took too long, was used already, or was begun elsewhere.
    Over,
    /// The state is not the one that this browser was sent out with.
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(seconds: u64) -> Begun {
        Begun {
            surface: SurfaceName::parse("github").unwrap(),
            state: sha256("state"),
            verifier: "verifier".into(),
            session: None,
            at: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn one_that_has_begun_is_taken_once_and_by_its_own_state() {
        let all = UnderWay::default();
        all.keep("token", begun(0));
        let now = Duration::from_secs(599);
        assert_eq!(all.take("other", "state", now), Err(Astray::Over));
        assert_eq!(all.take("token", "stat", now), Err(Astray::Foreign));
        assert_eq!(all.take("token", "state", now), Ok(begun(0)));
        assert_eq!(all.take("token", "state", now), Err(Astray::Over));
    }

    #[test]
    fn ten_minutes_are_enough_and_no_more_are_given() {
        let all = UnderWay::default();
        all.keep("token", begun(0));
        assert_eq!(all.take("token", "state", Duration::from_secs(600)), Err(Astray::Over));
    }

    #[test]
    fn a_flood_of_beginnings_stays_within_its_bounds_and_the_newest_stay() {
        let all = UnderWay::default();
        for number in 0..MOST as u64 + 50 {
            all.keep(&format!("token-{number}"), Begun { at: Duration::from_millis(number), ..begun(0) });
        }
        assert_eq!(all.0.lock().unwrap().len(), MOST);
        let now = Duration::from_secs(60);
        assert_eq!(all.take("token-0", "state", now), Err(Astray::Over));
        assert!(all.take("token-10049", "state", now).is_ok());
    }
}
