//! Waiting for facts, never for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a fact may take that needs no build.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How long a fact may take that needs builds, on a machine that does other things as well.
pub(crate) const BUILT: Duration = Duration::from_secs(120);
/// Between two looks.
const TICK: Duration = Duration::from_millis(25);

/// Looks until there is something to see, and gives it.
///
/// # Panics
/// If it does not come within 20 s; the text says what was waited for.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(SOON, what, look).await
}

/// As [`until`], with a time of one's own.
///
/// # Panics
/// If it does not come in time.
pub async fn until_within<T>(within: Duration, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    seen_until(within, look).await.unwrap_or_else(|| panic!("{what}: not within {} s", within.as_secs()))
}

/// Looks until there is something to see or the time is over.
pub(crate) async fn seen_until<T>(within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + within;
    loop {
        if let Some(seen) = look().await {
            return Some(seen);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(TICK).await;
    }
}
