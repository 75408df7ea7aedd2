//! One HTTP/1 connection to a stack, driven by whoever uses it.
//!
//! hyper's connection future is polled by the task of the visitor that holds the wire, not by a task of its own:
//! a request then costs no wake-up of a second task, and a visitor who leaves drops the wire with everything on it.
//! A wire is used for one exchange at a time and never again after anything odd happened on it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::bell::Bell;
use crate::config::{Limits, Waits};
use crate::table::Upstream;
use crate::upload::{Progress, Pulse, Upload};

/// A connection to an upstream.
pub(crate) struct Wire {
    connection: Connection<TokioIo<Heard>, Upload>,
    sender: SendRequest<Upload>,
    heard: Arc<AtomicBool>,
    ended: bool,
    bell: Bell,
    /// Moved on for each exchange, which is cheaper than a new one.
    deadline: Pin<Box<Sleep>>,
}

/// The stream beneath, noting whether the upstream has said anything.
pub(crate) struct Heard {
    stream: Stream,
    heard: Arc<AtomicBool>,
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The request never left; here it is again.
    Unsent(Box<Request<Upload>>),
    /// The connection died before the upstream said a byte.
    Silent,
    /// The upstream broke off, or spoke no HTTP.
    Broken,
    /// The upstream did not answer in time.
    Late,
    /// The visitor stopped sending the request's body.
    Stalled,
}

impl Wire {
    /// Connects to an upstream.
    pub(crate) async fn connect(
        upstream: &Upstream,
        limits: &Limits,
        waits: &Waits,
    ) -> Result<Box<Self>, Fault> {
        let stream = timeout(waits.connect, Stream::connect(upstream)).await.map_err(|_| Fault::Late)?;
        let heard = Arc::new(AtomicBool::new(false));
        let io = Heard { stream: stream.map_err(|_| Fault::Silent)?, heard: Arc::clone(&heard) };
        let mut builder = http1::Builder::new();
        builder.max_header_size(limits.head_bytes).max_buf_size(crate::edge::buffer_bytes(limits));
        if limits.header_lines != crate::edge::HYPERS_HEADER_LINES {
            builder.max_headers(limits.header_lines);
        }
        let (sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(|_| Fault::Silent)?;
        let deadline = Box::pin(sleep(waits.response));
        Ok(Box::new(Self { connection, sender, heard, ended: false, bell: Bell::new(), deadline }))
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) fn exchange(
        &mut self,
        request: Request<Upload>,
        wait: Duration,
    ) -> impl Future<Output = Result<Response<Incoming>, Fault>> {
        self.heard.store(false, Relaxed);
        let progress = request.body().progress();
        // Handed over before the future begins, which would carry it otherwise.
        let answer = self.sender.try_send_request(request);
        async move {
            let mut answer = pin!(answer);
            loop {
                self.deadline.as_mut().reset(Instant::now() + wait);
                match poll_fn(|cx| self.poll_answer(answer.as_mut(), cx)).await {
                    Some(Ok(response)) => return Ok(response),
                    Some(Err(mut error)) => return Err(self.fault(error.take_message())),
                    None => match progress.as_deref().map_or(Pulse::Done, Progress::pulse) {
                        Pulse::Moved => continue,
                        Pulse::Waiting => return Err(Fault::Stalled),
                        Pulse::Done => return Err(Fault::Late),
                    },
                }
            }
        }
    }

    /// The answer, or nothing when the time is over.
    fn poll_answer<T>(
        &mut self,
        answer: Pin<&mut impl Future<Output = T>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<T>> {
        self.drive(cx);
        if let Poll::Ready(answer) = answer.poll(&mut quiet()) {
            return Poll::Ready(Some(answer));
        }
        // Where tokio's budget kept the answer back, it keeps the deadline back as well, and that asks for a new turn.
        self.deadline.as_mut().poll(cx).map(|()| None)
    }

    /// Moves bytes both ways as far as they go now.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        // INVARIANT: hyper's future is not polled again after it was ready.
        self.ended =
            self.ended || self.connection.poll_without_shutdown(&mut self.bell.answer(cx)).is_ready();
    }

    /// Polls what the connection gives, without being rung for taking it.
    pub(crate) fn take<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.bell.hush(|| poll(&mut quiet()))
    }

    /// Whether another request may be sent, as far as can be seen now.
    ///
    /// Where nothing has stirred since the last exchange, the end of the connection included, that is known already.
    pub(crate) fn is_fit(&mut self) -> bool {
        if self.bell.has_rung() || !self.sender.is_ready() {
            self.drive(&mut quiet());
        }
        !self.ended && self.sender.is_ready()
    }

    /// The bare stream after the upstream changed to another protocol, and what it has already said in it.
    pub(crate) async fn into_stream(mut self) -> (Heard, Bytes) {
        poll_fn(|cx| {
            self.drive(cx);
            if self.ended { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let parts = self.connection.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }

    fn fault(&self, unsent: Option<Request<Upload>>) -> Fault {
        match unsent {
            Some(request) => Fault::Unsent(Box::new(request)),
            None if self.heard.load(Relaxed) => Fault::Broken,
            None => Fault::Silent,
        }
    }
}

/// A context that wakes nobody: for what changes only while its wire is driven, by the same task, just before it is
/// looked at. A wake-up would only make that task look a second time.
fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Stream {
    async fn connect(upstream: &Upstream) -> io::Result<Self> {
        match upstream {
            Upstream::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
            Upstream::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if buf.filled().len() > before {
            self.heard.store(true, Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [one] = bufs {
            return self.poll_write(cx, one);
        }
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
}
