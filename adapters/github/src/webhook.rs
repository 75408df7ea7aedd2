//! `POST /webhooks/github`: size, then signature, then meaning, then durable, and only then "accepted".
//!
//! Nothing of a delivery is parsed, kept or counted before its signature holds. What cannot be taken now is answered with
//! 503, so that it counts as failed at GitHub and is asked for again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::event;
use crate::intake::Intake;
use crate::settings::LARGEST_DELIVERY;
use crate::signature::Verifier;

/// How long a sender may take for its body; GitHub itself hangs up after ten seconds.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// Bodies beyond this many bytes are read only a few at a time.
const SMALL: usize = 256 * 1024;
/// How many of those.
const LARGE_AT_A_TIME: usize = 2;
/// How many deliveries are remembered by id.
const REMEMBERED: usize = 20_000;

/// The endpoint.
pub struct Webhook {
    intake: Arc<Intake>,
    large: Semaphore,
    deliveries: Mutex<Deliveries>,
}

/// The newest deliveries with the hash of their bodies. What was said is told apart by the pipeline, for ever; this
/// saves work, and finds an id that comes with another body.
#[derive(Default)]
struct Deliveries {
    bodies: BTreeMap<String, [u8; 32]>,
    order: VecDeque<String>,
}

/// What is known of a delivery's id.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Not,
    Same,
    Other,
}

/// The routes of this endpoint, for the site to serve.
pub fn routes(intake: Arc<Intake>) -> Router {
    let webhook = Webhook { intake, large: Semaphore::new(LARGE_AT_A_TIME), deliveries: Mutex::default() };
    Router::new().route("/webhooks/github", post(deliver)).with_state(Arc::new(webhook))
}

type Answer = (StatusCode, &'static str);

async fn deliver(State(webhook): State<Arc<Webhook>>, headers: HeaderMap, body: Body) -> Answer {
    webhook.deliver(&headers, body).await.unwrap_or_else(|refused| refused)
}

impl Webhook {
    async fn deliver(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > LARGEST_DELIVERY as u64) {
            return Err(TOO_LARGE);
        }
        let signature = one(headers, "x-hub-signature-256").ok_or(UNSIGNED)?.to_owned();
        let read = tokio::time::timeout(READ_WITHIN, self.read(body, &signature));
        let body = read.await.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the body took too long\n"))??;
        let malformed = (StatusCode::BAD_REQUEST, "x-github-event and x-github-delivery are needed once\n");
        let kind = one(headers, "x-github-event").ok_or(malformed)?;
        let id = one(headers, "x-github-delivery").filter(|id| id.len() <= 64).ok_or(malformed)?;
        let hash: [u8; 32] = Sha256::digest(&body).into();
        match self.known(id, &hash) {
            Known::Not => {}
            Known::Same => return Ok((StatusCode::OK, "known\n")),
            Known::Other => {
                tracing::error!(delivery.id = id, "a delivery came again with another body and is not taken");
                return Err((StatusCode::CONFLICT, "this delivery was another one before\n"));
            }
        }
        self.take(kind, id, body).await?;
        self.remember(id, hash);
        Ok((StatusCode::ACCEPTED, "accepted\n"))
    }

    /// Reads a body to its end and proves it on the way.
    async fn read(&self, mut body: Body, signature: &str) -> Result<Bytes, Answer> {
        let mut verifier = Verifier::new(&self.intake.github().settings().secrets);
        let (mut whole, mut large) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let broken = (StatusCode::BAD_REQUEST, "the body broke off\n");
            let Ok(piece) = frame.map_err(|_| broken)?.into_data() else { continue };
            if whole.len() + piece.len() > LARGEST_DELIVERY {
                return Err(TOO_LARGE);
            }
            if whole.len() + piece.len() > SMALL && large.is_none() {
                let busy = (StatusCode::SERVICE_UNAVAILABLE, "too many large deliveries at once\n");
                large = Some(self.large.try_acquire().map_err(|_| busy)?);
            }
            verifier.update(&piece);
            whole.extend_from_slice(&piece);
        }
        if verifier.proves(signature) { Ok(whole.freeze()) } else { Err(UNSIGNED) }
    }

    /// In a task of its own: a sender that hangs up does not stop it half-way, and a panic ends nothing but itself.
    async fn take(&self, kind: &str, id: &str, body: Bytes) -> Result<(), Answer> {
        let (intake, kind, id) = (self.intake.clone(), kind.to_owned(), id.to_owned());
        let taken = tokio::spawn(async move {
            let event = event::read(&kind, &body).map_err(|error| {
                tracing::warn!(delivery.id = id, delivery.event = kind, %error, "a delivery is set aside");
                (StatusCode::UNPROCESSABLE_ENTITY, "this cannot be read\n")
            })?;
            intake.take(event, &id).await.map_err(|later| {
                tracing::warn!(delivery.id = id, %later, "a delivery could not be taken now");
                (StatusCode::SERVICE_UNAVAILABLE, "not now\n")
            })
        });
        taken.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "taking a delivery panicked");
            Err((StatusCode::INTERNAL_SERVER_ERROR, "this could not be taken\n"))
        })
    }

    fn known(&self, id: &str, hash: &[u8; 32]) -> Known {
        let deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        match deliveries.bodies.get(id) {
            None => Known::Not,
            Some(known) if known == hash => Known::Same,
            Some(_) => Known::Other,
        }
    }

    fn remember(&self, id: &str, hash: [u8; 32]) {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        if deliveries.bodies.insert(id.to_owned(), hash).is_none() {
            deliveries.order.push_back(id.to_owned());
        }
        while deliveries.order.len() > REMEMBERED
            && let Some(oldest) = deliveries.order.pop_front()
        {
            deliveries.bodies.remove(&oldest);
        }
    }
}

const TOO_LARGE: Answer = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n");
const UNSIGNED: Answer = (StatusCode::UNAUTHORIZED, "the signature does not hold\n");

/// A header that is there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
