//! One request of a visitor: where it belongs, and what it gets.
//!
//! Where a request goes is decided once, at its head, from one table; nothing of the table is held while it is on
//! its way. Paths below `/.folkops` are ours on every host and reach no upstream.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::edge::Caller;
use crate::forward::{Errand, forward};
use crate::headers::{self, Origin, Presented};
use crate::pages::{later, sentence};
use crate::relay::Outgoing;
use crate::rollout::{Known, Way};
use crate::routes::{Place, Routes, named};
use crate::stack::Stack;
use crate::template::endpoint;
use crate::upload::Upload;
use crate::visitor::VisitorId;
use crate::{join, visitor};

/// What will be done for a request, decided at its head.
#[expect(clippy::large_enum_variant, reason = "the large one is what nearly every request takes")]
enum Course {
    /// It goes to a stack, and what comes back is for somebody.
    Stack(Errand, Audience),
    /// A page below `/.folkops` answers it. Boxed, so that the future of every other request stays small.
    Ours(Pin<Box<dyn Future<Output = Response<Outgoing>> + Send>>),
    /// This is the answer.
    Page(Box<Response<Outgoing>>),
}

/// Where a host leads this visitor.
enum Direction {
    Stack(Way, Audience),
    Ours(String),
}

/// For whom an answer is.
#[derive(Clone, Copy)]
enum Audience {
    /// Whoever asks gets it from the same build.
    Everybody,
    /// Another visitor may get it from another build.
    One,
    /// As before, and it brings a new visitor their id.
    Newcomer(VisitorId),
}

