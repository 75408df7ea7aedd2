//! Saying something: a form becomes a message for the pipeline.
//!
//! The form's key names the message, so that sending it again, by a second press or by a retry after a lost answer,
//! says nothing twice and gets the first answer. Nobody is told "accepted" before the pipeline has it on disk.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use folkops_engine::{
    Facts, Inbound, Operations, Outbox, Receipt, Rejected, RequestState, Rooms, TimelineItem, Unavailable,
};
use folkops_model::{Cause, MessageId, PersonId, Principal, RequestId, RoomName};
use serde::Deserialize;
use serde_json::json;

use crate::html::composer::Unsent;
use crate::look::{Page, View};
use crate::session::{self, Token, sha256};
use crate::state::Site;
use crate::{demo, pages};

/// How long a browser without script waits for the first answer before it is sent back to the room.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What the form says.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    text: String,
    key: String,
    csrf: String,
    #[serde(default)]
    thread: Option<String>,
    #[serde(default)]
    page: Option<String>,
}

/// Why something was not taken, with what to do about it.
struct Refusal {
    status: StatusCode,
    sentence: String,
    /// Seconds after which it may be tried again.
    again: Option<u64>,
}

/// Takes one message.
pub(crate) async fn say(
    State(site): State<Site>,
    Path(room): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Said>, FormRejection>,
) -> Response {
    let Some(view) = pages::known(&site, &room) else { return pages::no_room(&site) };
    let form = match form {
        Ok(Form(form)) => form,
        Err(wrong) => {
            let refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, wrong.body_text());
            return refused(&site, &headers, &view, String::new(), refusal).await;
        }
    };
    let view = View { page: page(&site, &form), ..view };
    let (view, message) = match checked(&site, &headers, view, &form) {
        Ok(checked) => checked,
        Err(wrong) => {
            let (view, refusal) = *wrong;
            return refused(&site, &headers, &view, form.text, refusal).await;
        }
    };
    let inbound = Inbound {
        place: view.place(),
        principal: Principal::Person(message.by),
        message: message.id,
        text: message.text,
        cause: Cause::Said,
        said: None,
    };
    match receive(&site, inbound).await {
        Ok(receipt) => accepted(&site, &headers, &view, &receipt).await,
        Err(refusal) => refused(&site, &headers, &view, form.text, refusal).await,
    }
}

fn page(site: &Site, form: &Said) -> Page {
    match (site.demo(), form.page.as_deref()) {
        (Some(_), Some("demo")) => Page::Demo,
        _ => Page::Room,
    }
}

/// A message that may go into the pipeline.
struct Message {
    by: PersonId,
    id: MessageId,
    text: String,
}

fn checked(
    site: &Site,
    headers: &HeaderMap,
    mut view: View,
    form: &Said,
) -> Result<(View, Message), Box<(View, Refusal)>> {
    let message = match signed(site, headers, form) {
        Ok(message) => message,
        Err(refusal) => return Err(Box::new((view, refusal))),
    };
    if let Some(thread) = form.thread.as_deref().filter(|thread| !thread.is_empty()) {
        let opens = |facts: &Facts<'_>| opens_thread(facts, &view.room, thread);
        match MessageId::parse(thread).ok().filter(|_| site.engine().ledger().read(opens)) {
            Some(thread) => view.thread = Some(thread),
            None => {
                let refusal =
                    Refusal::of(StatusCode::NOT_FOUND, "that thread is not in this room; say it in the room");
                return Err(Box::new((view, refusal)));
            }
        }
    }
    Ok((view, message))
}

fn signed(site: &Site, headers: &HeaderMap, form: &Said) -> Result<Message, Refusal> {
    let token = Token::of(headers);
    let by = site.engine().ledger().read(|facts| session::person(facts, token.as_ref()));
    let (Some(token), Some(by)) = (token, by) else {
        return Err(Refusal::of(
            StatusCode::UNAUTHORIZED,
            format!("this browser speaks for nobody; {} first", crate::sign_in::words(site)),
        ));
    };
    if !token.is_proven(&form.csrf) {
        return Err(Refusal::of(
            StatusCode::FORBIDDEN,
            "that form is not from this session; load the page again and send it anew",
        ));
    }
    let text = form.text.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err(Refusal::of(
            StatusCode::UNPROCESSABLE_ENTITY,
            "there is nothing to say yet; write something first",
        ));
    }
    let id = named(&by, &form.key)?;
    Ok(Message { by, id, text })
}

