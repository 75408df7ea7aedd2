//! The HTTP side: judges each request by GitHub's description, has it answered, and judges the answer too.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use super::api::{self, Call, Outcome, Refusal, Reply};
use super::description::Description;
use super::limit::HOURLY;
use super::operation::Request as Judged;
use super::state::State;
use super::template::unescaped;
use super::token::{Who, admit};
use super::{deliver, pages, smart};

/// GitHub refuses larger bodies; pushes have none of their own limit here.
const LARGEST: usize = 64 << 20;

/// What the server, the sender and the story share.
pub(super) struct Inner {
    state: Mutex<State>,
    /// Something is to be sent.
    pub news: Notify,
}

impl Inner {
    pub fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), news: Notify::new() })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and has sent what that announces.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state());
        self.news.notify_one();
        done
    }
}

/// Serves until the other end of `ended` is dropped.
pub(super) async fn serve(inner: Arc<Inner>, address: SocketAddr, ended: oneshot::Receiver<()>) {
    let listener = TcpListener::bind(address).await.expect("a free port");
    let sender = tokio::spawn(deliver::run(inner.clone()));
    let router = Router::new().fallback(receive).with_state(inner);
    let served = axum::serve(listener, router);
    tokio::select! {
        _ = served => {}
        _ = ended => {}
    }
    sender.abort();
}

async fn receive(Shared(inner): Shared<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(body) = to_bytes(body, LARGEST).await else { return plain(413, "too large") };
    let query = head.uri.query().unwrap_or_default();
    if path.contains(".git/") {
        return smart::serve(&inner, &head, body).await;
    }
    if let Some(page) = pages::page(&inner, &head, &body) {
        return page;
    }
    let asked = Asked { method: &head.method, path: &path, query, headers: &head.headers, body };
    let killed = inner.state().faults.killed_by(&path);
    killed.into_iter().for_each(crate::program::kill);
    let answer = inner.change(|state| asked.answered(state));
    conditional(&head.headers, answer)
}

struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: Bytes,
}

/// A status, headers and a body.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Asked<'_> {
    fn answered(&self, state: &mut State) -> Answer {
        if let Some(push) = state.faults.push_now() {
            state.force(push.at, push.number, push.by, &push.commit);
        }
        let mut answer = self.carried_out(state);
        state.calls.push(format!("{} {} → {}", self.method, self.path, answer.status));
        let (now, spent) = (state.clock.now(), &state.spent);
        answer.headers.extend([
            ("x-ratelimit-limit", HOURLY.to_string()),
            ("x-ratelimit-remaining", spent.left().to_string()),
            ("x-ratelimit-used", (HOURLY - spent.left()).to_string()),
            ("x-ratelimit-reset", spent.reset(now).as_second().to_string()),
            ("x-ratelimit-resource", "core".into()),
        ]);
        answer
    }

    fn carried_out(&self, state: &mut State) -> Answer {
        if state.faults.down {
            return refused(Refusal(503, "Service unavailable".into()));
        }
        let description = Description::get();
        let Some(asked) = description.asked(self.method.as_str(), self.path) else {
            state.violations.push(format!("GitHub has no `{} {}`", self.method, self.path));
            return refused(api::not_found());
        };
        let body = (!self.body.is_empty()).then(|| serde_json::from_slice(&self.body));
        let Ok(body) = body.transpose() else { return refused(Refusal(400, "Problems parsing JSON".into())) };
        let query = pairs(self.query);
        let judged = Judged { places: &asked.places, query: &query, body: body.as_ref() };
        let wrong = asked.operation.wrong(description, &judged);
        let name = &asked.operation.id;
        state.violations.extend(wrong.iter().map(|said| format!("`{name}`: {said}")));
        let authorization = self.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (path, places) = (self.path.to_owned(), asked.places);
        let call = state.who(authorization).map(|who| Call { who, path, places, query, body });
        let mut answer = match call {
            Ok(call) => self.outcome(state, name, &call, wrong),
            Err(refusal) => refused(refusal),
        };
        let wrong = asked.operation.answer(description, answer.status, answer.body.as_mut());
        state.violations.extend(wrong.iter().map(|said| format!("our answer to `{name}`: {said}")));
        answer
    }

    fn outcome(&self, state: &mut State, name: &str, call: &Call, wrong: Vec<String>) -> Answer {
        if let Err(refusal) = admit(name, call) {
            return refused(refusal);
        }
        if let Err(refusal) = state.granted(name, call) {
            return refused(refusal);
        }
        if let Some(why) = wrong.first() {
            return refused(api::invalid(why));
        }
        if let Some(answer) = self.limited(state, call) {
            return answer;
        }
        let Some(operation) = api::operation(name) else {
            state.violations.push(format!("this world does not do `{name}` yet"));
            return refused(Refusal(501, "not in this world".into()));
        };
        let done = operation(state, call);
        if self.is_write() && done.is_ok() && state.faults.is_blind() {
            return refused(Refusal(502, "Server Error".into()));
        }
        let page = format!("{}{}", state.home, self.path);
        told(done, &page, call)
    }

    fn limited(&self, state: &mut State, call: &Call) -> Option<Answer> {
        if !matches!(call.who, Who::Installation) {
            return None;
        }
        let now = state.clock.now();
        if state.spent.left() == 0 {
            return Some(refused(Refusal(403, "API rate limit exceeded for installation".into())));
        }
        state.spent.request(now);
        let too_much = self.is_write().then(|| state.spent.write(now)).and_then(Result::err)?;
        let mut answer = refused(Refusal(too_much.status, "You have exceeded a secondary rate limit".into()));
        answer.headers.push(("retry-after", too_much.seconds.to_string()));
        Some(answer)
    }

    fn is_write(&self) -> bool {
        [Method::POST, Method::PUT, Method::PATCH].contains(self.method) && self.path.starts_with("/repos/")
    }
}

