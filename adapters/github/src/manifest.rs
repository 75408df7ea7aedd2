//! Making the GitHub App: one page on this machine, one click, and GitHub gives its credentials.
//!
//! GitHub's App manifest flow. The page posts what the App shall be to GitHub, GitHub sends the browser back with a code,
//! and the code is exchanged for the credentials, once. An answer with another state than ours is not taken.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::Method;
use octocrab::Octocrab;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::exchange::{Asked, Wrong, ask, judged, read};
use crate::settings::surface;

/// What the App needs, each with its reason; the guide says the same.
pub const PERMISSIONS: &[(&str, &str, &str)] = &[
    ("metadata", "read", "GitHub wants it for everything"),
    ("contents", "write", "fetches commits, merges what is promoted, pushes the branch of a revert"),
    ("pull_requests", "write", "reads changes and reviews, comments, reacts, merges, opens reverts"),
    ("issues", "read", "hears comments on pull requests, which GitHub sends as comments on issues"),
    ("checks", "write", "reads required checks, shows one of its own at each head"),
    ("deployments", "write", "shows previews and promotions as deployments"),
    ("statuses", "read", "reads required statuses"),
    ("administration", "read", "reads which checks a protected branch requires"),
    ("members", "read", "reads who is in a team that owns code or stands for a group"),
];

/// What GitHub tells us about by itself.
pub const EVENTS: &[&str] = &[
    "check_run",
    "check_suite",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
];

/// What shall be made.
#[derive(Debug, Clone)]
pub struct Making {
    /// How the App will be called; no other App on GitHub may have the name.
    pub name: String,
    /// Where our site is, without a slash at the end; GitHub must reach it.
    pub site: String,
    /// The organisation that will own the App; the person at the browser without one.
    pub organisation: Option<String>,
    /// Where the API is, without a slash at the end.
    pub api: String,
    /// Where people find GitHub, without a slash at the end.
    pub web: String,
    /// An unpredictable word that only this run knows.
    pub state: String,
}

/// An App that was made.
#[derive(Deserialize)]
pub struct NewApp {
    /// Its number.
    pub id: u64,
    /// Its page.
    pub html_url: String,
    /// Its private key.
    pub pem: SecretString,
    /// The secret of its webhook.
    pub webhook_secret: SecretString,
    /// Its client's id.
    pub client_id: String,
    /// Its client's secret.
    pub client_secret: SecretString,
}

/// Puts a new App's credentials where they belong; the error is for the operator.
pub type Keep = Box<dyn Fn(&NewApp) -> Result<(), String> + Send + Sync>;

