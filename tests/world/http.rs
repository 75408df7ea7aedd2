//! One HTTP/1.1 request on a connection of its own, and its whole answer.
//!
//! Small enough to be seen through: what a story asserts about an answer is what came over the wire.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask<'a> {
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, String)>,
    /// A form's fields; with them it is a form.
    pub form: Option<String>,
}

/// One answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Every header, its name in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// Every value of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Asserts that it is a page that says all of this.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn shows(&self, texts: &[&str]) -> &Self {
        assert_eq!(self.status, 200, "{}", self.body);
        for text in texts {
            assert!(self.body.contains(text), "no `{text}` in {}", self.body);
        }
        self
    }
}

/// Sends a request and reads its answer to the end.
pub(crate) async fn ask(address: SocketAddr, ask: &Ask<'_>) -> io::Result<Answer> {
    timeout(PATIENCE, exchange(address, ask)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn exchange(address: SocketAddr, ask: &Ask<'_>) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(written(ask).as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    read(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is not whole"))
}

fn written(ask: &Ask<'_>) -> String {
    let mut text =
        format!("{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", ask.method, ask.path, ask.host);
    for (name, value) in &ask.headers {
        text += &format!("{name}: {value}\r\n");
    }
    if let Some(form) = &ask.form {
        text +=
            &format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n", form.len());
    }
    text + "\r\n" + ask.form.as_deref().unwrap_or_default()
}

/// An answer that is whole by its own account; anything else is none.
fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>()?;
    let mut answer = Answer { status, headers, body: String::new() };
    let body = whole_body(&answer, &bytes[end + 4..])?;
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Some(answer)
}

fn whole_body(answer: &Answer, rest: &[u8]) -> Option<Vec<u8>> {
    if answer.header("transfer-encoding") == "chunked" {
        return unchunked(rest);
    }
    match answer.header("content-length").parse::<usize>() {
        Ok(length) => rest.get(..length).map(<[u8]>::to_vec),
        Err(_) => Some(rest.to_vec()),
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// Fields as a form carries them: every byte but plain letters and digits is escaped.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

pub(crate) fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together_and_a_torn_one_is_none() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(read(whole).unwrap().body, "abcde");
        assert_eq!(read(&whole[..whole.len() - 6]), None);
    }

    #[test]
    fn an_answer_shorter_than_it_says_is_none() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"), None);
        assert_eq!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc").unwrap().body, "abc");
    }

    #[test]
    fn a_form_escapes_whatever_could_end_a_field() {
        assert_eq!(form(&[("text", "/a b&c=d\n")]), "text=%2Fa%20b%26c%3Dd%0A");
    }
}
