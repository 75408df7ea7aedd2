//! Takes a request to its stack and the response back.
//!
//! A request is sent once. Only where a kept connection died before the upstream said a byte, and only for a
//! method that may be repeated (RFC 9110 §9.2.2) and has no body, it is sent a second time, on a new connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::edge::Caller;
use crate::headers::clean_response;
use crate::outcomes::{End, Tally};
use crate::pages::{later, sentence};
use crate::relay::{Outgoing, Ride};
use crate::rollout::Witness;
use crate::stack::Stack;
use crate::tunnel;
use crate::upload::Upload;
use crate::upstream::{Fault, Wire};

/// A request ready to go, and where to.
pub(crate) struct Errand {
    pub(crate) stack: Arc<Stack>,
    /// Who follows it for a rollout.
    pub(crate) witness: Option<Box<Witness>>,
    /// What is asked for, as it is counted.
    pub(crate) endpoint: Option<String>,
    /// Taken when it is sent; a copy stays where it may be sent a second time.
    pub(crate) request: Option<Request<Upload>>,
    /// The visitor's end of a tunnel, where an upgrade was asked for.
    pub(crate) upgrade: Option<OnUpgrade>,
}

type Answered = (Box<Wire>, Response<Incoming>);

type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send + 'a>>;

/// Runs an errand and counts it. Takes it by reference, so that a request is not copied from future to future.
pub(crate) async fn forward(caller: &Arc<Caller>, errand: &mut Errand) -> Response<Outgoing> {
    let clock = &caller.edge.ports.clock;
    let began = clock.monotonic();
    let mut tally = errand.stack.counters.begin(errand.witness.take(), began).at(errand.endpoint.take());
    match send(caller, errand).await {
        Ok((wire, response)) => {
            let (stack, status) = (Arc::clone(&errand.stack), response.status());
            tally.answered_after(clock.monotonic().saturating_sub(began), status);
            let ride = Ride { wire, stack, caller: Arc::clone(caller), tally, status };
            deliver(response, ride, errand.upgrade.take())
        }
        Err(fault) => excuse(&fault, &mut tally),
    }
}

async fn send(caller: &Caller, errand: &mut Errand) -> Result<Answered, Fault> {
    let Some(mut wire) = errand.stack.idle(caller.worker) else { return send_fresh(caller, errand).await };
    let spare = errand.request.as_ref().and_then(spare);
    let Some(request) = std::mem::replace(&mut errand.request, spare) else { return Err(Fault::Silent) };
    match wire.exchange(request, caller.edge.config.waits.response).await {
        Ok(response) => Ok((wire, response)),
        Err(Fault::Unsent(request)) => {
            errand.request = Some(*request);
            send_fresh(caller, errand).await
        }
        Err(Fault::Silent) if errand.request.is_some() => send_fresh(caller, errand).await,
        Err(fault) => Err(fault),
    }
}

/// Sends on a new connection. Boxed, since most requests find a kept one and should stay small.
fn send_fresh<'a>(caller: &'a Caller, errand: &'a mut Errand) -> BoxFuture<'a> {
    let config = &caller.edge.config;
    Box::pin(async move {
        let mut wire = Wire::connect(&errand.stack.upstream, &config.limits, &config.waits).await?;
        let request = errand.request.take().ok_or(Fault::Silent)?;
        let response = wire.exchange(request, config.waits.response).await?;
        Ok((wire, response))
    })
}

/// A copy for the second attempt, where there may be one.
fn spare(request: &Request<Upload>) -> Option<Request<Upload>> {
    let repeatable = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if !repeatable || !matches!(request.body(), Upload::Empty) {
        return None;
    }
    let mut copy = Request::new(Upload::Empty);
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    request.headers().clone_into(copy.headers_mut());
    Some(copy)
}

fn deliver(response: Response<Incoming>, mut ride: Ride, upgrade: Option<OnUpgrade>) -> Response<Outgoing> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (mut parts, body) = response.into_parts();
        clean_response(&mut parts.headers);
        parts.version = Version::HTTP_11;
        return Response::from_parts(parts, Outgoing::relayed(body, ride));
    }
    match upgrade {
        Some(visitor) => tunnel::open(response, ride, visitor),
        None => excuse(&Fault::Broken, &mut ride.tally),
    }
}

/// What the visitor reads when there is no response.
fn excuse(fault: &Fault, tally: &mut Tally) -> Response<Outgoing> {
    let (end, page) = match fault {
        Fault::Late => (End::Timeout, too_late()),
        Fault::Stalled => (End::Left, too_slow()),
        Fault::Unsent(_) | Fault::Silent | Fault::Broken => (End::Reset, gone()),
    };
    tally.settle(end);
    page
}

fn gone() -> Response<Outgoing> {
    later(
        StatusCode::BAD_GATEWAY,
        "This part of the service is not answering",
        "It may be restarting. Try again in a moment; <code>/status</code> in the room says what runs.",
    )
}

fn too_late() -> Response<Outgoing> {
    later(
        StatusCode::GATEWAY_TIMEOUT,
        "This is taking too long",
        "The service did not answer in time. What you sent may still have arrived: look before you send it again.",
    )
}

fn too_slow() -> Response<Outgoing> {
    sentence(
        StatusCode::REQUEST_TIMEOUT,
        "The upload stopped",
        "Nothing more of your request arrived. Check your connection and send it again.",
    )
}
