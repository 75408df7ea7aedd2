//! git over HTTP, by git's own program, for those who show a token.

use std::process::Stdio;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::git::Bare;
use super::grant::{FETCH, PUSH};
use super::hook::basic;
use super::pull::Pull;
use super::server::{Inner, plain};
use super::token::Who;

const CONFIGURATION: [(&str, &str); 3] =
    [("uploadpack.allowAnySHA1InWant", "true"), ("http.receivepack", "true"), ("safe.directory", "*")];

/// Serves `/{owner}/{name}.git/…`.
pub(super) async fn serve(inner: &Arc<Inner>, head: &Parts, body: Bytes) -> Response {
    if inner.state().faults.down {
        return plain(503, "GitHub is down");
    }
    let Some((who, by)) = shown(inner, head) else {
        let mut refusal = plain(401, "a token is required");
        refusal
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"GitHub\""));
        return refusal;
    };
    let Some((at, bare, rest)) = repository(inner, head.uri.path()) else { return plain(404, "not found") };
    let pushes = rest.ends_with("git-receive-pack") || head.uri.query() == Some("service=git-receive-pack");
    if who == Who::Installation
        && let Err(lacking) = inner.state().may(if pushes { PUSH } else { FETCH })
    {
        inner.state().violations.push(lacking);
        return plain(403, "Resource not accessible by integration");
    }
    let before = bare.references("refs/heads");
    let answer = carried_out(&bare, &rest, (head, body)).await;
    if rest.ends_with("git-receive-pack") {
        inner.change(|state| state.pushed(at, by, &before));
    }
    answer.unwrap_or_else(|| plain(500, "git gave no answer"))
}

/// Whose token it is, and as whom it acts.
fn shown(inner: &Inner, head: &Parts) -> Option<(Who, u64)> {
    let (_, token) = basic(head.headers.get(header::AUTHORIZATION)?.to_str().ok()?)?;
    let state = inner.state();
    let who = state.who(Some(&format!("Bearer {token}"))).ok()?;
    match who {
        Who::Installation => Some((who, state.app.account)),
        Who::User(id) => Some((who, id)),
        Who::App | Who::Nobody => None,
    }
}

/// A fork is served from where it came from, with which it shares all its commits.
fn repository(inner: &Inner, path: &str) -> Option<(usize, Bare, String)> {
    let (full, rest) = path.trim_start_matches('/').split_once(".git/")?;
    let (owner, name) = full.split_once('/')?;
    let state = inner.state();
    let fork = || {
        let is_from = |pull: &Pull| pull.from.as_deref() == Some(full);
        state.repositories.iter().position(|one| one.pulls.values().any(is_from))
    };
    let at = state.place(owner, name).or_else(fork)?;
    Some((at, state.repositories[at].bare.clone(), rest.to_owned()))
}

async fn carried_out(bare: &Bare, rest: &str, (head, body): (&Parts, Bytes)) -> Option<Response> {
    let mut command = Command::new("git");
    let folder = bare.0.file_name()?.to_str()?;
    command.arg("http-backend").env("GIT_PROJECT_ROOT", bare.0.parent()?).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("PATH_INFO", format!("/{folder}/{rest}")).env("REMOTE_USER", "x-access-token");
    command.env("REQUEST_METHOD", head.method.as_str()).env("REMOTE_ADDR", "127.0.0.1");
    command.env("QUERY_STRING", head.uri.query().unwrap_or_default());
    command.env("CONTENT_LENGTH", body.len().to_string());
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_COUNT", CONFIGURATION.len().to_string());
    for (at, (key, value)) in CONFIGURATION.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    for (name, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        if let Some(value) = head.headers.get(name).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut git = command.spawn().ok()?;
    let mut stdin = git.stdin.take()?;
    // Git may answer before it has read everything, so one does not wait for the other.
    let fed = tokio::spawn(async move { stdin.write_all(&body).await });
    let done = git.wait_with_output().await.ok()?;
    let _ = fed.await;
    response(done.stdout)
}

/// What a CGI program says: headers, an empty line, a body.
fn response(said: Vec<u8>) -> Option<Response> {
    let end = said.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&said[..end]).ok()?;
    let mut response = Response::new(Body::from(said[end + 4..].to_vec()));
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(": ")) {
        if name == "Status" {
            *response.status_mut() = StatusCode::from_bytes(value.get(..3)?.as_bytes()).ok()?;
        } else {
            response.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value.parse().ok()?);
        }
    }
    Some(response)
}
