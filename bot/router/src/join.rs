//! The one-time link: how a browser comes to belong to a person.
//!
//! Following the link only asks; the answer is a form sent by the person in that browser, from this very page
//! (checked by its origin and by a proof that only a holder of the visitor's cookie could be given). So a link in
//! an image, a prefetch or a chat's link preview binds nobody. No mix is named anywhere in it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, HOST, LOCATION, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::bindings::{NotBound, Redemption};
use crate::edge::Caller;
use crate::headers::{Presented, presented};
use crate::pages::{escape, later, page, sentence};
use crate::relay::Outgoing;
use crate::seal::hex_digest;
use crate::table::{Link, LinkHash};
use crate::visitor::{VisitorId, give};

/// The form is one short field.
const LONGEST_FORM: usize = 1024;

type Page = Response<Outgoing>;

/// A link that can still be used, and by which token.
struct Good {
    token: String,
    hash: LinkHash,
    link: Link,
}

/// Answers a request below `/.folkops` on a service host.
pub(crate) async fn answer(caller: Arc<Caller>, host: String, request: Request<Incoming>) -> Page {
    let Some(token) = request.uri().path().strip_prefix("/.folkops/join/").map(str::to_owned) else {
        return nothing_here();
    };
    let good = match find(&caller, &host, token) {
        Ok(good) => good,
        Err(page) => return *page,
    };
    match *request.method() {
        Method::GET | Method::HEAD => ask(&caller, &good, request.headers()),
        Method::POST => redeem(&caller, good, request).await.unwrap_or_else(|page| *page),
        _ => wrong_method(),
    }
}

/// For a path below `/.folkops` that is nothing.
pub(crate) fn nothing_here() -> Page {
    sentence(StatusCode::NOT_FOUND, "Nothing here", "This path belongs to FolkOps, and nothing is behind it.")
}

fn find(caller: &Caller, host: &str, token: String) -> Result<Good, Box<Page>> {
    let hash = LinkHash::of(&token);
    let routes = caller.edge.routes();
    let link = routes.as_ref().and_then(|routes| routes.link(&hash).cloned());
    match link {
        None => Err(Box::new(unknown_link())),
        Some(link) if link.host.as_str() != host => Err(Box::new(other_host(&link))),
        Some(link) if link.expires <= now(caller) => Err(Box::new(no_longer("This link has expired"))),
        Some(link) => Ok(Good { token, hash, link }),
    }
}

fn ask(caller: &Caller, good: &Good, headers: &HeaderMap) -> Page {
    if caller.edge.bindings.is_used(&good.hash) {
        return no_longer("This link has been used");
    }
    match presented(headers) {
        Presented::Visitor(id) => question(good, &id),
        Presented::Conflict => planted(),
        Presented::Nobody => {
            let id = VisitorId::draw(&*caller.edge.ports.entropy);
            let mut page = question(good, &id);
            id.set_cookie(caller.edge.config.scheme).into_iter().for_each(|c| give(page.headers_mut(), c));
            page
        }
    }
}

async fn redeem(caller: &Caller, good: Good, request: Request<Incoming>) -> Result<Page, Box<Page>> {
    let Presented::Visitor(visitor) = presented(request.headers()) else { return Err(Box::new(no_cookie())) };
    if !is_same_origin(request.headers()) {
        return Err(Box::new(not_from_here()));
    }
    let form = read_form(caller, request).await.ok_or_else(|| Box::new(not_from_here()))?;
    if form != format!("proof={}", proof(&visitor, &good.token)) {
        return Err(Box::new(not_from_here()));
    }
    let Good { hash, link, .. } = good;
    let wish =
        Redemption { link: hash, person: link.person, visitor, expires: link.expires, now: now(caller) };
    match caller.edge.bindings.redeem(wish).await {
        Ok(()) => Ok(welcome()),
        Err(NotBound::Used) => Err(Box::new(no_longer("This link has been used"))),
        Err(NotBound::Unstored(error)) => {
            tracing::error!(%error, "a browser could not be bound");
            Err(Box::new(not_stored()))
        }
    }
}

/// What only the page that we gave to this visitor's browser can contain.
fn proof(visitor: &VisitorId, token: &str) -> String {
    hex_digest(format!("folkops join\n{visitor}\n{token}").as_bytes())
}

