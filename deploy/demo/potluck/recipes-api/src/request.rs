//! One HTTP request, parsed from bytes: no connection is needed to read or test this file.
//!
//! RFC 9112, sections 2 to 6, read strictly: what two readers could take differently is refused, because that
//! is how requests get smuggled past whoever stands in front. It must never guess where a request ends.
#![allow(dead_code, reason = "both components carry this file; each uses the part that it needs")]

/// Bytes of a request's body: a form with two fields needs far less.
const BODY_LIMIT: usize = 64 * 1024;

/// One request: its head, and the body once that has been read.
pub struct Request {
    /// `GET` also stands for `HEAD`: the answer's body is then left out on the way back.
    pub method: String,
    /// The path as sent, beginning with `/`, not decoded.
    pub path: String,
    /// What the client sent after the head.
    pub body: Vec<u8>,
    /// Asked with `HEAD`.
    pub bodiless: bool,
    /// The connection may carry another request after this one.
    pub persistent: bool,
    /// HTTP/1.1; else HTTP/1.0.
    pub newest: bool,
    query: String,
    headers: Vec<(String, String)>,
}

/// The status to refuse a request with, and why.
pub struct Malformed(pub u16, pub &'static str);

impl Request {
    /// Reads a head, from the request line to the empty line.
    pub fn parse(head: &[u8]) -> Result<Self, Malformed> {
        let head = std::str::from_utf8(head).map_err(|_| bad("the request's head is not text"))?;
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let mut request = Self::begin(lines.next().unwrap_or(""))?;
        request.headers =
            lines.map(header_line).collect::<Option<_>>().ok_or(bad("a header line is malformed"))?;
        match request.all("host").count() {
            1 => {}
            0 if !request.newest => {}
            _ => return Err(bad("exactly one Host header is needed")),
        }
        let closes = request.all("connection").any(|value| value.eq_ignore_ascii_case("close"));
        request.persistent = request.newest && !closes;
        Ok(request)
    }

    fn begin(line: &str) -> Result<Self, Malformed> {
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(bad("the request line is not `METHOD target version`"));
        };
        if !["HTTP/1.1", "HTTP/1.0"].contains(&version) {
            return Err(bad("only HTTP/1.0 and HTTP/1.1 are spoken here"));
        }
        if !target.starts_with('/') || target.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(bad("the target must begin with `/`"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Self {
            method: if method == "HEAD" { "GET".into() } else { method.into() },
            path: path.into(),
            body: Vec::new(),
            bodiless: method == "HEAD",
            persistent: false,
            newest: version == "HTTP/1.1",
            query: query.into(),
            headers: Vec::new(),
        })
    }

    /// How many bytes follow the head.
    pub fn body_length(&self) -> Result<usize, Malformed> {
        if self.header("transfer-encoding").is_some() {
            return Err(Malformed(411, "send the body with a Content-Length"));
        }
        let mut lengths = self.all("content-length");
        let Some(length) = lengths.next() else { return Ok(0) };
        if lengths.next().is_some() || length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(bad("the Content-Length is not one number"));
        }
        let length = length.parse().ok().filter(|length| *length <= BODY_LIMIT);
        length.ok_or(Malformed(413, "the body is longer than 64 KiB"))
    }

    /// A header's value; names are compared without case.
    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    /// A field of the query.
    pub fn asked(&self, name: &str) -> Option<String> {
        fields(&self.query, name).next()
    }

    /// Every field of that name in the query.
    pub fn asked_all(&self, name: &str) -> Vec<String> {
        fields(&self.query, name).collect()
    }

    /// A field of a form that was sent as the body.
    pub fn sent(&self, name: &str) -> Option<String> {
        fields(std::str::from_utf8(&self.body).ok()?, name).next()
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let named = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

fn bad(reason: &'static str) -> Malformed {
    Malformed(400, reason)
}

fn header_line(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let value = value.trim_matches([' ', '\t']);
    let plain = !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
    (!name.is_empty() && name.bytes().all(token) && plain).then(|| (name.into(), value.into()))
}

/// The fields of one name in `a=1&b=2`, decoded.
fn fields<'a>(pairs: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let named = pairs.split('&').filter_map(|pair| pair.split_once('=')).filter(move |(key, _)| *key == name);
    named.map(|(_, value)| decoded(value))
}

/// Undoes `+` and `%41`; what is no such escape stays as it is.
fn decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
