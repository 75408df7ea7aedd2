//! Which address leads where, and the server itself.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::state::Site;
use crate::{assets, demo, diff, guard, join, live, pages, rollouts, say, sign_in, status};

/// The largest form: a message of 4,000 characters, each of which a browser may write as twelve bytes.
const LARGEST_FORM: usize = 64 * 1024;

/// Every page and endpoint of the site.
pub fn router(site: Site) -> Router {
    let webhooks = site.config().webhooks.clone();
    let mut router = Router::new()
        .route("/", get(pages::home))
        .route("/room/{room}", get(pages::room))
        .route("/room/{room}/thread/{message}", get(pages::thread))
        .route("/room/{room}/events", get(live::events))
        .route("/room/{room}/say", post(say::say))
        .route("/join/{token}", get(join::ask).post(join::join))
        .route("/sign-in/{surface}", get(sign_in::ask).post(sign_in::begin))
        .route("/sign-in/{surface}/back", get(sign_in::back))
        .route("/leave", post(join::leave))
        .route("/changes/{component}/{number}/diff", get(diff::page))
        .route("/rollouts", get(rollouts::newest))
        .route("/rollouts/{release}", get(rollouts::page))
        .route("/api/status", get(status::status))
        .route("/assets/{name}", get(assets::asset))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(pages::nothing_here);
    if site.demo().is_some() {
        router = router.route("/demo", get(demo::page)).route("/demo/speak-as", post(demo::speak_as));
    }
    router
        .method_not_allowed_fallback(pages::wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(site.clone(), guard::guard))
        .with_state(site)
        .merge(webhooks)
}

/// Serves the site until `shutdown` ends, then answers what was begun; live streams end at once.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let stopping = site.clone();
    let shutdown = async move {
        shutdown.await;
        stopping.stop();
    };
    axum::serve(listener, router(site)).with_graceful_shutdown(shutdown).await
}

async fn ready(State(site): State<Site>) -> Response {
    match (site.config().ready)() {
        Ok(()) => "ok\n".into_response(),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")).into_response(),
    }
}

async fn metrics(State(site): State<Site>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], (site.config().metrics)()).into_response()
}
