//! HTTP/1.1 on the standard library alone: reads requests, asks one handler, writes its answers.
//!
//! Both components of Potluck carry this same file, because neither has any dependency. Every limit stands
//! before the handler. It must never let one request end the process, wait on a silent peer for ever, or
//! guess where a request ends.
#![allow(dead_code, reason = "both components carry this file; each uses the part that it needs")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::request::{Malformed, Request};

/// Connections served at once; the next ones wait in the kernel's queue.
const PLACES: usize = 96;
/// Places that idle connections never take.
const PLACES_FOR_NEWCOMERS: usize = 16;
/// Bytes of a request line with its headers.
const HEAD_LIMIT: usize = 16 * 1024;
/// How long a connection may stay open between two requests.
const IDLE: Duration = Duration::from_secs(75);
/// How long a request may take to arrive, once its first byte is there, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection's thread runs shallow code; the default of 2 MiB would be reserved for nothing.
const STACK: usize = 256 * 1024;

/// What goes back.
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Whole(String),
    Lines(Box<dyn Iterator<Item = String>>),
}

impl Response {
    /// An answer whose length is known.
    pub fn whole(status: u16, media_type: &'static str, body: String) -> Self {
        Self { status, headers: vec![("Content-Type", media_type.into())], body: Body::Whole(body) }
    }

    /// An answer that goes out line by line, each as soon as the iterator gives it.
    pub fn lines(lines: impl Iterator<Item = String> + 'static) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".into())];
        Self { status: 200, headers, body: Body::Lines(Box::new(lines)) }
    }

    /// The same answer with one more header. The value must not come from a stranger.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Serves for ever: a thread per connection, as many as there are places.
pub fn serve<H>(listener: &TcpListener, handler: H) -> !
where
    H: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    let places = Arc::new(Places::default());
    loop {
        let place = Place::take(&places);
        let accepted = listener.accept().and_then(|(stream, _)| {
            let handler = Arc::clone(&handler);
            thread::Builder::new().stack_size(STACK).spawn(move || converse(stream, &*handler, &place))
        });
        if let Err(error) = accepted {
            eprintln!("a connection could not be served: {error}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[derive(Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// A connection's place; it is free again when this is dropped, also by a panic.
struct Place(Arc<Places>);

impl Place {
    fn take(places: &Arc<Places>) -> Self {
        let taken = locked(&places.taken);
        let mut taken =
            places.freed.wait_while(taken, |taken| *taken >= PLACES).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Self(Arc::clone(places))
    }

    /// When few places are left, a connection carries one request only.
    // INVARIANT: idle connections never hold every place, so whoever comes with a request finds one.
    fn scarce(&self) -> bool {
        *locked(&self.0.taken) > PLACES - PLACES_FOR_NEWCOMERS
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *locked(&self.0.taken) -= 1;
        self.0.freed.notify_one();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why no request came out of a connection.
enum Interrupted {
    Gone,
    Refused(Malformed),
}

impl From<Malformed> for Interrupted {
    fn from(malformed: Malformed) -> Self {
        Self::Refused(malformed)
    }
}

fn converse<H: Fn(&Request) -> Response>(stream: TcpStream, handler: &H, place: &Place) {
    let mut wire = Wire { stream, unread: Vec::new() };
    if wire.prepare().is_err() {
        return;
    }
    loop {
        match wire.request() {
            Ok(request) => {
                let response = answer(handler, &request);
                let stays = request.persistent && !place.scarce();
                if wire.respond(&request, response, stays).is_err() || !stays {
                    return;
                }
            }
            Err(Interrupted::Gone) => return,
            Err(Interrupted::Refused(why)) => return wire.refuse(&why),
        }
    }
}

/// A request that makes the handler panic costs this request and nothing else.
fn answer<H: Fn(&Request) -> Response>(handler: &H, request: &Request) -> Response {
    catch_unwind(AssertUnwindSafe(|| handler(request))).unwrap_or_else(|_| {
        Response::whole(500, "text/plain; charset=utf-8", "Potluck stumbled over this request.\n".into())
    })
}

/// A connection and what was read of it beyond the last request.
struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    fn prepare(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(PATIENCE))
    }

    fn request(&mut self) -> Result<Request, Interrupted> {
        if self.unread.is_empty() {
            self.fill(Instant::now() + IDLE)?;
        }
        let deadline = Instant::now() + PATIENCE;
        let end = loop {
            let looked_at = &self.unread[..self.unread.len().min(HEAD_LIMIT)];
            if let Some(at) = looked_at.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.unread.len() >= HEAD_LIMIT {
                return Err(Malformed(431, "the request's head is longer than 16 KiB").into());
            }
            self.fill(deadline)?;
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let mut request = Request::parse(&head)?;
        let length = request.body_length()?;
        if length > 0
            && request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Interrupted::Gone)?;
        }
        while self.unread.len() < length {
            self.fill(deadline)?;
        }
        request.body = self.unread.drain(..length).collect();
        Ok(request)
    }

    /// Reads what there is, but waits for it no longer than until the deadline.
    fn fill(&mut self, deadline: Instant) -> Result<(), Interrupted> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
            return Err(Interrupted::Gone);
        }
        let mut piece = [0; 8 * 1024];
        match self.stream.read(&mut piece) {
            Ok(length) if length > 0 => {
                self.unread.extend_from_slice(&piece[..length]);
                Ok(())
            }
            _ => Err(Interrupted::Gone),
        }
    }

    fn respond(&mut self, request: &Request, response: Response, stays: bool) -> io::Result<()> {
        let mut out = head(&response, stays);
        match response.body {
            Body::Whole(body) => {
                out += &format!("Content-Length: {}\r\n\r\n", body.len());
                if !request.bodiless {
                    out += &body;
                }
                self.stream.write_all(out.as_bytes())
            }
            Body::Lines(lines) => self.stream_lines(request, out, lines),
        }
    }

    /// HTTP/1.0 knows no chunks; there the connection's end is the body's end.
    fn stream_lines(
        &mut self,
        request: &Request,
        mut out: String,
        lines: impl Iterator<Item = String>,
    ) -> io::Result<()> {
        out += if request.newest { "Transfer-Encoding: chunked\r\n\r\n" } else { "\r\n" };
        self.stream.write_all(out.as_bytes())?;
        if request.bodiless {
            return Ok(());
        }
        for line in lines.filter(|line| !line.is_empty()) {
            let piece = if request.newest { format!("{:x}\r\n{line}\r\n", line.len()) } else { line };
            self.stream.write_all(piece.as_bytes())?;
        }
        self.stream.write_all(if request.newest { b"0\r\n\r\n" } else { b"" })
    }

    /// Says why, then reads off what the peer still sends: closing over it would tear the answer away.
    fn refuse(&mut self, Malformed(status, reason): &Malformed) {
        let response = Response::whole(*status, "text/plain; charset=utf-8", String::new());
        let out = format!("{}Content-Length: {}\r\n\r\n{reason}\n", head(&response, false), reason.len() + 1);
        if self.stream.write_all(out.as_bytes()).is_err() || self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.unread.len() < 256 * 1024 && self.fill(deadline).is_ok() {}
    }
}

fn head(response: &Response, stays: bool) -> String {
    let mut out = format!("HTTP/1.1 {} {}\r\n", response.status, phrase(response.status));
    for (name, value) in &response.headers {
        out += &format!("{name}: {value}\r\n");
    }
    out += if stays { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" };
    out
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        303 => "See Other",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
