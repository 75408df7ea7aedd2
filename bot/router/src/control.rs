//! The bot's way to the router: HTTP/1 over a unix socket that only the owner may open.
//!
//! `PUT /table`, `GET /table`, `GET /outcomes`, `POST /rollout`, `POST /usage`, `GET /livez`. The client here and the server
//! in `socket` are the two ends of one protocol and change together. A table is acknowledged only after it is durable.

mod socket;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::observed::{Reading, Since};
use crate::outcomes::Outcomes;
use crate::table::Table;
use crate::usage::{Block, Wanted};

pub(crate) use socket::ControlSocket;

/// How long one exchange with the router may take, syncing the disk included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bot's end. Connects anew for each exchange, so that a restarted router is found at once.
#[derive(Debug, Clone)]
pub struct ControlClient {
    path: PathBuf,
}

/// Why the router did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers on the socket; try again when the router runs.
    #[error("no router answers on `{path}` ({source}): start it with `folkops router`")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table's version is not above the one that holds; send one that is.
    #[error("the router holds table {current} already: send a table with a higher version")]
    Behind {
        /// The version that holds.
        current: u64,
    },
    /// The router refused and says why.
    #[error("the router refused: {0}")]
    Refused(String),
    /// The router broke off or answered in another way than agreed.
    #[error(
        "the router's answer was not understood ({0}): check that bot and router are of the same version"
    )]
    Garbled(String),
}

/// The answer to a table that came too late.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Current {
    pub(crate) current: u64,
}

impl ControlClient {
    /// A client for the socket at `path`; connects to nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Sends a table. When this returns `Ok` it is durable and holds for every request from now on.
    pub async fn put_table(&self, table: &Table) -> Result<(), ControlError> {
        let body = serde_json::to_vec(table).map_err(|error| ControlError::Garbled(error.to_string()))?;
        match self.ask(Method::PUT, "/table", body).await? {
            (StatusCode::OK, _) => Ok(()),
            (StatusCode::CONFLICT, body) => {
                Err(ControlError::Behind { current: read::<Current>(&body)?.current })
            }
            (_, body) => Err(refused(&body)),
        }
    }

    /// The table that holds, if there is one.
    pub async fn table(&self) -> Result<Option<Table>, ControlError> {
        match self.ask(Method::GET, "/table", Vec::new()).await? {
            (StatusCode::OK, body) => read(&body).map(Some),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (_, body) => Err(refused(&body)),
        }
    }

    /// What became of the requests since the router started.
    pub async fn outcomes(&self) -> Result<Outcomes, ControlError> {
        match self.ask(Method::GET, "/outcomes", Vec::new()).await? {
            (StatusCode::OK, body) => read(&body),
            (_, body) => Err(refused(&body)),
        }
    }

    /// What a rollout showed from some indices on; none if it is not the one under way.
    pub async fn rollout(&self, since: &Since) -> Result<Option<Reading>, ControlError> {
        let body = serde_json::to_vec(since).map_err(garbled)?;
        match self.ask(Method::POST, "/rollout", body).await? {
            (StatusCode::OK, body) => read(&body).map(Some),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (_, body) => Err(refused(&body)),
        }
    }

    /// What ended at each endpoint since the block before the one that is wanted.
    pub async fn usage(&self, wanted: &Wanted) -> Result<Block, ControlError> {
        let body = serde_json::to_vec(wanted).map_err(garbled)?;
        match self.ask(Method::POST, "/usage", body).await? {
            (StatusCode::OK, body) => read(&body),
            (_, body) => Err(refused(&body)),
        }
    }

    /// Whether a router answers.
    pub async fn livez(&self) -> Result<(), ControlError> {
        match self.ask(Method::GET, "/livez", Vec::new()).await? {
            (StatusCode::OK, _) => Ok(()),
            (_, body) => Err(refused(&body)),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ControlError> {
        let asked = timeout(PATIENCE, self.exchange(method, path, body)).await;
        asked.unwrap_or_else(|_| Err(self.unreachable(io::ErrorKind::TimedOut.into())))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ControlError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|source| self.unreachable(source))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(garbled)?;
        let request = Request::builder().method(method).uri(path).header("host", "router");
        let request = request.body(Full::new(Bytes::from(body))).map_err(garbled)?;
        let answer = async {
            let response: Response<_> = sender.send_request(request).await.map_err(garbled)?;
            let (status, body) = (response.status(), response.into_body());
            Ok((status, body.collect().await.map_err(garbled)?.to_bytes()))
        };
        // The connection is driven beside the exchange and dropped with it.
        tokio::select! {
            biased;
            answer = answer => answer,
            Err(error) = connection => Err(garbled(error)),
        }
    }

    fn unreachable(&self, source: io::Error) -> ControlError {
        ControlError::Unreachable { path: self.path.clone(), source }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(garbled)
}

fn refused(body: &[u8]) -> ControlError {
    ControlError::Refused(String::from_utf8_lossy(body).into_owned())
}

fn garbled(error: impl std::fmt::Display) -> ControlError {
    ControlError::Garbled(error.to_string())
}
