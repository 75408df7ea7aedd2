//! Which headers and cookies pass the edge, in both directions.
//!
//! Hop-by-hop headers end here (RFC 9110 §7.6.1), ours are for us alone (`folkops-*`, `folkops_*`), and what a
//! stranger says about forwarding is replaced by what we saw. Everything else passes as it came.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, CONNECTION, COOKIE, Entry, HOST, SET_COOKIE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::Scheme;
use crate::visitor::{self, VisitorId};

/// Where the request came from, as the router itself saw it.
pub(crate) struct Origin<'a> {
    /// The peer's address, ready as a header.
    pub(crate) peer: &'a HeaderValue,
    /// How the public reaches us.
    pub(crate) scheme: Scheme,
    /// The header in which this peer may name a person; none for a stranger, whose forwarding is not believed.
    pub(crate) believed: Option<&'a HeaderName>,
    /// The header in which only a trusted peer may name a person.
    pub(crate) reserved: Option<&'a HeaderName>,
}

/// What a request's cookies say about its visitor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No valid cookie of ours.
    Nobody,
    /// One id.
    Visitor(VisitorId),
    /// Several different ids: somebody else planted one, so none is believed.
    Conflict,
}

/// What a header is to the edge.
#[derive(PartialEq, Eq)]
enum Meaning {
    /// It ends with this connection (RFC 9110 §7.6.1).
    OneHop,
    /// It is ours alone.
    Ours,
    /// It says who is behind a proxy.
    Forwarding,
    /// hyper answers it itself.
    Expectation,
    /// It is for the other end.
    Passing,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Makes a request fit for the upstream. An upgrade's own two headers are put back by the caller.
pub(crate) fn clean_request(headers: &mut HeaderMap, origin: &Origin<'_>) {
    let stranger = origin.believed.is_none();
    let reserved = origin.reserved.filter(|_| stranger).map(HeaderName::as_str);
    remove(headers, |name| match meaning(name) {
        Meaning::OneHop | Meaning::Ours | Meaning::Expectation => true,
        Meaning::Forwarding => stranger,
        Meaning::Passing => reserved.is_some_and(|reserved| dashed(name) == reserved),
    });
    strip_our_cookies(headers);
    forwarded(headers, origin);
}

/// Makes an upstream's response fit for the visitor.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    remove(headers, |name| matches!(meaning(name), Meaning::OneHop | Meaning::Ours));
    refuse_our_cookies(headers);
}

/// Keeps a response from every cache that serves more than one visitor: another visitor may be due another build.
///
/// `private` (RFC 9111 §5.2.2.7) comes first, so that it counts beside whatever the upstream said, and what is said to
/// such caches alone (RFC 9213 and its forerunners) is taken out.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    let said: Vec<HeaderValue> = headers.get_all(CACHE_CONTROL).iter().cloned().collect();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    for value in said {
        headers.append(CACHE_CONTROL, value);
    }
    remove(headers, |name| {
        name.ends_with("cdn-cache-control") || ["surrogate-control", "x-accel-expires"].contains(&name)
    });
}

/// The visitor that the request's cookies name.
pub(crate) fn presented(headers: &HeaderMap) -> Presented {
    let ids = headers.get_all(COOKIE).iter().flat_map(cookies).filter_map(our_id);
    ids.fold(Presented::Nobody, |so_far, id| match so_far {
        Presented::Nobody => Presented::Visitor(id),
        Presented::Visitor(one) if one == id => so_far,
        _ => Presented::Conflict,
    })
}

/// The protocol that the client asks to change to, where it does so properly.
///
/// A protocol that is HTTP again (`h2c`, `TLS/…`, `HTTP/…`) is no upgrade here: what goes through a tunnel is not
/// cleaned, so such a tunnel would carry forged headers past this file.
pub(crate) fn upgrade_asked(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(UPGRADE)?;
    let named = tokens(headers).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let protocol = value.to_str().ok()?.to_ascii_lowercase();
    let disguised = ["h2", "http", "tls"].iter().any(|prefix| protocol.trim_start().starts_with(prefix));
    (named && !disguised && !protocol.contains(',')).then(|| value.clone())
}

/// Whether a header already means something to HTTP or to us, so that it cannot name a person.
pub(crate) fn has_a_meaning_already(name: &HeaderName) -> bool {
    meaning(name.as_str()) != Meaning::Passing
        || ["host", "cookie", "set-cookie", "content-length"].contains(&name.as_str())
}

