//! A named thread that is waited for when it is let go of.

use std::io;
use std::thread::{Builder, JoinHandle};

/// A running thread. Whatever makes it end must be dropped before it.
pub(crate) struct Thread(Option<JoinHandle<()>>);

impl Thread {
    /// Starts it.
    pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        Ok(Self(Some(Builder::new().name(name.into()).spawn(work)?)))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // One that panicked has left its word with those who wait for it.
        let _ended = self.0.take().map(JoinHandle::join);
    }
}
