//! A response on its way to the visitor: streamed from the upstream, counted at its end.
//!
//! The wire rides along, since its bytes move only while somebody polls it; at the end it goes back to its pool.
//! A response that breaks off is never made to look whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::edge::Caller;
use crate::outcomes::{End, Tally};
use crate::stack::Stack;
use crate::upstream::Wire;

/// The body of what a visitor gets.
pub(crate) enum Outgoing {
    /// None.
    Empty,
    /// A page of our own.
    Page(Option<Bytes>),
    /// An upstream's.
    Relayed(Box<Relayed>),
}

/// An upstream's body with everything that must happen when it ends.
pub(crate) struct Relayed {
    pub(crate) incoming: Incoming,
    pub(crate) ride: Option<Ride>,
}

/// What rides along with a response.
pub(crate) struct Ride {
    pub(crate) wire: Box<Wire>,
    pub(crate) stack: Arc<Stack>,
    pub(crate) caller: Arc<Caller>,
    pub(crate) tally: Tally,
    pub(crate) status: StatusCode,
}

impl Outgoing {
    /// The body of an upstream's response; one that has none is finished at once.
    pub(crate) fn relayed(incoming: Incoming, ride: Ride) -> Self {
        if incoming.is_end_stream() {
            ride.finish();
            return Self::Empty;
        }
        Self::Relayed(Box::new(Relayed { incoming, ride: Some(ride) }))
    }
}

impl Ride {
    /// The response is whole: it counts, and its wire may serve the next one.
    fn finish(mut self) {
        self.tally.settle(End::Answered(self.status));
        self.caller.put_back(&self.stack, self.wire);
    }

    fn break_off(mut self) {
        self.tally.settle(End::Reset);
    }
}

impl Relayed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(ride) = &mut self.ride else { return Poll::Ready(None) };
        ride.wire.drive(cx);
        let incoming = Pin::new(&mut self.incoming);
        let polled = ride.wire.take(|cx| incoming.poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Err(_))) => self.ride.take().into_iter().for_each(Ride::break_off),
            Poll::Ready(None) => self.ride.take().into_iter().for_each(Ride::finish),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => {
                self.ride.take().into_iter().for_each(Ride::finish);
            }
            _ => {}
        }
        polled
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Page(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(relayed) => relayed.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Page(None) => true,
            Self::Page(Some(_)) => false,
            Self::Relayed(relayed) => relayed.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Page(None) => SizeHint::with_exact(0),
            Self::Page(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Self::Relayed(relayed) => relayed.incoming.size_hint(),
        }
    }
}