/// The message that this person's key is. Hashing the person keeps it short and keeps one person's keys from meeting
/// another's.
fn named(by: &PersonId, key: &str) -> Result<MessageId, Refusal> {
    let wrong =
        || Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, "the form's key is malformed; load the page again");
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !(8..=40).contains(&key.len()) || !key.bytes().all(plain) {
        return Err(wrong());
    }
    let person = sha256(by.as_str());
    MessageId::parse(&format!("w-{}-{key}", person.get(..16).unwrap_or_default())).map_err(|_| wrong())
}

/// Whether a message opens a thread that everybody can see.
fn opens_thread(facts: &Facts<'_>, room: &RoomName, message: &str) -> bool {
    let Some(rooms) = facts.fold::<Rooms>() else { return false };
    rooms.room(room).rev().any(|(_, item)| match item {
        TimelineItem::Said { message: id, thread, .. } => id.as_str() == message && thread.is_none(),
        TimelineItem::Card { message: id, thread, audience, .. } => {
            id.as_str() == message && thread.is_none() && *audience == folkops_engine::Audience::Everyone
        }
    })
}

/// Hands a message to the pipeline, in a task of its own: a browser that hangs up must not stop it half-way.
async fn receive(site: &Site, inbound: Inbound) -> Result<Receipt, Refusal> {
    let engine = site.engine().clone();
    let received = tokio::spawn(async move { engine.receive(inbound).await }).await;
    received
        .map_err(|error| Refusal::broken(&Unavailable(error.to_string())))?
        .map_err(|why| Refusal::from(&why))
}

async fn accepted(site: &Site, headers: &HeaderMap, view: &View, receipt: &Receipt) -> Response {
    let (request, again) = match receipt {
        Receipt::New(request) => (request, false),
        Receipt::Again(request) => (request, true),
    };
    if wants_json(headers) {
        return (StatusCode::ACCEPTED, Json(json!({ "request": request, "again": again }))).into_response();
    }
    answered(site, request).await;
    Redirect::to(&view.path()).into_response()
}

/// Waits a moment for the first answer, so that a page without script shows it at once.
async fn answered(site: &Site, request: &RequestId) {
    let mut durable = site.engine().ledger().subscribe();
    let is_answered = |facts: &Facts<'_>| {
        let row = facts.fold::<Operations>().and_then(|operations| operations.requests.get(request));
        let handled = row.is_none_or(|row| !matches!(row.state, RequestState::Received(_)));
        handled && facts.fold::<Outbox>().is_none_or(|outbox| outbox.owed.is_empty())
    };
    let waiting =
        async { while !site.engine().ledger().read(is_answered) && durable.changed().await.is_ok() {} };
    // Past the time the page simply shows what there is.
    let _late = tokio::time::timeout(ANSWER_WITHIN, waiting).await;
}

async fn refused(site: &Site, headers: &HeaderMap, view: &View, text: String, refusal: Refusal) -> Response {
    let Refusal { status, sentence, again } = refusal;
    let mut response = if wants_json(headers) {
        Json(json!({ "error": sentence })).into_response()
    } else {
        let unsent = Unsent { text, why: Some(sentence) };
        match view.page {
            Page::Demo => demo::show(site, headers, &unsent).await,
            Page::Room => pages::show(site, headers, view, None, &unsent).await,
        }
    };
    *response.status_mut() = status;
    if let Some(seconds) = again {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

impl Refusal {
    fn of(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), again: None }
    }

    /// What broke is for the log; who asked learns that it did not go through.
    fn broken(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a message could not be taken");
        let sentence = "that could not be kept, so it was not said; try again in a few seconds";
        Self { again: Some(5), ..Self::of(StatusCode::SERVICE_UNAVAILABLE, sentence) }
    }
}

impl From<&Rejected> for Refusal {
    fn from(why: &Rejected) -> Self {
        let sentence = why.to_string();
        match why {
            Rejected::TooFast(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Self { again: Some(seconds.max(1)), ..Self::of(StatusCode::TOO_MANY_REQUESTS, sentence) }
            }
            Rejected::Busy | Rejected::Stopping => {
                Self { again: Some(3), ..Self::of(StatusCode::SERVICE_UNAVAILABLE, sentence) }
            }
            Rejected::Edited | Rejected::Old => Self::of(StatusCode::CONFLICT, sentence),
            Rejected::TooLong => Self::of(StatusCode::UNPROCESSABLE_ENTITY, sentence),
            Rejected::Store(error) => Self::broken(error),
            Rejected::Keys(error) => Self::broken(error),
        }
    }
}
