//! The router's end of the control socket.
//!
//! Whoever can open it decides where everybody's requests go, so it is born inside a folder that only its owner
//! can enter and moved into place with mode 0600; there is no moment at which somebody else could connect.

use std::convert::Infallible;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_blocking;

use super::Current;
use crate::config::RouterError;
use crate::edge::{Edge, NotPut};
use crate::observed::Since;
use crate::table::Table;
use crate::usage::Wanted;

/// Room for some hundred thousand people with a mix of their own.
const LARGEST_TABLE: usize = 64 * 1024 * 1024;

const LARGEST_QUESTION: usize = 1024;

type Answer = Response<Full<Bytes>>;

/// The listening socket; its file is removed when the router ends.
pub(crate) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    pub(crate) fn bind(path: &Path) -> Result<Self, RouterError> {
        let wrong = |source| RouterError::Control { path: path.to_owned(), source };
        let listener = bind_privately(path).map_err(wrong)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers the bot for as long as it is polled.
    pub(crate) async fn serve(&self, edge: Arc<Edge>) -> Infallible {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&edge)))),
                Err(error) => {
                    tracing::warn!(%error, "a control connection was not accepted");
                    tokio::time::sleep(crate::serve::BREATH).await;
                }
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // A file that stays behind is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

fn bind_privately(path: &Path) -> io::Result<UnixListener> {
    let cradle = path.with_extension("new");
    let born = cradle.join("s");
    match fs::remove_dir_all(&cradle) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => DirBuilder::new().mode(0o700).create(&cradle)?,
    }
    let listener = UnixListener::bind(&born)?;
    fs::set_permissions(&born, Permissions::from_mode(0o600))?;
    fs::rename(&born, path)?;
    fs::remove_dir(&cradle)?;
    Ok(listener)
}

async fn converse(stream: UnixStream, edge: Arc<Edge>) {
    let service = service_fn(move |request| {
        let edge = Arc::clone(&edge);
        async move { Ok::<_, Infallible>(answer(&edge, request).await) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a control connection ended badly");
    }
}

async fn answer(edge: &Arc<Edge>, request: Request<Incoming>) -> Answer {
    match (request.method(), request.uri().path()) {
        (&Method::PUT, "/table") => receive(edge, request).await,
        (&Method::GET, "/table") => aside(edge, show).await,
        (&Method::GET, "/outcomes") => json(StatusCode::OK, &edge.outcomes()),
        (&Method::POST, "/rollout") => tell(edge, request, observed).await,
        (&Method::POST, "/usage") => tell(edge, request, usage).await,
        (&Method::GET, "/livez") => text(StatusCode::OK, "alive"),
        _ => text(
            StatusCode::NOT_FOUND,
            "unknown: use `PUT /table`, `GET /table`, `GET /outcomes`, `POST /rollout`, `POST /usage` or `GET /livez`",
        ),
    }
}

async fn receive(edge: &Arc<Edge>, request: Request<Incoming>) -> Answer {
    match Limited::new(request.into_body(), LARGEST_TABLE).collect().await {
        Ok(body) => aside(edge, move |edge| put(edge, &body.to_bytes())).await,
        Err(error) => text(StatusCode::PAYLOAD_TOO_LARGE, &format!("the table did not arrive: {error}")),
    }
}

async fn tell<Q: DeserializeOwned + Send + 'static>(
    edge: &Arc<Edge>,
    request: Request<Incoming>,
    look: fn(&Edge, &Q) -> Answer,
) -> Answer {
    let body = Limited::new(request.into_body(), LARGEST_QUESTION).collect().await;
    let question = body
        .map_err(|error| error.to_string())
        .and_then(|body| serde_json::from_slice::<Q>(&body.to_bytes()).map_err(|error| error.to_string()));
    match question {
        Ok(question) => aside(edge, move |edge| look(edge, &question)).await,
        Err(error) => text(StatusCode::BAD_REQUEST, &format!("the question cannot be read: {error}")),
    }
}

/// Does what takes its time on a thread of its own: this one also accepts visitors.
async fn aside(edge: &Arc<Edge>, work: impl FnOnce(&Edge) -> Answer + Send + 'static) -> Answer {
    let edge = Arc::clone(edge);
    let done = spawn_blocking(move || work(&edge)).await;
    done.unwrap_or_else(|_| {
        text(StatusCode::INTERNAL_SERVER_ERROR, "the router could not finish this: try again")
    })
}

fn show(edge: &Edge) -> Answer {
    match &*edge.routes() {
        Some(routes) => json(StatusCode::OK, &routes.table),
        None => text(StatusCode::NOT_FOUND, "there is no table yet: send one with `PUT /table`"),
    }
}

fn observed(edge: &Edge, since: &Since) -> Answer {
    match edge.observed(since) {
        Some(reading) => json(StatusCode::OK, &reading),
        None => {
            text(StatusCode::NOT_FOUND, "this rollout is not under way: read the table for the one that is")
        }
    }
}

fn usage(edge: &Edge, wanted: &Wanted) -> Answer {
    json(StatusCode::OK, &edge.usage(wanted))
}

fn put(edge: &Edge, body: &[u8]) -> Answer {
    let table: Table = match serde_json::from_slice(body) {
        Ok(table) => table,
        Err(error) => return text(StatusCode::BAD_REQUEST, &format!("the table cannot be read: {error}")),
    };
    match edge.put(table) {
        Ok(()) => text(StatusCode::OK, "it holds"),
        Err(NotPut::Behind(current)) => json(StatusCode::CONFLICT, &Current { current }),
        Err(NotPut::Contradicts(why)) => text(StatusCode::UNPROCESSABLE_ENTITY, &why.to_string()),
        Err(NotPut::Unstored(error)) => {
            tracing::error!(%error, "a table could not be stored");
            text(StatusCode::INSUFFICIENT_STORAGE, &error.to_string())
        }
    }
}

fn text(status: StatusCode, words: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(words.to_owned())));
    *answer.status_mut() = status;
    answer
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let Ok(body) = serde_json::to_vec(value) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written as JSON");
    };
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
