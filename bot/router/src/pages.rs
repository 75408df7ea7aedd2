//! The few pages that the router itself answers with: plain, self-contained, escaped.
//!
//! They load nothing from anywhere, run no script, and may be framed by nobody but, where that is configured, the
//! one page that shows the service. Each says what happened in one sentence and what to do next.

use std::str::FromStr;

use bytes::Bytes;
use folkops_model::Malformed;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::relay::Outgoing;

const STYLE: &str = "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem;\
color:#1d1d1f;background:#fbfaf7}h1{font-size:1.4rem;line-height:1.25}button{font:inherit;padding:.6rem 1.1rem;\
border:0;border-radius:.5rem;background:#1f5f4a;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid \
#e0a63a;outline-offset:2px}code{font-size:.95em}@media(prefers-color-scheme:dark){body{color:#ecebe7;\
background:#17181a}button{background:#7cc7ab;color:#10231c}}";

/// The hash is that of `STYLE`. The referrer is cut to the origin, so that a token never travels in it, and is not
/// left out, since a form would then be sent without its origin.
const POLICY: &str = "default-src 'none'; style-src 'sha256-lhF1kvsjx2/ihmek9RF0j7C2gAHzPfWJHqCUWhUfNpo='; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The one origin whose pages may show the service, with the router's own pages in it, in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramedBy(HeaderValue);

impl FromStr for FramedBy {
    type Err = Malformed;

    /// Reads `http://host[:port]` or `https://host[:port]`.
    fn from_str(origin: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(origin, "an origin such as `https://ops.example.org`");
        let host =
            origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).ok_or_else(wrong)?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(wrong());
        }
        let policy = POLICY.replace("frame-ancestors 'none'", &format!("frame-ancestors {origin}"));
        HeaderValue::try_from(policy).map(Self).map_err(|_| wrong())
    }
}

impl FramedBy {
    /// Lets that origin frame one of our pages.
    pub(crate) fn open(&self, page: &mut Response<Outgoing>) {
        page.headers_mut().insert(CONTENT_SECURITY_POLICY, self.0.clone());
    }
}

/// A page of our own. `body` is HTML: whatever comes from outside has been through `escape`.
pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> Response<Outgoing> {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</html>\n"
    );
    let mut response = Response::new(Outgoing::Page(Some(Bytes::from(html))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page with one plain sentence.
pub(crate) fn sentence(status: StatusCode, title: &str, sentence: &str) -> Response<Outgoing> {
    page(status, title, &format!("<p>{sentence}</p>"))
}

/// A page for what is likely to be over soon.
pub(crate) fn later(status: StatusCode, title: &str, text: &str) -> Response<Outgoing> {
    let mut response = sentence(status, title, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// Text that stands as itself in HTML, inside and outside of attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sha2::Digest;

    #[test]
    fn the_policy_allows_our_style_and_nothing_else() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}'")), "{hash}");
    }

    #[test]
    fn only_an_origin_may_frame_our_pages() {
        let open: FramedBy = "http://ops.potluck.localhost:7070".parse().unwrap();
        assert!(open.0.to_str().unwrap().ends_with("; frame-ancestors http://ops.potluck.localhost:7070"));
        for wrong in
            ["*", "ops.example.org", "https://", "https://a b", "https://a;script-src *", "https://a/b"]
        {
            assert!(wrong.parse::<FramedBy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escape("<a b='\"&\">"), "&lt;a b=&#39;&quot;&amp;&quot;&gt;");
    }
}
