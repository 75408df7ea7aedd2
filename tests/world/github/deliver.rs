//! Sends webhooks, and notes what was answered: one after the other, or many at once on a bad day.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::hook::signature;
use super::server::Inner;
use super::state::APP;

/// GitHub waits so long for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// On a bad day so many are under way at once.
const AT_ONCE: usize = 8;

type Sender = Client<HttpConnector, Body>;

/// Sends whatever there is, for ever.
pub(super) async fn run(inner: Arc<Inner>) {
    let sender: Sender = Client::builder(TokioExecutor::new()).build_http();
    let mut under_way = JoinSet::new();
    loop {
        let (next, most) = {
            let mut state = inner.state();
            let most = if state.faults.storm.is_some() { AT_ONCE } else { 1 };
            (state.queue.pop_front(), most)
        };
        match next {
            Some(place) => drop(under_way.spawn(one(inner.clone(), sender.clone(), place))),
            None => inner.news.notified().await,
        }
        while under_way.len() >= most {
            under_way.join_next().await;
        }
    }
}

async fn one(inner: Arc<Inner>, sender: Sender, place: usize) {
    let Some(request) = request(&inner, place) else { return };
    let answer = timeout(PATIENCE, sender.request(request)).await;
    let status = answer.ok().and_then(Result::ok).map(|answer| answer.status().as_u16());
    let mut state = inner.state();
    let now = state.clock.now();
    state.deliveries[place].answered(status);
    state.deliveries[place].at = now;
}

fn request(inner: &Inner, place: usize) -> Option<Request<Body>> {
    let state = inner.state();
    let (hook, delivery) = (state.hook.as_ref()?, &state.deliveries[place]);
    let request = Request::post(&hook.url)
        .header("user-agent", "GitHub-Hookshot/f01c05")
        .header("content-type", "application/json")
        .header("x-github-event", &delivery.event)
        .header("x-github-delivery", &delivery.guid)
        .header("x-github-hook-id", "1")
        .header("x-github-hook-installation-target-id", APP)
        .header("x-github-hook-installation-target-type", "integration")
        .header("x-hub-signature-256", signature(&hook.secret, &delivery.body))
        .body(Body::from(delivery.body.to_vec()));
    request.ok()
}
