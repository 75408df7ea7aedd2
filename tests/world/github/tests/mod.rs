//! What this world does, seen over HTTP as a program sees it.

mod answers;
mod grants;
mod hooks;
mod ours;
mod pages;
mod works;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::{APP, GitHub, Permission};
use crate::setup::free_ports;

const WEB: &str = "potluck/web";

/// A place with repositories, and a GitHub that serves them to a program that has a token.
struct Place {
    github: GitHub,
    token: String,
    _folder: TempDir,
}

struct Told {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Place {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let github = GitHub::start(&folkops_demo::lay_out(folder.path()).await.unwrap()).await;
        github.user("mira");
        github.collaborator(WEB, "jo", Permission::Write);
        let told = call(&github, "GET /repos/potluck/web/installation", &word(600), None).await;
        let path = format!("POST /app/installations/{}/access_tokens", told.body["id"]);
        let token = call(&github, &path, &word(600), None).await.body["token"].as_str().unwrap().to_owned();
        Self { github, token, _folder: folder }
    }

    async fn asks(&self, line: &str, body: impl Into<Option<Value>>) -> Told {
        call(&self.github, line, &self.token, body.into()).await
    }
}

/// What a browser gets: the status, where it is sent, and the body.
async fn opens(github: &GitHub, method: &str, path: &str, fields: &str) -> (u16, String, Value) {
    let request = Request::builder().method(method).uri(format!("{}{path}", github.web()));
    let request = request.header("accept", "application/json");
    let answer = Client::builder(TokioExecutor::new()).build_http();
    let answer = answer.request(request.body(Body::from(fields.to_owned())).unwrap()).await.unwrap();
    let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status().as_u16();
    let body = to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap();
    (status, to, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// What the App says of itself, for so many seconds.
fn word(seconds: i64) -> String {
    let now = crate::github::state::Clock::default().now().as_second();
    let claims = json!({ "iss": APP.to_string(), "iat": now, "exp": now + seconds });
    let key = EncodingKey::from_rsa_pem(GitHub::KEY.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap()
}

async fn call(github: &GitHub, line: &str, token: &str, body: Option<Value>) -> Told {
    tagged(github, line, token, (body, "")).await
}

async fn tagged(github: &GitHub, line: &str, token: &str, (body, tag): (Option<Value>, &str)) -> Told {
    let (method, path) = line.split_once(' ').unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let mut request = Request::builder().method(method).uri(format!("{}{path}", github.api()));
    for (name, value) in [("authorization", format!("Bearer {token}")), ("if-none-match", tag.to_owned())] {
        request = if value.ends_with(' ') { request } else { request.header(name, value) };
    }
    let request = request.body(Body::from(body)).unwrap();
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(Body::new(body), 1 << 24).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Told { status: head.status.as_u16(), headers: head.headers, body }
}

/// Somebody who listens to webhooks.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Ear {
    async fn listens(github: &GitHub) -> Self {
        let (ear, [address]) = (Self::default(), free_ports());
        let hears = async |Shared(ear): Shared<Self>, headers: HeaderMap, body: Bytes| {
            ear.0.lock().await.push((headers, body));
        };
        let router = Router::new().fallback(hears).with_state(ear.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        github.webhooks_go_to(&format!("http://{address}/webhooks/github"), "hush");
        ear
    }

    /// What was heard, by event and action.
    async fn heard(&self) -> Vec<String> {
        let said = |(headers, body): &(HeaderMap, Bytes)| {
            let body: Value = serde_json::from_slice(body).unwrap();
            let action = body["action"].as_str().unwrap_or_default().to_owned();
            format!("{} {action}", headers["x-github-event"].to_str().unwrap()).trim().to_owned()
        };
        self.0.lock().await.iter().map(said).collect()
    }
}