/// Answers one request; whatever goes wrong is an answer, too.
pub(crate) fn answer(
    caller: Arc<Caller>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Outgoing>, Infallible>> {
    let followed = is_followed(&request);
    let mut course = chart(&caller, request);
    async move {
        let mut response = match &mut course {
            Course::Stack(errand, audience) => {
                let mut response = forward(&caller, errand).await;
                address(&caller, *audience, &mut response);
                response
            }
            Course::Ours(page) => page.await,
            Course::Page(page) => std::mem::replace(&mut **page, Response::new(Outgoing::Empty)),
        };
        if let (Outgoing::Page(_), Some(origin)) = (response.body(), &caller.edge.config.framed_by) {
            origin.open(&mut response);
        }
        if !followed && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

fn chart(caller: &Arc<Caller>, request: Request<Incoming>) -> Course {
    match direct(caller, &request) {
        Ok(Direction::Stack(way, audience)) => Course::Stack(prepare(caller, way, request), audience),
        Ok(Direction::Ours(host)) => Course::Ours(Box::pin(join::answer(Arc::clone(caller), host, request))),
        Err(page) => Course::Page(page),
    }
}

/// Keeps what is for one visitor from the others, and gives a new one their cookie.
fn address(caller: &Caller, audience: Audience, response: &mut Response<Outgoing>) {
    if let Audience::Everybody = audience {
        return;
    }
    headers::keep_private(response.headers_mut());
    if let Audience::Newcomer(id) = audience
        && let Some(cookie) = id.set_cookie(caller.edge.config.scheme)
    {
        visitor::give(response.headers_mut(), cookie);
    }
}

/// Whether the end of this message is seen by `framing`; after any other the connection is closed.
fn is_followed(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    !headers.contains_key(TRANSFER_ENCODING)
        && !headers.contains_key(UPGRADE)
        && request.method() != Method::CONNECT
}

fn direct(caller: &Caller, request: &Request<Incoming>) -> Result<Direction, Box<Response<Outgoing>>> {
    if request.method() == Method::CONNECT {
        return Err(Box::new(not_a_proxy()));
    }
    let host = host(request).ok_or_else(|| Box::new(no_host()))?;
    let guard = caller.edge.routes();
    let routes = guard.as_ref().ok_or_else(|| Box::new(no_table()))?;
    let place = routes.place(&host).ok_or_else(|| Box::new(unknown_host()))?;
    match (place, is_ours(request.uri())) {
        (Place::Service, true) => Ok(Direction::Ours(host.into_owned())),
        (Place::Preview(_), true) => Err(Box::new(join::nothing_here())),
        (Place::Service, false) => Ok(for_visitor(caller, routes, request.headers())),
        (Place::Preview(stack), false) => Ok(Direction::Stack(Way::to(stack), Audience::Everybody)),
    }
}

fn for_visitor(caller: &Caller, routes: &Routes, headers: &HeaderMap) -> Direction {
    let edge = &caller.edge;
    if let Some(person) = named(headers, routes.believed(caller.peer)) {
        let usual = || {
            shared(routes.way(Some(person).filter(|person| !person.is_empty()).map(Known::Person), headers))
        };
        let (way, audience) = routes.own(person).map_or_else(usual, own);
        way.stack.counters.visited(edge.hash(person));
        return Direction::Stack(way, audience);
    }
    match headers::presented(headers) {
        Presented::Visitor(id) => {
            let mix = edge.bindings.person(&id, |person| routes.own(person.as_str())).flatten();
            let (way, audience) =
                mix.map_or_else(|| shared(routes.way(Some(Known::Browser(&id)), headers)), own);
            way.stack.counters.visited(edge.hash(id));
            Direction::Stack(way, audience)
        }
        Presented::Nobody => {
            let id = VisitorId::draw(&*edge.ports.entropy);
            Direction::Stack(routes.way(None, headers), Audience::Newcomer(id))
        }
        Presented::Conflict => {
            let (way, audience) = shared(routes.way(None, headers));
            Direction::Stack(way, audience)
        }
    }
}

/// To somebody's own mix.
fn own(mix: Arc<Stack>) -> (Way, Audience) {
    (Way::to(mix), Audience::One)
}

/// The way of everybody else, which is not the same for all while a rollout divides them.
fn shared(way: Way) -> (Way, Audience) {
    let audience = if way.witness.is_some() { Audience::One } else { Audience::Everybody };
    (way, audience)
}

/// Makes a request ready for its upstream.
fn prepare(caller: &Caller, way: Way, mut request: Request<Incoming>) -> Errand {
    let protocol =
        headers::upgrade_asked(request.headers()).filter(|_| request.version() == Version::HTTP_11);
    let upgrade: Option<(HeaderValue, OnUpgrade)> =
        protocol.map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
    let (mut parts, body) = request.into_parts();
    clean(caller, &mut parts.headers);
    if let Some((protocol, _)) = &upgrade {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol.clone());
    }
    let mut onward = Request::new(Upload::of(body));
    *onward.method_mut() = parts.method;
    *onward.uri_mut() = origin_form(parts.uri);
    *onward.headers_mut() = parts.headers;
    let Way { stack, witness } = way;
    let endpoint = Some(endpoint(onward.method(), onward.uri().path()));
    Errand { stack, witness, endpoint, request: Some(onward), upgrade: upgrade.map(|(_, upgrade)| upgrade) }
}

fn clean(caller: &Caller, headers: &mut HeaderMap) {
    let guard = caller.edge.routes();
    let routes = guard.as_ref();
    let origin = Origin {
        peer: &caller.peer_text,
        scheme: caller.edge.config.scheme,
        believed: routes.and_then(|routes| routes.believed(caller.peer)),
        reserved: routes.and_then(|routes| routes.reserved()),
    };
    headers::clean_request(headers, &origin);
}

/// The host that a request is for: from its one `Host`, in lower case, without port. None if that is not clear.
fn host(request: &Request<Incoming>) -> Option<Cow<'_, str>> {
    let mut values = request.headers().get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?;
    if request.uri().authority().is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(value)) {
        return None;
    }
    let name = value.split_once(':').map_or(value, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let upper = name.bytes().any(|b| b.is_ascii_uppercase());
    Some(if upper { name.to_ascii_lowercase().into() } else { name.into() })
}

fn is_ours(uri: &Uri) -> bool {
    uri.path().strip_prefix("/.folkops").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn origin_form(uri: Uri) -> Uri {
    if uri.authority().is_none() {
        return uri;
    }
    uri.into_parts().path_and_query.map_or_else(|| Uri::from_static("/"), Uri::from)
}

fn no_host() -> Response<Outgoing> {
    sentence(
        StatusCode::BAD_REQUEST,
        "Which host?",
        "This request does not say clearly which host it is for. Send exactly one <code>Host</code> header.",
    )
}

fn not_a_proxy() -> Response<Outgoing> {
    sentence(
        StatusCode::METHOD_NOT_ALLOWED,
        "No proxy here",
        "<code>CONNECT</code> is for proxies; this is a service. Ask for a page of it instead.",
    )
}

fn unknown_host() -> Response<Outgoing> {
    sentence(
        StatusCode::MISDIRECTED_REQUEST,
        "Nothing lives at this address",
        "A preview may have ended: ask <code>/status</code> in the room for what runs, or \
         <code>/deploy-preview</code> for a new one.",
    )
}

fn no_table() -> Response<Outgoing> {
    later(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not ready yet",
        "The router has not been told yet what runs here. Try again in a moment.",
    )
}
