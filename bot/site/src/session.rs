//! Which person a browser speaks for.
//!
//! The browser holds a random token in a cookie that no script can read; the record holds its SHA-256. A cookie of
//! ours that comes twice with different values was planted by a neighbouring host and counts as none.

use axum::http::{HeaderMap, HeaderValue, header};
use folkops_engine::{Facts, People, hex};
use folkops_model::{PersonId, ports::random_word};
use sha2::{Digest as _, Sha256};

use crate::guard::proof;
use crate::state::Site;

/// The cookie's name.
pub(crate) const COOKIE: &str = "folkops_session";

/// Letters of a token; five random bits each, so 160.
const LETTERS: usize = 32;

/// The secret that a browser shows.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Draws one.
    pub(crate) fn draw(site: &Site) -> Self {
        Self(random_word(site.engine().desk().entropy.as_ref(), LETTERS))
    }

    /// The one that a request carries.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        carried(headers, COOKIE).map(|value| Self(value.to_owned()))
    }

    /// One that is known already, as the demo's personas are.
    pub(crate) fn known(token: &str) -> Self {
        Self(token.to_owned())
    }

    /// What the record keeps in its place.
    pub(crate) fn hash(&self) -> String {
        sha256(&self.0)
    }

    /// What a form of this session carries.
    pub(crate) fn proof(&self) -> String {
        proof(&self.0)
    }

    /// Whether a form carries it.
    pub(crate) fn is_proven(&self, given: &str) -> bool {
        crate::guard::is_proven(&self.0, given)
    }

    /// The header that gives it to the browser.
    pub(crate) fn cookie(&self, site: &Site) -> HeaderValue {
        let seconds = site.config().session_lasts.as_secs();
        cookie(site, &self.0, seconds)
    }
}

/// A cookie of ours that a request carries, unless it comes with two values.
pub(crate) fn carried<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(given, _)| *given == name).map(|(_, value)| value);
    let first = ours.next()?;
    ours.all(|other| other == first).then_some(first)
}

/// The header that takes it away again.
pub(crate) fn no_cookie(site: &Site) -> HeaderValue {
    cookie(site, "", 0)
}

fn cookie(site: &Site, value: &str, seconds: u64) -> HeaderValue {
    given(site, &format!("{COOKIE}={value}; Path=/; Max-Age={seconds}"))
}

/// The header that gives a cookie which no script and no page of somebody else can use.
pub(crate) fn given(site: &Site, cookie: &str) -> HeaderValue {
    let secure = if site.origin().is_secure() { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{cookie}; HttpOnly; SameSite=Lax{secure}"))
        .unwrap_or_else(|_| HeaderValue::from_static("folkops_session=; Max-Age=0; Path=/"))
}

/// SHA-256 in hex.
pub(crate) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The person whom a token speaks for, while its session lasts.
pub(crate) fn person(facts: &Facts<'_>, token: Option<&Token>) -> Option<PersonId> {
    let people = facts.fold::<People>()?;
    let session = facts.row(&people.sessions, &token?.hash())?;
    (session.expires > facts.now() && people.people.get(&session.person).is_some())
        .then(|| session.person.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        Token::of(&headers).map(|token| token.0)
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        assert_eq!(token(&["a=b; folkops_session=x1; c=d"]), Some("x1".to_owned()));
        assert_eq!(token(&["a=b", "folkops_session=x1"]), Some("x1".to_owned()));
        assert_eq!(token(&["a=b"]), None);
    }

    #[test]
    fn a_cookie_that_a_neighbour_planted_beside_ours_makes_nobody_of_the_browser() {
        assert_eq!(token(&["folkops_session=x1; folkops_session=evil"]), None);
        assert_eq!(token(&["folkops_session=x1; folkops_session=x1"]), Some("x1".to_owned()));
    }
}
