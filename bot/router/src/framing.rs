//! Refuses requests whose end two servers could see at different places.
//!
//! hyper takes a request with both `Content-Length` and `Transfer-Encoding` by the latter, hides the former and
//! closes afterwards, as RFC 9112 §6.3 allows. We want such a request refused, and by then it can no longer be
//! told. So this reader follows the heads as they come from the wire and spoils such a head before hyper reads its
//! end: hyper then answers 400 and closes. It never changes any other byte, and it interprets nothing but where
//! the next head begins; after a message whose end it does not follow (`Transfer-Encoding`, `Upgrade`) the edge
//! closes the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A visitor's connection with its heads followed.
pub(crate) struct Framed {
    stream: TcpStream,
    watch: Watch,
    vigil: Arc<Vigil>,
    /// Where small pieces are put together for one plain write, which costs the system less than a vectored one.
    together: Vec<u8>,
}

/// Whether a connection gets anywhere: it does with every whole head, every piece of a body and everything written.
#[derive(Debug, Default)]
pub(crate) struct Vigil(AtomicU64);

/// Where in the stream of requests we are.
#[derive(Debug, Default)]
struct Watch {
    place: Place,
    line: Vec<u8>,
    head: Seen,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// From here on the end of the message is not known to us, and the edge closes after it.
    Rest,
}

/// Whether a line has anything in it.
enum Line {
    Full,
    Blank,
}

/// What of one head has been seen.
#[derive(Debug, Default)]
struct Seen {
    anything: bool,
    length: Option<u64>,
    coding: bool,
    upgrade: bool,
    ambiguous: bool,
}

/// Up to here a copy is cheaper than a second piece.
const SMALL: usize = 4 * 1024;

/// A header line is looked at up to here; the names and numbers that matter are shorter.
const LONGEST_LINE: usize = 128;

impl Framed {
    pub(crate) fn new(stream: TcpStream, vigil: Arc<Vigil>) -> Self {
        Self { stream, watch: Watch::default(), vigil, together: Vec::new() }
    }

    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = polled {
            self.vigil.moved();
        }
        polled
    }
}

impl Vigil {
    fn moved(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Grows while the connection gets anywhere.
    pub(crate) fn moves(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl AsyncRead for Framed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let (Poll::Ready(Ok(())), Some(fresh)) = (&polled, buf.filled_mut().get_mut(before..)) {
            self.watch.follow(fresh);
            if !self.watch.is_within_a_head() {
                self.vigil.moved();
            }
        }
        polled
    }
}

impl AsyncWrite for Framed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, together, .. } = &mut *self;
        let polled = match bufs.iter().map(|buf| buf.len()).sum::<usize>() {
            ..=SMALL => {
                together.clear();
                bufs.iter().for_each(|buf| together.extend_from_slice(buf));
                Pin::new(stream).poll_write(cx, together)
            }
            _ => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.wrote(polled)
    }
}

impl Watch {
    fn follow(&mut self, mut fresh: &mut [u8]) {
        while !fresh.is_empty() {
            fresh = match self.place {
                Place::Head => self.head_line(fresh),
                Place::Body(left) => self.skip(left, fresh),
                Place::Rest => return,
            };
        }
    }

    fn is_within_a_head(&self) -> bool {
        matches!(self.place, Place::Head) && (self.head.anything || !self.line.is_empty())
    }

    fn skip<'a>(&mut self, left: u64, fresh: &'a mut [u8]) -> &'a mut [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(fresh.len());
        self.place = Place::body(left - here as u64);
        fresh.get_mut(here..).unwrap_or_default()
    }

    /// Takes one line, or the part of it that is here, and gives back what follows.
    fn head_line<'a>(&mut self, fresh: &'a mut [u8]) -> &'a mut [u8] {
        let Some(end) = memchr::memchr(b'\n', fresh) else {
            self.hold(fresh);
            return &mut [];
        };
        let (line, rest) = fresh.split_at_mut(end + 1);
        let blank = if self.line.is_empty() {
            self.head.note(line)
        } else {
            self.hold(line);
            self.head.note(&self.line)
        };
        self.line.clear();
        if let (Line::Blank, true, Some(last)) = (blank, self.head.anything, line.last_mut()) {
            self.place = self.head.end(last);
            self.head = Seen::default();
        }
        rest
    }

    /// Keeps the beginning of a line whose end is still to come.
    fn hold(&mut self, part: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(part.get(..room).unwrap_or_default());
    }
}

impl Place {
    fn body(left: u64) -> Self {
        if left == 0 { Self::Head } else { Self::Body(left) }
    }
}

impl Seen {
    fn note(&mut self, line: &[u8]) -> Line {
        if line.trim_ascii_end().is_empty() {
            return Line::Blank;
        }
        self.anything = true;
        // The three names that matter begin with one of these letters.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T' | b'u' | b'U')) {
            return Line::Full;
        }
        if let Some(value) = header(line, b"content-length:") {
            self.length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            self.ambiguous |= self.length.is_none() || line.len() >= LONGEST_LINE;
        }
        self.coding |= header(line, b"transfer-encoding:").is_some();
        self.upgrade |= header(line, b"upgrade:").is_some();
        Line::Full
    }

    /// What follows this head; spoils the head's last line feed where that cannot be said.
    fn end(&self, last: &mut u8) -> Place {
        if self.ambiguous || (self.coding && self.length.is_some()) {
            // INVARIANT: a NUL in place of the last line feed is a parse error for hyper, which then answers 400
            // and closes; nothing behind it on this connection is ever read as a request.
            *last = 0;
            return Place::Rest;
        }
        if self.coding || self.upgrade { Place::Rest } else { Place::body(self.length.unwrap_or(0)) }
    }
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper would get, whatever the pieces in which the bytes arrive.
    fn passed(wire: &str) -> String {
        let whole = passed_in(wire, wire.len());
        for piece in 1..wire.len().min(9) {
            assert_eq!(passed_in(wire, piece), whole, "in pieces of {piece}");
        }
        whole
    }

    fn passed_in(wire: &str, piece: usize) -> String {
        let mut watch = Watch::default();
        let mut bytes = wire.as_bytes().to_vec();
        bytes.chunks_mut(piece).for_each(|chunk| watch.follow(chunk));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn plain_requests_pass_untouched() {
        for wire in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 48\r\n\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\n\n",
        ] {
            assert_eq!(passed(wire), wire);
        }
    }

    #[test]
    fn a_head_with_two_ends_is_spoiled_in_whatever_order_and_case() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "transfer-encoding: chunked\r\nX: y\r\ncontent-length: 5\r\n",
            "TRANSFER-ENCODING:\tidentity\r\nCONTENT-LENGTH:0\r\n",
            "Content-Length: +5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5 5\r\n",
        ] {
            let wire = format!("POST / HTTP/1.1\r\n{lines}\r\n0\r\n\r\n");
            let spoiled = format!("POST / HTTP/1.1\r\n{lines}\r\u{0}0\r\n\r\n");
            assert_eq!(passed(&wire), spoiled);
        }
    }

    #[test]
    fn a_second_request_is_watched_behind_the_body_of_the_first() {
        let first = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        let second = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r";
        assert_eq!(passed(&format!("{first}{second}\n")), format!("{first}{second}\0"));
    }

    #[test]
    fn a_length_hidden_behind_much_white_space_is_refused() {
        let wire = format!("POST / HTTP/1.1\r\nContent-Length:{}15\r\n\r\n", " ".repeat(112));
        assert!(passed(&wire).ends_with("\r\0"));
    }
}
