//! Tiny upstreams: they say what they are and remember what they were asked.

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use folkops_router::table::Upstream;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// What an upstream was asked: the head as text in the order of the wire, and the body.
pub type Asked = Arc<Mutex<Vec<(http::request::Parts, Bytes)>>>;

/// An upstream that answers every request with its own name.
pub fn named(folder: &Path, name: &'static str) -> (Upstream, Asked) {
    answering(folder, name, move |_| Response::new(Full::from(name)))
}

/// An upstream with an answer of the test's.
pub fn answering(
    folder: &Path,
    name: &str,
    answer: impl Fn(&http::request::Parts) -> Response<Full<Bytes>> + Send + Sync + 'static,
) -> (Upstream, Asked) {
    let asked = Asked::default();
    let (answer, kept) = (Arc::new(answer), Arc::clone(&asked));
    let upstream = serving(folder, name, move |request: Request<Incoming>| {
        let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let response = answer(&parts);
            kept.lock().unwrap().push((parts, body));
            response
        }
    });
    (upstream, asked)
}

/// An upstream with a service of the test's.
pub fn serving<F, B>(
    folder: &Path,
    name: &str,
    service: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) -> Upstream
where
    F: Future<Output = Response<B>> + Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let service = Arc::new(service);
    talking(folder, name, move |stream| {
        let service = Arc::clone(&service);
        async move {
            let service = service_fn(move |request| {
                let answer = service(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let builder = hyper::server::conn::http1::Builder::new();
            let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        }
    })
}

/// An upstream that the test speaks for, byte by byte.
pub fn talking<F>(folder: &Path, name: &str, talk: impl Fn(UnixStream) -> F + Send + 'static) -> Upstream
where
    F: Future<Output = ()> + Send + 'static,
{
    let path = folder.join(format!("{name}.sock"));
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    Upstream::Unix(path)
}

/// Reads one request without a body, or with one of `body` bytes, as text.
pub async fn read_request(stream: &mut UnixStream, body: usize) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let mut rest = vec![0; body];
    stream.read_exact(&mut rest).await.ok()?;
    text.extend(rest);
    String::from_utf8(text).ok()
}

pub async fn say(stream: &mut UnixStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// A place where one side waits until the other has come by.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
    pub fn open(&self) {
        self.0.add_permits(1);
    }
    pub async fn passed(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}
