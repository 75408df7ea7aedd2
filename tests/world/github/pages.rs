//! The pages that a person's browser sees: signing in with GitHub, and making an App from a manifest.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::description::Description;
use super::grant::{self, Grants};
use super::hook::Hook;
use super::server::{Inner, pairs, plain};
use super::state::State;
use super::token::{Token, Who};
use crate::http::escaped;

/// How long a code from a page is good.
const CODE: SignedDuration = SignedDuration::from_mins(10);
/// How long somebody stays signed in.
const SIGNED_IN: SignedDuration = SignedDuration::from_hours(8);

/// The App as its owner made it.
pub(super) struct App {
    pub slug: String,
    pub name: String,
    pub account: u64,
    /// What it may do where it is installed.
    pub grants: Grants,
    /// Who uses the browser that is sent here.
    pub browser: Option<u64>,
    codes: BTreeMap<String, Code>,
    manifests: BTreeMap<String, Value>,
}

/// What a page has promised to a program.
struct Code {
    account: u64,
    challenge: Option<String>,
    back: String,
    until: Timestamp,
}

impl Default for App {
    fn default() -> Self {
        Self {
            slug: "folkops".into(),
            name: "FolkOps".into(),
            account: 0,
            grants: grant::ours(),
            browser: None,
            codes: BTreeMap::new(),
            manifests: BTreeMap::new(),
        }
    }
}

/// Answers for a page, if the path is one's.
pub(super) fn page(inner: &Inner, head: &Parts, body: &Bytes) -> Option<Response> {
    let path = head.uri.path();
    let mut state = inner.state();
    if state.faults.down && (path.starts_with("/login/") || path.ends_with("/settings/apps/new")) {
        return Some(plain(503, "GitHub is down"));
    }
    let query = pairs(head.uri.query().unwrap_or_default());
    let form = || match serde_json::from_slice::<BTreeMap<String, String>>(body) {
        Ok(fields) => fields,
        Err(_) => pairs(&String::from_utf8_lossy(body)),
    };
    match (&head.method, path) {
        (&Method::GET, "/login/oauth/authorize") => Some(authorize(&mut state, &query)),
        (&Method::POST, "/login/oauth/access_token") => Some(exchange(&mut state, head, &form())),
        (&Method::POST, path) if path.ends_with("/settings/apps/new") => {
            Some(manifest(&mut state, &query, &form()))
        }
        _ => None,
    }
}

/// Sends the browser back with a code, once it is known whose it is.
fn authorize(state: &mut State, query: &BTreeMap<String, String>) -> Response {
    let of = |name: &str| query.get(name).map(String::as_str);
    if of("client_id") != Some(super::GitHub::CLIENT) {
        return plain(404, "there is no such App");
    }
    if of("code_challenge").is_some() && of("code_challenge_method") != Some("S256") {
        return plain(400, "only S256 is known");
    }
    let named = of("as").and_then(|login| state.by_login(login)).map(|account| account.id);
    let Some(account) = named.or(state.app.browser) else { return plain(200, "Sign in to GitHub first") };
    let code = format!("code{}", state.next());
    let back = of("redirect_uri").unwrap_or_default().to_owned();
    let challenge = of("code_challenge").map(str::to_owned);
    let until = state.clock.after(CODE);
    state.app.codes.insert(code.clone(), Code { account, challenge, back: back.clone(), until });
    redirect(&with(&back, &[("code", &code), ("state", of("state").unwrap_or_default())]))
}