/// Whether a browser says that our own page sent this. Every current browser says so on a POST; whoever says
/// nothing is refused.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site == "same-origin");
    let origin = headers.get(ORIGIN).map(|origin| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        matches!((named, host), (Some((_, named)), Some(host)) if named.eq_ignore_ascii_case(host))
    });
    (site.is_some() || origin.is_some()) && site.unwrap_or(true) && origin.unwrap_or(true)
}

async fn read_form(caller: &Caller, request: Request<Incoming>) -> Option<Bytes> {
    let body = Limited::new(request.into_body(), LONGEST_FORM).collect();
    let read = timeout(caller.edge.config.waits.response, body).await.ok()?;
    read.ok().map(http_body_util::Collected::to_bytes)
}

fn now(caller: &Caller) -> i64 {
    caller.edge.ports.clock.now().as_second()
}

fn question(good: &Good, visitor: &VisitorId) -> Page {
    let whose = good.link.name.as_deref().map_or_else(|| "this person".to_owned(), escape);
    page(
        StatusCode::OK,
        &format!("Use {whose}’s mix in this browser?"),
        &format!(
            "<p>From now on this browser uses {whose}’s mix on <code>{host}</code>: the changes chosen there \
             handle what you do here and may read your data. Nobody else is affected.</p>\n\
             <p>Leave any time: say <code>/opt-out</code> in the room.</p>\n\
             <form method=\"post\"><input type=\"hidden\" name=\"proof\" value=\"{proof}\">\
             <button>Use it in this browser</button></form>",
            host = good.link.host,
            proof = proof(visitor, &good.token),
        ),
    )
}

fn welcome() -> Page {
    let mut response = Response::new(Outgoing::Empty);
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    response
}

fn wrong_method() -> Page {
    let mut page = sentence(
        StatusCode::METHOD_NOT_ALLOWED,
        "Open this link in a browser",
        "It is a page with one button; nothing else works here.",
    );
    page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    page
}

fn no_longer(title: &str) -> Page {
    sentence(
        StatusCode::GONE,
        title,
        "Each link works once, in one browser, for a short time. Say <code>/opt-in</code> in the room again for a \
         new one.",
    )
}

fn unknown_link() -> Page {
    sentence(
        StatusCode::NOT_FOUND,
        "This link is not known",
        "It may have been withdrawn. Say <code>/opt-in</code> in the room again for a new one.",
    )
}

fn other_host(link: &Link) -> Page {
    sentence(
        StatusCode::NOT_FOUND,
        "This link is for another address",
        &format!(
            "It works on <code>{}</code> only. Open it there, or say <code>/opt-in</code> in the room again for a \
             new one.",
            link.host
        ),
    )
}

fn no_cookie() -> Page {
    sentence(
        StatusCode::FORBIDDEN,
        "This browser keeps no cookie",
        "A browser is remembered by one cookie. Allow cookies for this address, open the link again and press the \
         button.",
    )
}

fn planted() -> Page {
    sentence(
        StatusCode::FORBIDDEN,
        "Two cookies claim this browser",
        "A page of this service set a cookie in our name. Clear the cookies of this address and open the link \
         again.",
    )
}

fn not_from_here() -> Page {
    sentence(
        StatusCode::FORBIDDEN,
        "That did not come from the link’s own page",
        "Open the link again in this browser and press the button there.",
    )
}

fn not_stored() -> Page {
    later(
        StatusCode::SERVICE_UNAVAILABLE,
        "That could not be stored",
        "Nothing has changed and the link is still good. Try again in a moment.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_origin(lines: &[(&'static str, &'static str)]) -> bool {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        is_same_origin(&lines.iter().map(pair).collect())
    }

    #[test]
    fn only_our_own_page_may_send_the_form() {
        let host = ("host", "a.localhost:8080");
        assert!(same_origin(&[host, ("origin", "http://a.localhost:8080")]));
        assert!(same_origin(&[
            host,
            ("origin", "https://a.localhost:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        for lines in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://b.localhost:8080")],
            &[host, ("origin", "http://a.localhost:8080"), ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "none")],
            &[("origin", "http://a.localhost:8080")],
        ] {
            assert!(!same_origin(lines), "{lines:?}");
        }
    }
}
