//! Visitors who never stop asking, and count every answer that is not a whole, good one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use tokio::task::JoinHandle;

use crate::browser::Browser;

/// What the visitors saw.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Requests that were answered well.
    pub good: u64,
    /// The others, each with what went wrong.
    pub failed: Vec<String>,
}

/// Visitors at work.
pub struct Load {
    shared: Arc<Shared>,
    visitors: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    good: AtomicU64,
    failed: Mutex<Vec<String>>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, host: &str, visitors: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let visit = |_| tokio::spawn(visit(shared.clone(), address, host.to_owned()));
        let visitors = (0..visitors).map(visit).collect();
        Self { shared, visitors }
    }

    /// How many requests were answered well by now.
    pub fn good(&self) -> u64 {
        self.shared.good.load(Ordering::Relaxed)
    }

    /// Calls the visitors back once their last request is answered.
    pub async fn stop(mut self) -> Tally {
        self.shared.over.store(true, Ordering::Relaxed);
        join_all(std::mem::take(&mut self.visitors)).await;
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Tally { good: self.good(), failed }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

async fn visit(shared: Arc<Shared>, address: SocketAddr, host: String) {
    let mut browser = Browser::new(address);
    while !shared.over.load(Ordering::Relaxed) {
        let wrong = match browser.tries(&host, "/red-lentil-soup").await {
            Ok(answer) if answer.status == 200 && answer.body.contains("Red lentil") => None,
            Ok(answer) => Some(format!("{} {}", answer.status, answer.body)),
            Err(error) => Some(error.to_string()),
        };
        match wrong {
            None => _ = shared.good.fetch_add(1, Ordering::Relaxed),
            Some(wrong) => shared.failed.lock().unwrap_or_else(PoisonError::into_inner).push(wrong),
        }
    }
}
