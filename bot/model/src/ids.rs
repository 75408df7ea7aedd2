//! Identifiers and names, parsed once at the border.
//!
//! Each is a newtype over text in one strict ASCII grammar, so that an id can stand in a path, a URL, a log line
//! and a policy without escaping. None of them is ever a display name or a mutable reference.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that is not the kind of name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}")]
pub struct Malformed {
    /// What was given, shortened to 80 characters and freed of control characters.
    pub given: String,
    /// What would have been right.
    pub wanted: &'static str,
}

impl Malformed {
    /// Keeps a printable, bounded copy of what was given.
    pub fn new(given: &str, wanted: &'static str) -> Self {
        Self { given: given.chars().filter(|c| !c.is_control()).take(80).collect(), wanted }
    }
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
            /// Parses the text; the error says what would be right.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(Malformed::new(text, $wanted)) }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
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
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $wanted:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                let digits = text.strip_prefix('#').unwrap_or(text);
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                digits.parse().ok().filter(|_| plain).map(Self).ok_or_else(|| Malformed::new(text, $wanted))
            }
        }
    };
}

fn lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `[a-z0-9]` then up to 62 more of `[a-z0-9-]`: a DNS label, so that it can be part of a host name.
fn label(text: &str, longest: usize) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    first && rest && text.len() <= longest && !text.ends_with('-')
}

word!(/** The operated service. */ ServiceId, "a service name (lower-case letters, digits and `-`, at most 40)", |t| label(t, 40));
word!(/** A part of a service with a repository and a build. */ ComponentName, "a component name (lower-case letters, digits and `-`, at most 40)", |t| label(t, 40));
word!(/** A person, by an opaque id that never changes. */ PersonId, "a person's id", |t| label(t, 40));
word!(/** One request, as it was received. */ RequestId, "a request id", |t| label(t, 40));
word!(/** The journalled work of one command. */ OperationId, "an operation id", |t| label(t, 40));
word!(/** A message in a room. */ MessageId, "a message id", |t| label(t, 60));
word!(/** A running preview; also the first label of its host. */ PreviewId, "a preview's name such as `p-7kq2x`", |t| label(t, 20) && t.starts_with("p-"));
word!(/** A network where people talk: `web`, later `github`, `discord`, `matrix`. */ SurfaceName, "a surface name", |t| label(t, 20));
word!(/** A room on a surface. */ RoomName, "a room name (lower-case letters, digits and `-`, at most 60)", |t| label(t, 60));
word!(/** A set of running processes that together are the service once. */ StackName, "a stack name", |t| label(t, 60));
word!(/** Whose data inside the service: the service's own account name. */ Owner, "an owner (lower-case letters, digits and `-`, at most 32)", |t| label(t, 32));
word!(/** A commit, by all forty characters. Never a branch, a tag or a short form. */ Sha, "a full commit id of forty characters", |t| lower_hex(t, 40));
word!(/** A git tree, by all forty characters. */ TreeId, "a full tree id of forty characters", |t| lower_hex(t, 40));
word!(/** A composition, by the SHA-256 of its content in hex. */ CompositionId, "a composition id of sixty-four characters", |t| lower_hex(t, 64));
word!(/** A build's content: `sha256:` and sixty-four hex characters. */ Digest, "a digest such as `sha256:3b1f…`", |t| t.strip_prefix("sha256:").is_some_and(|hex| lower_hex(hex, 64)));
word!(/** SHA-256 of a message's body in hex, to tell a redelivery from an edit. */ BodyHash, "a body hash of sixty-four characters", |t| lower_hex(t, 64));
number!(/** A pull request's number. */ ChangeNumber(u32), "a change's number such as `41`");
number!(/** A release's number, counted from 1. */ ReleaseNumber(u64), "a release's number such as `218`");

impl Sha {
    /// Seven characters, for people to recognise; never to act on.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl Digest {
    /// Seven characters after the algorithm, for people to recognise; never to act on.
    pub fn short(&self) -> &str {
        self.0.get(7..14).unwrap_or(&self.0)
    }
    /// The sixty-four hex characters.
    pub fn hex(&self) -> &str {
        self.0.get(7..).unwrap_or(&self.0)
    }
}

impl PreviewId {
    /// The preview of a composition: the first seven of its hash, so that one composition has one preview.
    pub fn of(composition: &CompositionId) -> Self {
        Self(format!("p-{}", composition.0.get(..7).unwrap_or(&composition.0)))
    }
}

impl SurfaceName {
    /// The network as its own people write it, for sentences.
    pub fn title(&self) -> &str {
        match self.as_str() {
            "github" => "GitHub",
            "discord" => "Discord",
            "matrix" => "Matrix",
            "web" => "the web room",
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_commit_id_is_not_a_sha() {
        let error = Sha::parse("9f2c41e").unwrap_err();
        assert_eq!(error.to_string(), "`9f2c41e` is not a full commit id of forty characters");
    }

    #[test]
    fn a_change_may_be_written_with_its_hash_sign() {
        assert_eq!("#41".parse(), Ok(ChangeNumber(41)));
        assert!("+41".parse::<ChangeNumber>().is_err());
        assert!("#".parse::<ChangeNumber>().is_err());
        assert!("4294967296".parse::<ChangeNumber>().is_err());
    }

    #[test]
    fn a_name_holds_nothing_that_needs_escaping() {
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "..", "a\u{202e}b", "é", "a_b"] {
            assert!(ComponentName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ComponentName::parse("recipes-api").is_ok());
    }

    #[test]
    fn a_malformed_name_is_echoed_without_control_characters() {
        assert_eq!(Malformed::new("a\u{1b}[31m\n", "x").given, "a[31m");
    }
}
