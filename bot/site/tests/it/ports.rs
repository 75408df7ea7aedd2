//! The outside of the engine, in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkops_engine::{Due, Hands, Keyring, KeyringError, Lookout, Unavailable};
use folkops_model::{ChangeRef, Outcome, Sealed, Sha, ports::Clock, ports::Entropy};
use folkops_site::DiffSource;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Time that stands still until it is moved.
pub struct Standing(pub Mutex<Timestamp>);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.now().as_second().unsigned_abs())
    }
}

/// Unpredictable enough for a test, and the same each time.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let hash = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

/// Keys in memory; erasing one forgets its text.
#[derive(Default)]
pub struct Keys(Mutex<Vec<Option<String>>>);

impl Keyring for Keys {
    fn seal(&self, text: &str) -> Result<Sealed, KeyringError> {
        let mut kept = self.0.lock().unwrap();
        kept.push(Some(text.to_owned()));
        Ok(Sealed { key: kept.len() as u64 - 1, text: "sealed".to_owned() })
    }
    fn open(&self, sealed: &Sealed) -> Option<String> {
        self.0.lock().unwrap().get(sealed.key as usize).cloned().flatten()
    }
    fn erase(&self, sealed: &Sealed) -> Result<(), KeyringError> {
        self.0.lock().unwrap()[sealed.key as usize] = None;
        Ok(())
    }
}

/// Nothing is ever done.
pub struct NoHands;

impl Hands for NoHands {
    fn perform<'a>(&'a self, _due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>> {
        async { Ok(Outcome::Routed) }.boxed()
    }
}

/// Looks at changes only when the gate lets it, so that a test can hold a request up.
pub struct Gate(pub Arc<Semaphore>);

impl Lookout for Gate {
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        async { self.0.acquire().await.map(|_| ()).map_err(|error| Unavailable(error.to_string())) }.boxed()
    }
}

/// The same small diff for every change.
pub struct ThreeLines;

impl DiffSource for ThreeLines {
    fn diff<'a>(
        &'a self,
        _change: &'a ChangeRef,
        _base: &'a Sha,
        _head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>> {
        async { Ok("@@ -1 +1 @@\n-<b>four</b>\n+six\n".to_owned()) }.boxed()
    }
}
