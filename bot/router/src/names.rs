//! The names that a table is made of: hosts, upstreams, arms, link hashes, the trusted header.
//!
//! Each is parsed when the table is read and never looked at again, so that routing a request compares bytes and
//! nothing else. A host name never carries a port, an upstream is never a name that somebody else resolves.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use folkops_model::Malformed;
use http::HeaderName;
use serde::{Deserialize, Serialize};

/// Gives a parsed newtype its text forms: serde as a string, `FromStr`, `Display`.
macro_rules! as_text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = Malformed;
            fn try_from(text: String) -> Result<Self, Malformed> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.to_string()
            }
        }
    };
}

/// A host name in lower case, without a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

/// One host, or every host below one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// `potluck.localhost`: this host.
    Exact(Host),
    /// `*.potluck.localhost`: each host below this one, at any depth, but not the host itself.
    Below(Host),
}

/// Where a stack's front component listens: `/run/stack/front.sock` or `tcp:127.0.0.1:8080`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Upstream {
    /// A unix domain socket, by its absolute path.
    Unix(PathBuf),
    /// An address and port; never a name.
    Tcp(SocketAddr),
}

/// What outcomes are counted for: a release (`release-218`) or a composition's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arm(String);

/// SHA-256 of a one-time link's token in lower-case hex; the token itself is never in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkHash(String);

/// The header in which a trusted proxy names the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedHeader(HeaderName);

impl Host {
    /// Parses a host name of at most 253 characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let good = (1..=253).contains(&text.len()) && text.split('.').all(is_label);
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| Malformed::new(text, "a host name in lower case without a port"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HostPattern {
    /// Parses a host name, or `*.` and a host name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let parsed = match text.strip_prefix("*.") {
            Some(parent) => Host::parse(parent).map(Self::Below),
            None => Host::parse(text).map(Self::Exact),
        };
        parsed.map_err(|_| Malformed::new(text, "a host name, or `*.` and a host name"))
    }

    /// Whether a host is meant by this pattern.
    pub fn covers(&self, host: &Host) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Below(parent) => {
                host.0.strip_suffix(&parent.0).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
            }
        }
    }
}

impl Upstream {
    /// Parses an absolute path, or `tcp:` with an address and port.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(text, "an absolute socket path or `tcp:ADDRESS:PORT`");
        match text.strip_prefix("tcp:") {
            Some(address) => address.parse().map(Self::Tcp).map_err(|_| wrong()),
            None if Path::new(text).is_absolute() && !text.contains('\0') => Ok(Self::Unix(text.into())),
            None => Err(wrong()),
        }
    }
}

impl Arm {
    /// Parses one to 128 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let good = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| Malformed::new(text, "an arm such as `release-218`"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LinkHash {
    /// The hash of a token, as the bot puts it into the table.
    pub fn of(token: &str) -> Self {
        Self(crate::seal::hex_digest(token.as_bytes()))
    }

    /// Parses sixty-four lower-case hex characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let good = text.len() == 64 && text.bytes().all(hex);
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| Malformed::new(text, "a SHA-256 of sixty-four lower-case hex characters"))
    }
}

impl TrustedHeader {
    /// Parses a header name that is neither ours nor one that HTTP itself needs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(text, "a header name of the proxy's own such as `x-person`");
        let name = HeaderName::try_from(text).map_err(|_| wrong())?;
        if crate::headers::has_a_meaning_already(&name) { Err(wrong()) } else { Ok(Self(name)) }
    }

    /// The header's name.
    pub fn name(&self) -> &HeaderName {
        &self.0
    }
}

pub(crate) use as_text;

as_text!(Host);
as_text!(HostPattern);
as_text!(Upstream);
as_text!(Arm);
as_text!(LinkHash);
as_text!(TrustedHeader);

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(f, "{host}"),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LinkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TrustedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn is_label(label: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_lower_case_and_has_no_port() {
        assert!(Host::parse("p-7kq.potluck.localhost").is_ok());
        for bad in ["", "Potluck.localhost", "a:80", "a..b", ".a", "*.a", "a b", "ä"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_it_and_nothing_beside() {
        let pattern = HostPattern::parse("*.potluck.localhost").unwrap();
        let covers = |host: &str| pattern.covers(&Host::parse(host).unwrap());
        assert!(covers("ana.potluck.localhost") && covers("a.b.potluck.localhost"));
        assert!(!covers("potluck.localhost") && !covers("evilpotluck.localhost"));
    }

    #[test]
    fn an_upstream_is_a_path_or_an_address_and_never_a_name() {
        assert_eq!(Upstream::parse("tcp:127.0.0.1:80").unwrap().to_string(), "tcp:127.0.0.1:80");
        assert_eq!(Upstream::parse("/run/a.sock").unwrap().to_string(), "/run/a.sock");
        for bad in ["a.sock", "tcp:localhost:80", "http://127.0.0.1:80", ""] {
            assert!(Upstream::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_trusted_header_is_not_one_that_http_needs() {
        assert!(TrustedHeader::parse("x-person").is_ok());
        for bad in
            ["host", "cookie", "connection", "content-length", "x-forwarded-for", "folkops-person", "a b"]
        {
            assert!(TrustedHeader::parse(bad).is_err(), "{bad:?}");
        }
    }
}