fn refused(Refusal(status, message): Refusal) -> Answer {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
    Answer { status, headers: Vec::new(), body: Some(body) }
}

fn told(outcome: Outcome, page: &str, call: &Call) -> Answer {
    let mut headers = Vec::new();
    let (status, body) = match outcome {
        Err(refusal) => return refused(refusal),
        Ok(Reply::Nothing) => (204, None),
        Ok(Reply::One(status, body)) => (status, Some(body)),
        Ok(Reply::Part(items, next)) => {
            let link = |next| format!("<{page}?{}cursor={next}>; rel=\"next\"", others(call, "cursor"));
            headers.extend(next.map(|next| ("link", link(next))));
            (200, Some(items.into()))
        }
        Ok(Reply::List(items)) => (200, Some(one_page(items, page, call, &mut headers).into())),
        Ok(Reply::Within(name, items)) => {
            let count = items.len();
            (200, Some(json!({ "total_count": count, name: one_page(items, page, call, &mut headers) })))
        }
    };
    Answer { status, headers, body }
}

fn one_page(
    items: Vec<Value>,
    page: &str,
    call: &Call,
    headers: &mut Vec<(&'static str, String)>,
) -> Vec<Value> {
    let number = |name| call.query(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("per_page").unwrap_or(30).clamp(1, 100);
    let (at, last) = (number("page").unwrap_or(1).max(1), items.len().div_ceil(size).max(1));
    let link = |to: usize, name| format!("<{page}?{}page={to}>; rel=\"{name}\"", others(call, "page"));
    let forward = (at < last).then(|| [link(at + 1, "next"), link(last, "last")]);
    let backward = (at > 1).then(|| [link(at - 1, "prev"), link(1, "first")]);
    let links: Vec<String> = forward.into_iter().chain(backward).flatten().collect();
    if !links.is_empty() {
        headers.push(("link", links.join(", ")));
    }
    items.into_iter().skip((at - 1) * size).take(size).collect()
}

fn others(call: &Call, but: &str) -> String {
    let kept = call.query.iter().filter(|(name, _)| *name != but);
    kept.map(|(name, value)| format!("{name}={}&", crate::http::escaped(value))).collect()
}

/// The fields of a query or a form.
pub(super) fn pairs(text: &str) -> BTreeMap<String, String> {
    let fields = text.split('&').filter(|field| !field.is_empty());
    let pair = |field: &str| {
        field.split_once('=').map_or((unescaped(field), String::new()), |(name, value)| {
            (unescaped(name), unescaped(&value.replace('+', " ")))
        })
    };
    fields.map(pair).collect()
}

/// Tells only that nothing changed where that is so.
fn conditional(asked: &HeaderMap, answer: Answer) -> Response {
    let body = answer.body.map(|body| body.to_string()).unwrap_or_default();
    let tag = format!("W/\"{}\"", hex(&Sha256::digest(&body)));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(&tag);
    let (status, body) =
        if known && answer.status == 200 { (304, String::new()) } else { (answer.status, body) };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let mut put = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).expect("a header");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    };
    put("etag", tag);
    put("content-type", "application/json; charset=utf-8".into());
    answer.headers.into_iter().for_each(|(name, value)| put(name, value));
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn plain(status: u16, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}
