//! Of which kind a client is, by what it says of itself, so that a build that hurts one kind alone is found and named.
//!
//! `Sec-CH-UA-Mobile` (User-Agent Client Hints) where it is sent, else a few plain words of `User-Agent` (RFC 9110
//! §10.1.5). It may be wrong or a lie and does no harm then: both builds are told the same. It must never become a
//! fingerprint: four kinds, nothing else of these headers is looked at, and nothing of them is kept.

use folkops_model::ClientKind;
use http::HeaderMap;
use http::header::USER_AGENT;

const MOBILE: &str = "sec-ch-ua-mobile";
const ROBOTS: [&str; 3] = ["bot", "crawler", "spider"];
const PHONES: [&str; 4] = ["Mobi", "Android", "iPhone", "iPad"];
const COMPUTERS: [&str; 4] = ["Windows", "Macintosh", "X11", "CrOS"];

/// The kind of a request's client.
pub(crate) fn of(headers: &HeaderMap) -> ClientKind {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    match said(MOBILE) {
        Some("?1") => ClientKind::Phone,
        Some("?0") => ClientKind::Computer,
        _ => said(USER_AGENT.as_str()).map_or(ClientKind::Other, by_agent),
    }
}

fn by_agent(agent: &str) -> ClientKind {
    let says = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    let is_browser = agent.starts_with("Mozilla/") || agent.starts_with("Opera/");
    // A program names itself and its version first, as in `curl/8.5.0`.
    let names_itself =
        agent.split([' ', '/']).next().is_some_and(|name| name.len() < agent.len() && !name.is_empty());
    if says(&ROBOTS) || (!is_browser && names_itself) {
        ClientKind::Program
    } else if !is_browser {
        ClientKind::Other
    } else if says(&PHONES) {
        ClientKind::Phone
    } else if says(&COMPUTERS) {
        ClientKind::Computer
    } else {
        ClientKind::Other
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_client_is_of_the_kind_that_it_says_and_of_no_known_one_otherwise() {
        use ClientKind::{Computer, Other, Phone, Program};
        for (hint, agent, kind) in [
            ("?1", "", Phone),
            ("?0", "Mozilla/5.0 (Linux; Android 10; K) Chrome/130.0 Mobile", Computer),
            ("", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", Phone),
            ("", "Mozilla/5.0 (Android 15; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", Phone),
            ("", "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", Computer),
            ("?2", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0", Computer),
            ("", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Program),
            ("", "curl/8.5.0", Program),
            ("", "python-requests/2.32", Program),
            ("", "Mozilla/5.0 (Fridge)", Other),
            ("", "hello", Other),
            ("", "", Other),
        ] {
            let named = [(HeaderName::from_static(MOBILE), hint), (USER_AGENT, agent)];
            let given = named.into_iter().filter(|(_, value)| !value.is_empty());
            let headers = given.map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
            assert_eq!(of(&headers), kind, "`{hint}` `{agent}`");
        }
        assert_eq!(
            of(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(b"\xff/1").unwrap())])),
            Other
        );
    }
}