struct Maker {
    making: Making,
    /// Our own address, as a browser on this machine says it.
    here: String,
    keep: Keep,
    made: Mutex<Option<oneshot::Sender<NewApp>>>,
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// Shows the page and waits until the App is made and kept.
///
/// # Errors
/// A sentence for the operator.
pub async fn make(listener: TcpListener, making: Making, keep: Keep) -> Result<NewApp, String> {
    let here = listener.local_addr().map_err(|error| error.to_string())?.to_string();
    let (made, is_made) = oneshot::channel();
    let maker = Arc::new(Maker { making, here, keep, made: Mutex::new(Some(made)) });
    let router = Router::new()
        .route("/", get(page))
        .route("/made", get(back))
        .layer(middleware::from_fn_with_state(maker.clone(), guard))
        .with_state(maker);
    let (done, stopping) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        // The sender is dropped when the App is there, and that is what is waited for.
        let _dropped = stopping.await;
    });
    let served = tokio::spawn(async move { serving.await });
    let app = is_made.await.map_err(|_| "the page ended before the App was made".to_owned())?;
    drop(done);
    match served.await {
        Ok(Ok(())) => Ok(app),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// What the App shall be, as GitHub takes it.
pub fn manifest(making: &Making, here: &str) -> Value {
    let site = &making.site;
    let permissions = PERMISSIONS.iter().map(|(name, level, _)| ((*name).to_owned(), json!(level)));
    json!({
        "name": making.name,
        "url": site,
        "hook_attributes": { "url": format!("{site}/webhooks/github"), "active": true },
        "redirect_url": format!("http://{here}/made"),
        "callback_urls": [format!("{site}/sign-in/{}/back", surface())],
        "public": false,
        "default_permissions": permissions.collect::<serde_json::Map<_, _>>(),
        "default_events": EVENTS,
    })
}

/// Nobody but a browser on this machine, by our own address: no foreign name that points here reads the page.
async fn guard(State(maker): State<Arc<Maker>>, request: Request, next: Next) -> Response {
    let ours =
        |headers: &HeaderMap| headers.get(header::HOST).is_some_and(|host| host == maker.here.as_str());
    if !ours(request.headers()) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let mut response = next.run(request).await;
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action {} 'self'; base-uri 'none'; frame-ancestors 'none'",
        maker.making.web
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn page(State(maker): State<Arc<Maker>>) -> Html<String> {
    let making = &maker.making;
    let owner = making.organisation.as_ref().map(|name| format!("/organizations/{name}")).unwrap_or_default();
    let action = format!("{}{owner}/settings/apps/new?state={}", making.web, making.state);
    let manifest = manifest(making, &maker.here).to_string();
    let reason = |(name, level, why): &(&str, &str, &str)| {
        format!("<tr><td><code>{name}</code></td><td>{level}</td><td>{}</td></tr>", escaped(why))
    };
    let reasons: String = PERMISSIONS.iter().map(reason).collect();
    Html(shell(&format!(
        "<h1>Make the GitHub App <q>{}</q></h1>\
         <p>GitHub shows what the App may do and asks once more. Then its credentials come back to this machine, \
         into files that only you can read.</p>\
         <form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"manifest\" value=\"{}\">\
         <button>Make it on GitHub</button></form>\
         <h2>What it may do, and why</h2><table>{reasons}</table>",
        escaped(&making.name),
        escaped(&action),
        escaped(&manifest),
    )))
}

async fn back(State(maker): State<Arc<Maker>>, Query(back): Query<Back>) -> Response {
    let ours: bool = back.state.as_bytes().ct_eq(maker.making.state.as_bytes()).into();
    if !ours {
        let said = "That answer is not for this page. Nothing was made here.";
        return (StatusCode::FORBIDDEN, told("Not from here", said)).into_response();
    }
    match maker.finish(&back.code).await {
        Ok(html_url) => {
            let install = format!(
                "<h1>The App is there</h1><p>Its credentials are on this machine. Now \
                 <a href=\"{}/installations/new\">install it in your repositories</a>; the prompt says what to paste.</p>",
                escaped(&html_url)
            );
            Html(shell(&install)).into_response()
        }
        Err(why) => (StatusCode::BAD_GATEWAY, told("The App could not be taken over", &why)).into_response(),
    }
}

impl Maker {
    /// Exchanges the code, keeps what comes of it, and lets the wait end. Gives the App's page.
    async fn finish(&self, code: &str) -> Result<String, String> {
        if code.is_empty() || code.len() > 100 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("that is no code of GitHub's; begin again at this page".into());
        }
        let crab = Octocrab::builder().base_uri(self.making.api.as_str()).and_then(|builder| builder.build());
        let crab = crab.map_err(|error| format!("`{}` cannot be asked: {error}", self.making.api))?;
        let path = format!("/app-manifests/{code}/conversions");
        let asked = Asked { method: Method::POST, path: &path, tag: None, body: None };
        let plain = |wrong: Wrong| wrong.to_string();
        let app: NewApp =
            read(&judged(ask(&crab, asked).await.map_err(plain)?, &path).map_err(plain)?).map_err(plain)?;
        (self.keep)(&app)?;
        let html_url = app.html_url.clone();
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).take();
        match made.map(|made| made.send(app)) {
            Some(Ok(())) => Ok(html_url),
            Some(Err(_)) | None => Err("an App was made already in this run; look at the prompt".into()),
        }
    }
}

fn told(title: &str, sentence: &str) -> Html<String> {
    Html(shell(&format!(
        "<h1>{}</h1><p>{}</p><p><a href=\"/\">Back</a></p>",
        escaped(title),
        escaped(sentence)
    )))
}

fn shell(main: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>FolkOps on GitHub</title><style>{STYLE}</style>\
         <main>{main}</main></html>"
    )
}

const STYLE: &str = "main{max-width:44rem;margin:3rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}\
    h1{font-size:1.5rem}h2{font-size:1rem;margin-top:2rem}q{quotes:none}button{font:inherit;font-weight:600;\
    padding:.5rem 1rem;border:0;border-radius:.4rem;background:light-dark(#12191c,#e9eef0);\
    color:light-dark(#fff,#12191c)}table{border-collapse:collapse;font-size:.9rem}\
    td{padding:.3rem .8rem .3rem 0;border-top:1px solid light-dark(#dde3e5,#2a3337);vertical-align:top}";

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