fn meaning(name: &str) -> Meaning {
    match name {
        "connection"
        | "keep-alive"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection" => Meaning::OneHop,
        "expect" => Meaning::Expectation,
        "forwarded" | "x-real-ip" => Meaning::Forwarding,
        _ if name.starts_with("x-forwarded-") => Meaning::Forwarding,
        _ if name.starts_with("folkops-") => Meaning::Ours,
        _ => match dashed(name) {
            Cow::Borrowed(_) => Meaning::Passing,
            Cow::Owned(name) => meaning(&name),
        },
    }
}

/// A name as servers read it that take `_` for `-`, as CGI and its heirs do.
fn dashed(name: &str) -> Cow<'_, str> {
    if name.contains('_') { name.replace('_', "-").into() } else { name.into() }
}

fn remove(headers: &mut HeaderMap, doomed: impl Fn(&str) -> bool) {
    let mut names: Vec<HeaderName> = headers.keys().filter(|name| doomed(name.as_str())).cloned().collect();
    if names.contains(&CONNECTION) {
        names.extend(nominated(headers));
    }
    for name in names {
        headers.remove(name);
    }
}

/// The headers that `Connection` declares to be for this hop only. `Host` cannot be one of them.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let usual = |token: &&str| !["keep-alive", "close"].iter().any(|usual| token.eq_ignore_ascii_case(usual));
    let names = tokens(headers).filter(usual).filter_map(|token| HeaderName::try_from(token).ok());
    names.filter(|name| *name != HOST).collect()
}

fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn forwarded(headers: &mut HeaderMap, origin: &Origin<'_>) {
    match headers.entry(X_FORWARDED_FOR) {
        Entry::Vacant(place) => drop(place.insert(origin.peer.clone())),
        Entry::Occupied(mut before) => {
            let whole = chain(before.iter(), origin.peer);
            before.insert(whole);
        }
    }
    headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(origin.scheme.as_str()));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(X_FORWARDED_HOST).or_insert(host);
    }
}

/// What trusted proxies wrote, and then the last of them.
fn chain<'a>(before: impl Iterator<Item = &'a HeaderValue>, peer: &'a HeaderValue) -> HeaderValue {
    let whole: Vec<&[u8]> = before.chain([peer]).map(HeaderValue::as_bytes).collect();
    HeaderValue::try_from(whole.join(&b", "[..])).unwrap_or_else(|_| peer.clone())
}

fn strip_our_cookies(headers: &mut HeaderMap) {
    if !headers.get_all(COOKIE).iter().flat_map(cookies).any(is_our_cookie) {
        return;
    }
    let kept: Vec<&[u8]> =
        headers.get_all(COOKIE).iter().flat_map(cookies).filter(|cookie| !is_our_cookie(cookie)).collect();
    match HeaderValue::from_bytes(&kept.join(&b"; "[..])) {
        Ok(value) if !value.is_empty() => drop(headers.insert(COOKIE, value)),
        _ => drop(headers.remove(COOKIE)),
    }
}

fn refuse_our_cookies(headers: &mut HeaderMap) {
    let forged = |value: &HeaderValue| is_our_cookie(value.as_bytes());
    if !headers.get_all(SET_COOKIE).iter().any(forged) {
        return;
    }
    let kept: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().filter(|v| !forged(v)).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

fn cookies(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value.as_bytes());
    let pieces = std::iter::from_fn(move || {
        let here = rest.take()?;
        let Some(end) = memchr::memchr(b';', here) else { return Some(here) };
        rest = here.get(end + 1..);
        here.get(..end)
    });
    pieces.map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty())
}

/// Also the nameless form (`=folkops_visitor=…`), which browsers send back without its first sign.
fn is_our_cookie(cookie: impl AsRef<[u8]>) -> bool {
    let mut name = cookie.as_ref().trim_ascii_start();
    while let Some(rest) = name.strip_prefix(b"=") {
        name = rest.trim_ascii_start();
    }
    name.get(..8).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"folkops_"))
}

