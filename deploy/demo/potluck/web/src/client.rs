//! Asks the recipes API over HTTP/1.1, keeping a few connections open between questions.
//!
//! Only what may be asked twice is asked again on a fresh connection; a meal is never taken down twice. It
//! must never wait longer than its patience, nor read more than its limit.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);
/// Well below the 75 s after which the API closes an idle connection.
const FRESH: Duration = Duration::from_secs(20);
const IDLE_KEPT: usize = 16;
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

pub struct Api {
    address: SocketAddr,
    idle: Mutex<Vec<(TcpStream, Instant)>>,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Api {
    /// From a URL such as `http://127.0.0.1:4001`.
    pub fn at(url: &str) -> Option<Self> {
        let host = url.strip_prefix("http://")?.trim_end_matches('/');
        Some(Self { address: host.to_socket_addrs().ok()?.next()?, idle: Mutex::default() })
    }

    /// Reads something. A connection that went stale meanwhile is replaced once.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: recipes-api\r\n\r\n");
        if let Some(stream) = self.waiting() {
            if let Ok(answer) = self.exchange(stream, &request) {
                return Ok(answer);
            }
        }
        self.exchange(self.connect()?, &request)
    }

    /// Sends a form, once, on a connection of its own.
    pub fn post(&self, path: &str, form: &str) -> io::Result<Answer> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: recipes-api\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        self.exchange(self.connect()?, &request)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn waiting(&self) -> Option<TcpStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < FRESH);
        idle.pop().map(|(stream, _)| stream)
    }

    fn keep(&self, stream: TcpStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_KEPT {
            idle.push((stream, Instant::now()));
        }
    }

    fn exchange(&self, mut stream: TcpStream, request: &str) -> io::Result<Answer> {
        stream.write_all(request.as_bytes())?;
        let deadline = Instant::now() + PATIENCE;
        let mut read = Vec::new();
        let end = loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            fill(&mut stream, &mut read, deadline)?;
        };
        let head = Head::parse(&read[..end]).ok_or(ErrorKind::InvalidData)?;
        while read.len() < end + head.length {
            fill(&mut stream, &mut read, deadline)?;
        }
        let whole = read.len() == end + head.length;
        let body = String::from_utf8(read.split_off(end)).map_err(|_| ErrorKind::InvalidData)?;
        if head.stays && whole {
            self.keep(stream);
        }
        Ok(Answer { status: head.status, body })
    }
}

fn fill(stream: &mut TcpStream, read: &mut Vec<u8>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    let mut piece = [0; 8 * 1024];
    let length = stream.read(&mut piece)?;
    if length == 0 || read.len() + length > ANSWER_LIMIT {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the answer broke off or is too long"));
    }
    read.extend_from_slice(&piece[..length]);
    Ok(())
}

struct Head {
    status: u16,
    length: usize,
    stays: bool,
}

impl Head {
    /// The API always says its length, so an answer without one is none of its own.
    fn parse(head: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
        let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = value("content-length:")?.parse().ok().filter(|length| *length <= ANSWER_LIMIT)?;
        Some(Self { status, length, stays: value("connection:") != Some("close") })
    }
}
