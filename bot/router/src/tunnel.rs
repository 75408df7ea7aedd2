//! Two streams joined after both sides changed to another protocol, such as a WebSocket.
//!
//! A tunnel stays on the stack that it began on, whatever tables come, until either side closes or the router
//! drains. What goes through it is not looked at.

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

use crate::headers::clean_response;
use crate::outcomes::End;
use crate::relay::{Outgoing, Ride};
use crate::upstream::Wire;

/// Answers the visitor with the upstream's consent, and joins the streams once that is sent.
pub(crate) fn open(
    mut response: Response<Incoming>,
    mut ride: Ride,
    visitor: OnUpgrade,
) -> Response<Outgoing> {
    ride.tally.settle(End::Answered(ride.status));
    let protocol = response.headers_mut().remove(UPGRADE);
    let (mut parts, _) = response.into_parts();
    clean_response(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
    }
    tokio::spawn(async move {
        let ended = join(visitor, ride.wire).await;
        tracing::debug!(tunnel.error = ended.err().map(tracing::field::display), "a tunnel ended");
        drop(ride.caller);
    });
    Response::from_parts(parts, Outgoing::Empty)
}

async fn join(visitor: OnUpgrade, wire: Box<Wire>) -> std::io::Result<()> {
    let (mut upstream, said): (_, Bytes) = wire.into_stream().await;
    let mut visitor = TokioIo::new(visitor.await.map_err(std::io::Error::other)?);
    visitor.write_all(&said).await?;
    copy_bidirectional(&mut visitor, &mut upstream).await.map(drop)
}
