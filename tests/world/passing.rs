//! Visitors who pass by: each comes once, looks at a few pages with the cookie that they were given, and does not return.
//!
//! What they meet is the router's business to count; they only keep coming, as visitors do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::browser::Browser;
use crate::setup::SERVICE;

/// How often each of them looks: the first time nobody knows them yet.
const LOOKS: u32 = 3;

/// Visitors who keep coming until this is dropped.
pub struct Passing(JoinHandle<()>);

impl Passing {
    /// One more comes every so often.
    pub fn by(router: SocketAddr, every: Duration) -> Self {
        Self(tokio::spawn(arrivals(router, every)))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn arrivals(router: SocketAddr, every: Duration) {
    let mut arrivals = interval(every);
    arrivals.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        arrivals.tick().await;
        tokio::spawn(pass(router));
    }
}

async fn pass(router: SocketAddr) {
    let mut browser = Browser::new(router);
    for _ in 0..LOOKS {
        // Whoever meets an error looks again; what became of it is read elsewhere.
        let _ = browser.tries(SERVICE, "/red-lentil-soup").await;
    }
}
