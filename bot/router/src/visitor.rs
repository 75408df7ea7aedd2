//! Visitors: an opaque random id in one cookie, and nothing else about them.
//!
//! The cookie never says which build its bearer gets, so that it cannot be read, forged or kept past an opt-out.
//! What the router stores is a hash of the id: its files hold nothing that would work as a cookie.

use std::fmt;

use folkops_model::Malformed;
use folkops_model::ports::Entropy;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Scheme;

/// The one cookie that the router sets. Every name that begins with `folkops_` belongs to it.
pub const COOKIE: &str = "folkops_visitor";

/// RFC 4648 base32 in lower case: five bits a letter, and each letter stands for itself in a cookie.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 128 bits in letters of five: the last one carries only three.
const LETTERS: usize = 26;

/// 128 random bits that tell one browser from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VisitorId(u128);

/// SHA-256 of a visitor's id: tells visitors apart, and is no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct VisitorKey([u8; 32]);

impl VisitorId {
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes);
        Self(u128::from_be_bytes(bytes))
    }

    /// Reads a cookie's value; only the one spelling that `Display` gives is an id.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != LETTERS {
            return None;
        }
        let (last, body) = text.split_last()?;
        let bits = body.iter().try_fold(0u128, |bits, b| Some(bits << 5 | digit(*b)?))?;
        let tail = digit(*last)?;
        (tail & 0b11 == 0).then_some(Self(bits << 3 | tail >> 2))
    }

    /// The id's own bits.
    pub(crate) fn bytes(&self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// What is stored in place of the id.
    pub(crate) fn key(&self) -> VisitorKey {
        VisitorKey(Sha256::digest(self.bytes()).into())
    }

    /// The header that gives this id to the browser for a year: for this host alone, out of reach of scripts.
    pub(crate) fn set_cookie(&self, scheme: Scheme) -> Option<HeaderValue> {
        let secure = match scheme {
            Scheme::Https => "; Secure",
            Scheme::Http => "",
        };
        HeaderValue::try_from(format!(
            "{COOKIE}={self}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}"
        ))
        .ok()
    }
}

impl fmt::Display for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bits: u128| ALPHABET.get((bits & 31) as usize).map_or('a', |b| char::from(*b));
        (0..LETTERS - 1).try_for_each(|at| fmt::Write::write_char(f, letter(self.0 >> (123 - 5 * at))))?;
        fmt::Write::write_char(f, letter(self.0 << 2))
    }
}

/// Adds our cookie to a response beside those of the upstream.
pub(crate) fn give(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(SET_COOKIE, cookie);
}

impl From<VisitorKey> for String {
    fn from(key: VisitorKey) -> String {
        key.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for VisitorKey {
    type Error = Malformed;
    fn try_from(text: String) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(&text, "a visitor's key of sixty-four hex characters");
        let byte =
            |at: usize| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let whole = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        bytes.and_then(|bytes| bytes.try_into().ok()).filter(|_| whole).map(Self).ok_or_else(wrong)
    }
}

fn digit(letter: u8) -> Option<u128> {
    match letter {
        b'a'..=b'z' => Some(u128::from(letter - b'a')),
        b'2'..=b'7' => Some(u128::from(letter - b'2' + 26)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_has_one_spelling_only() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let text = VisitorId(bits).to_string();
            assert_eq!(text.len(), 26);
            assert_eq!(VisitorId::parse(text.as_bytes()), Some(VisitorId(bits)), "{text}");
        }
        assert_eq!(VisitorId(0).to_string(), "a".repeat(26));
        assert_eq!(VisitorId::parse(format!("{}b", "a".repeat(25)).as_bytes()), None, "spare bits are zero");
    }

    #[test]
    fn what_is_not_an_id_is_none() {
        for bad in ["", "release-218", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaaaaaaaaaaa1"] {
            assert_eq!(VisitorId::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_key_reads_back_and_is_not_the_id() {
        let key = VisitorId(7).key();
        let text = String::from(key);
        assert_eq!(VisitorKey::try_from(text.clone()), Ok(key));
        assert_ne!(key, VisitorId(8).key());
        assert!(!text.contains(&VisitorId(7).to_string()));
        for bad in ["", &text[1..], &text.replace(&text[..2], "+1"), &format!("{text}00")] {
            assert!(VisitorKey::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
        let cookie = VisitorId(0).set_cookie(Scheme::Https).unwrap();
        assert_eq!(
            cookie,
            "folkops_visitor=aaaaaaaaaaaaaaaaaaaaaaaaaa; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
