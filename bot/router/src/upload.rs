//! A request's body on its way to the upstream: streamed, never gathered.
//!
//! It notes whether it moves, so that a long upload is not taken for a slow upstream, nor a stalled visitor for a
//! failing one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request that we send.
#[derive(Debug)]
pub(crate) enum Upload {
    /// There is none.
    Empty,
    /// As it comes from the visitor.
    Streaming(Incoming, Arc<Progress>),
}

/// How far an upload has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Twice the pieces passed on; odd while the visitor owes us the next one.
    steps: AtomicU64,
    seen: AtomicU64,
}

/// What an upload did since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It passed something on.
    Moved,
    /// It stands still, and the visitor owes the next piece.
    Waiting,
    /// It is complete, or the upstream does not take it.
    Done,
}

impl Upload {
    pub(crate) fn of(body: Incoming) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Streaming(body, Arc::default()) }
    }

    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Streaming(_, progress) => Some(Arc::clone(progress)),
        }
    }
}

impl Progress {
    pub(crate) fn pulse(&self) -> Pulse {
        let steps = self.steps.load(Relaxed);
        let moved = self.seen.swap(steps, Relaxed) / 2 != steps / 2;
        match (moved, steps % 2) {
            (true, _) => Pulse::Moved,
            (false, 1) => Pulse::Waiting,
            (false, _) => Pulse::Done,
        }
    }

    fn passed(&self) {
        self.steps.store((self.steps.load(Relaxed) | 1) + 1, Relaxed);
    }

    fn owed(&self) {
        self.steps.fetch_or(1, Relaxed);
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self::Streaming(body, progress) = self.get_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        match &polled {
            Poll::Ready(_) => progress.passed(),
            Poll::Pending => progress.owed(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streaming(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streaming(body, _) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_tells_moving_from_stalled_from_done() {
        let progress = Progress::default();
        progress.owed();
        assert_eq!(progress.pulse(), Pulse::Waiting);
        progress.passed();
        progress.owed();
        assert_eq!(progress.pulse(), Pulse::Moved);
        assert_eq!(progress.pulse(), Pulse::Waiting);
        progress.passed();
        assert_eq!(progress.pulse(), Pulse::Moved);
        assert_eq!(progress.pulse(), Pulse::Done);
    }
}