fn our_id(cookie: &[u8]) -> Option<VisitorId> {
    let value = cookie.strip_prefix(visitor::COOKIE.as_bytes())?.strip_prefix(b"=")?;
    VisitorId::parse(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: HeaderValue = HeaderValue::from_static("192.0.2.7");
    const ONE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    const TWO: &str = "baaaaaaaaaaaaaaaaaaaaaaaaa";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn cleaned(lines: &[(&'static str, &str)], believed: Option<&HeaderName>) -> Vec<String> {
        let mut map = headers(lines);
        let reserved = HeaderName::from_static("x-person");
        let origin = Origin { peer: &PEER, scheme: Scheme::Http, believed, reserved: Some(&reserved) };
        clean_request(&mut map, &origin);
        let mut lines: Vec<_> =
            map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_for_one_hop_or_for_us_does_not_reach_the_upstream() {
        let lines = [
            ("host", "potluck.localhost"),
            ("connection", "keep-alive, X-Secret, Host"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("proxy-authorization", "Basic x"),
            ("upgrade", "h2c"),
            ("folkops-person", "ana"),
            ("folkops_person", "ana"),
            ("x-person", "ana"),
            ("x_person", "ana"),
            ("x_forwarded_for", "203.0.113.9"),
            ("expect", "100-continue"),
            ("accept", "*/*"),
        ];
        assert_eq!(
            cleaned(&lines, None),
            [
                "accept: */*",
                "host: potluck.localhost",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: potluck.localhost",
                "x-forwarded-proto: http"
            ]
        );
    }

    #[test]
    fn a_strangers_word_about_forwarding_is_replaced_and_a_trusted_proxys_is_extended() {
        let lines = [
            ("host", "a.localhost"),
            ("x-forwarded-for", "198.51.100.3"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-person", "ana"),
            ("forwarded", "for=1.2.3.4"),
        ];
        assert_eq!(
            cleaned(&lines, None),
            [
                "host: a.localhost",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: a.localhost",
                "x-forwarded-proto: http"
            ]
        );
        let believed = HeaderName::from_static("x-person");
        let kept = cleaned(&lines, Some(&believed));
        assert!(
            kept.contains(&"x-forwarded-for: 198.51.100.3, 203.0.113.9, 192.0.2.7".to_owned()),
            "{kept:?}"
        );
        assert!(kept.contains(&"x-forwarded-proto: https".to_owned()), "{kept:?}");
        assert!(kept.contains(&"x-person: ana".to_owned()), "{kept:?}");
    }

    #[test]
    fn our_cookies_are_cut_out_and_the_others_stay() {
        let cookie = format!("a=1; folkops_visitor={ONE}; b=2;folkops_x=3");
        let kept = cleaned(&[("cookie", &cookie), ("cookie", "c=3; FolkOps_y=1")], None);
        assert!(kept.contains(&"cookie: a=1; b=2; c=3".to_owned()), "{kept:?}");
        let none = cleaned(&[("cookie", &format!("folkops_visitor={ONE}"))], None);
        assert!(!none.iter().any(|line| line.starts_with("cookie")), "{none:?}");
    }

    #[test]
    fn an_upstream_cannot_set_our_cookies_or_headers() {
        let mut map = headers(&[
            ("set-cookie", "session=1; Path=/"),
            ("set-cookie", "folkops_visitor=x; Path=/admin"),
            ("set-cookie", " =folkops_visitor=x"),
            ("set-cookie", "FOLKOPS_visitor=x"),
            ("folkops-arm", "x"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("content-type", "text/plain"),
        ]);
        clean_response(&mut map);
        assert_eq!(map.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["session=1; Path=/"]);
        assert_eq!(map.len(), 2, "{map:?}");
    }

    #[test]
    fn two_different_ids_are_nobodys() {
        let cookie = |text: String| presented(&headers(&[("cookie", &text)]));
        assert!(matches!(cookie(format!("folkops_visitor={ONE}")), Presented::Visitor(_)));
        assert!(matches!(
            cookie(format!("folkops_visitor={ONE}; folkops_visitor={ONE}")),
            Presented::Visitor(_)
        ));
        assert_eq!(cookie(format!("folkops_visitor={ONE}; folkops_visitor={TWO}")), Presented::Conflict);
        assert_eq!(cookie("folkops_visitor=release-218".into()), Presented::Nobody);
    }

    #[test]
    fn an_upgrade_is_one_only_when_connection_names_it_and_it_is_not_http_again() {
        let asked = |lines: &[(&'static str, &str)]| upgrade_asked(&headers(lines)).is_some();
        assert!(asked(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]));
        assert!(!asked(&[("connection", "keep-alive"), ("upgrade", "websocket")]));
        assert!(!asked(&[("connection", "upgrade")]));
        for protocol in ["h2c", "TLS/1.2", "HTTP/2.0", "websocket, h2c"] {
            assert!(!asked(&[("connection", "upgrade"), ("upgrade", protocol)]), "{protocol}");
        }
    }
}