/// Gives a token for a code, once. GitHub says what is wrong with status 200.
fn exchange(state: &mut State, head: &Parts, form: &BTreeMap<String, String>) -> Response {
    let answer = match token(state, form) {
        Ok(token) => {
            json!({ "access_token": token, "token_type": "bearer", "scope": "", "expires_in": 28_800 })
        }
        Err(why) => json!({ "error": why, "error_description": why, "error_uri": "https://docs.github.com" }),
    };
    let accept = head.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let as_json = accept.contains("application/json");
    let fields = answer.as_object().into_iter().flatten();
    let field = |(name, value): (&String, &Value)| {
        format!("{name}={}", escaped(value.as_str().unwrap_or(&value.to_string())))
    };
    let text = if as_json { answer.to_string() } else { fields.map(field).collect::<Vec<_>>().join("&") };
    let kind = if as_json { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut response = plain(200, &text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn token(state: &mut State, form: &BTreeMap<String, String>) -> Result<String, &'static str> {
    let of = |name: &str| form.get(name).map_or("", String::as_str);
    if of("client_id") != super::GitHub::CLIENT || of("client_secret") != super::GitHub::CLIENT_SECRET {
        return Err("incorrect_client_credentials");
    }
    let code = state.app.codes.remove(of("code")).ok_or("bad_verification_code")?;
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier")));
    let proven = code.challenge.is_none_or(|challenge| challenge == proof);
    let back = of("redirect_uri");
    if !proven || code.until < state.clock.now() {
        return Err("bad_verification_code");
    }
    if !back.is_empty() && back != code.back {
        return Err("redirect_uri_mismatch");
    }
    let (token, until) = (format!("ghu_{:036}", state.next()), state.clock.after(SIGNED_IN));
    state.tokens.insert(token.clone(), Token { who: Who::User(code.account), until });
    Ok(token)
}

/// Takes an App's manifest and sends the browser back with a code for it.
fn manifest(
    state: &mut State,
    query: &BTreeMap<String, String>,
    form: &BTreeMap<String, String>,
) -> Response {
    let text = form.get("manifest").map_or("", String::as_str);
    let Ok(manifest) = serde_json::from_str::<Value>(text) else {
        return plain(422, "the manifest is no JSON");
    };
    let wrong = unknown(&manifest);
    state.violations.extend(wrong.iter().map(|said| format!("the App's manifest: {said}")));
    let back = manifest["redirect_url"].as_str().unwrap_or_default().to_owned();
    if !wrong.is_empty() || !manifest["url"].is_string() || back.is_empty() {
        return plain(422, &format!("the manifest wants `url` and `redirect_url`: {wrong:?}"));
    }
    let code = format!("manifest{}", state.next());
    state.app.manifests.insert(code.clone(), manifest);
    redirect(&with(&back, &[("code", &code), ("state", query.get("state").map_or("", String::as_str))]))
}

/// Permissions and events that GitHub does not have.
fn unknown(manifest: &Value) -> Vec<String> {
    let known = Description::get().component("#/components/schemas/app-permissions");
    let asked = manifest["default_permissions"].as_object().into_iter().flatten();
    let permission = asked.filter_map(|(name, level)| {
        let levels = known["properties"][name.as_str()]["enum"].as_array();
        let fits = levels.is_some_and(|levels| levels.contains(level));
        (!fits).then(|| format!("there is no permission `{name}` at {level}"))
    });
    let events = manifest["default_events"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let event = events.filter(|name| !Description::get().sends(name));
    permission.chain(event.map(|name| format!("there is no event `{name}`"))).collect()
}

impl State {
    /// The App behind a manifest's code, once; its webhooks go where the manifest says from now on.
    pub fn converted(&mut self, code: &str) -> Option<Value> {
        let manifest = self.app.manifests.remove(code)?;
        if let Some(name) = manifest["name"].as_str() {
            self.app.name = name.to_owned();
            self.app.slug = name.to_lowercase().replace(' ', "-");
            let login = format!("{}[bot]", self.app.slug);
            self.accounts.get_mut(&self.app.account)?.login = login;
        }
        let asked = manifest["default_permissions"].as_object().into_iter().flatten();
        let right = |(name, level): (&String, &Value)| {
            (name.clone(), grant::level_of(level.as_str().unwrap_or_default()))
        };
        self.app.grants = asked.map(right).collect();
        let secret = format!("secret{}", self.next());
        if let Some(url) = manifest["hook_attributes"]["url"].as_str() {
            self.hook = Some(Hook { url: url.to_owned(), secret: secret.clone() });
        }
        let mut shown = self.shown_app();
        shown["client_id"] = json!(super::GitHub::CLIENT);
        shown["client_secret"] = json!(super::GitHub::CLIENT_SECRET);
        shown["webhook_secret"] = json!(secret);
        shown["pem"] = json!(super::GitHub::KEY);
        Some(shown)
    }
}

fn with(url: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", fields.join("&"))
}

fn redirect(to: &str) -> Response {
    let mut response = plain(302, "");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(to).expect("an address"));
    response
}
