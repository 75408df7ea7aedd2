//! What stands before every page: which host is asked, who sent a form, and what a browser may do with the answer.
//!
//! A request for another host is refused, so that no foreign name that points at this machine can read or press
//! anything here. A request that changes something must come from our own pages: its origin is checked here, the
//! proof that goes with the session where the form is read.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::html::page;
use crate::state::{NotAnOrigin, Site};

/// Where the site is, as browsers say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    text: String,
    authority: String,
    secure: bool,
}

impl Origin {
    /// Reads `http://host[:port]` or `https://host[:port]`.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let wrong = || NotAnOrigin(text.to_owned());
        let (scheme, authority) = text.split_once("://").ok_or_else(wrong)?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
        let known = scheme == "http" || scheme == "https";
        if !known || authority.is_empty() || !authority.chars().all(good) {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), authority: authority.to_owned(), secure: scheme == "https" })
    }

    /// Whether cookies can be kept to encrypted connections.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }
}

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The content security policy of a page that frames these origins and nothing else.
pub(crate) fn policy_framing<'a>(origins: impl Iterator<Item = &'a str>) -> String {
    let origins: Vec<&str> = origins.collect();
    format!("{POLICY}; frame-src {}", origins.join(" "))
}

/// The content security policy of a page whose form leads on to this origin.
pub(crate) fn policy_leading_to(origin: &str) -> String {
    POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"))
}

/// The origin of an absolute URL of ours.
pub(crate) fn origin_of(url: &str) -> Option<&str> {
    let after = url.find("://")? + 3;
    let end = url.get(after..)?.find('/').map_or(url.len(), |slash| after + slash);
    url.get(..end)
}

/// Looks at every request before and at every response after the pages.
pub(crate) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let probe = ["/livez", "/readyz", "/metrics"].contains(&request.uri().path());
    let mut response = if !probe && !is_ours(&site, request.headers()) {
        page::plain(
            &site,
            StatusCode::MISDIRECTED_REQUEST,
            "Not here",
            &format!("This is {}. Ask for it by that address.", site.origin().text),
        )
    } else if changes(request.method()) && !sent_from_here(&site, request.headers()) {
        page::plain(
            &site,
            StatusCode::FORBIDDEN,
            "Not from here",
            "That was not sent from a page of this site, so nothing was done. Open the room and send it there.",
        )
    } else {
        next.run(request).await
    };
    seal(response.headers_mut());
    response
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_ours(site: &Site, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(&site.origin().authority))
}

/// Whether a browser says that our own page sent this. Every current browser says so with a form; whoever says nothing
/// is refused (Fetch Metadata, and the `Origin` header of the Fetch standard).
fn sent_from_here(site: &Site, headers: &HeaderMap) -> bool {
    let fetch = headers.get("sec-fetch-site").map(|from| from == "same-origin");
    let origin = headers.get(header::ORIGIN).map(|origin| origin == site.origin().text.as_str());
    (fetch.is_some() || origin.is_some()) && fetch.unwrap_or(true) && origin.unwrap_or(true)
}

fn seal(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with it browsers hide the origin of our own forms from us.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// What only a page that we gave to the holder of this session can contain.
pub(crate) fn proof(token: &str) -> String {
    folkops_engine::hex(&Sha256::digest(format!("folkops form\n{token}")))
}

/// Whether a form carries that proof; compared in constant time.
pub(crate) fn is_proven(token: &str, given: &str) -> bool {
    proof(token).as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host_and_no_more() {
        assert!(Origin::parse("https://folkops.example.org").unwrap().is_secure());
        assert!(!Origin::parse("http://folkops.localhost:7070").unwrap().is_secure());
        for bad in ["folkops.localhost", "ftp://x", "http://", "http://a/b", "http://a b", "http://a\"b"] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_origin_of_a_framed_page_leaves_out_its_path() {
        assert_eq!(
            origin_of("http://ana.potluck.localhost:7080/x/y"),
            Some("http://ana.potluck.localhost:7080")
        );
        assert_eq!(origin_of("http://ana.potluck.localhost"), Some("http://ana.potluck.localhost"));
        assert_eq!(origin_of("/x"), None);
    }

    #[test]
    fn a_proof_is_bound_to_its_session() {
        assert!(is_proven("a", &proof("a")));
        assert!(!is_proven("a", &proof("b")));
        assert!(!is_proven("a", ""));
    }
}
