//! The threads that serve visitors, each with a reactor of its own.
//!
//! A connection stays on the thread that it was given to, with the upstream connections that it uses, so that
//! nothing on a request's way is shared between threads except counters and the table.

use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread::{Builder, JoinHandle};

use http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::sleep;

use crate::answer::answer;
use crate::bell::Bell;
use crate::config::RouterError;
use crate::edge::{Caller, Edge, HYPERS_HEADER_LINES, buffer_bytes};
use crate::framing::{Framed, Vigil};

/// A visitor's connection, just accepted.
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// All worker threads.
pub(crate) struct Workers {
    desks: Vec<mpsc::UnboundedSender<Arrival>>,
    threads: Vec<JoinHandle<()>>,
    stage: watch::Sender<Stage>,
}

/// Tells of workers that ended, which none should before the router does.
pub(crate) struct Deaths(mpsc::UnboundedReceiver<String>);

/// How far the router's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// Connections finish what they have begun.
    Finishing,
    /// Whatever is left is cut.
    Over,
}

/// One worker's share.
struct Worker {
    edge: Arc<Edge>,
    number: usize,
    builder: http1::Builder,
    stage: watch::Receiver<Stage>,
}

/// What ends a connection from outside.
enum Aside {
    Stuck,
    Finish,
}

/// Which of two futures was ready.
enum Either<M, A> {
    Main(M),
    Aside(A),
}

/// Tells of a worker's end, however it comes.
struct Knell {
    name: String,
    told: mpsc::UnboundedSender<String>,
}

impl Workers {
    pub(crate) fn start(edge: &Arc<Edge>) -> Result<(Self, Deaths), RouterError> {
        let (stage, watched) = watch::channel(Stage::Serving);
        let (told, deaths) = mpsc::unbounded_channel();
        let mut workers = Self { desks: Vec::new(), threads: Vec::new(), stage };
        for number in 0..edge.config.workers.get() {
            let worker =
                Worker { edge: Arc::clone(edge), number, builder: builder(edge), stage: watched.clone() };
            workers.employ(worker, told.clone()).map_err(|error| RouterError::Worker(error.to_string()))?;
        }
        Ok((workers, Deaths(deaths)))
    }

    /// Gives a connection to the worker whose turn it is.
    pub(crate) fn hand(&self, turn: usize, arrival: Arrival) {
        if let Some(desk) = self.desks.get(turn % self.desks.len().max(1)) {
            // A worker that is gone has rung its knell; the connection is closed by being dropped.
            let _ = desk.send(arrival);
        }
    }

    /// Asks every connection to finish what it has begun.
    pub(crate) fn finish(&self) {
        self.stage.send_replace(Stage::Finishing);
    }

    /// Cuts what is left and waits for the threads.
    pub(crate) async fn join(self) {
        self.stage.send_replace(Stage::Over);
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().try_for_each(JoinHandle::join)).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("a worker did not end well");
        }
    }

    fn employ(&mut self, worker: Worker, told: mpsc::UnboundedSender<String>) -> std::io::Result<()> {
        let (desk, arrivals) = mpsc::unbounded_channel();
        let name = format!("router-{}", worker.number);
        let knell = Knell { name: name.clone(), told };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Builder::new().name(name).spawn(move || {
            let _knell = knell;
            runtime.block_on(worker.work(arrivals));
        })?;
        self.desks.push(desk);
        self.threads.push(thread);
        Ok(())
    }
}

impl Deaths {
    /// The name of the next worker that ended.
    pub(crate) async fn next(&mut self) -> String {
        match self.0.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}

impl Worker {
    async fn work(self, mut arrivals: mpsc::UnboundedReceiver<Arrival>) {
        let worker = Arc::new(self);
        let mut stage = worker.stage.clone();
        let mut over = pin!(stage.wait_for(|stage| *stage == Stage::Over));
        loop {
            tokio::select! {
                _ = &mut over => return,
                Some(arrival) = arrivals.recv() => drop(tokio::spawn(Arc::clone(&worker).serve(arrival))),
            }
        }
    }

    async fn serve(self: Arc<Self>, arrival: Arrival) {
        let peer = arrival.peer;
        if let Err(error) = self.converse(arrival).await {
            tracing::debug!(%peer, %error, "a connection ended badly");
        }
    }

    async fn converse(&self, arrival: Arrival) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Arrival { stream, peer, permit } = arrival;
        let stream = tokio::net::TcpStream::from_std(stream)?;
        stream.set_nodelay(true)?;
        let peer = peer.ip().to_canonical();
        let peer_text = HeaderValue::try_from(peer.to_string())?;
        let caller = Arc::new(Caller {
            edge: Arc::clone(&self.edge),
            worker: self.number,
            peer,
            peer_text,
            _permit: permit,
        });
        let vigil = Arc::new(Vigil::default());
        let io = TokioIo::new(Framed::new(stream, Arc::clone(&vigil)));
        let served = Arc::clone(&caller);
        let service = service_fn(move |request| answer(Arc::clone(&served), request));
        let mut connection = pin!(self.builder.serve_connection(io, service).with_upgrades());
        let mut stage = self.stage.clone();
        let aside = async {
            tokio::select! {
                () = self.stuck(&caller, &vigil) => Aside::Stuck,
                _ = stage.wait_for(|stage| *stage >= Stage::Finishing) => Aside::Finish,
            }
        };
        match beside(connection.as_mut(), aside).await {
            Either::Main(ended) => return Ok(ended?),
            Either::Aside(Aside::Stuck) => return Ok(()),
            Either::Aside(Aside::Finish) => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }

    /// Resolves when a connection got nowhere for a whole `Waits::request` while no request was under way on it.
    ///
    /// Looked at once in that time rather than timed anew for each request, which a busy connection would pay for.
    async fn stuck(&self, caller: &Arc<Caller>, vigil: &Vigil) {
        let mut before = vigil.moves();
        loop {
            sleep(self.edge.config.waits.request).await;
            // Beside `caller` itself the service holds one; every request under way holds another.
            let idle = Arc::strong_count(caller) <= 2;
            match vigil.moves() {
                now if now == before && idle => return,
                now => before = now,
            }
        }
    }
}

impl Drop for Knell {
    fn drop(&mut self) {
        // Nobody listens any more once the router drains.
        let _ = self.told.send(std::mem::take(&mut self.name));
    }
}

/// Runs two futures, looking at the second only when it asks: the first is woken far more often.
async fn beside<M: Future + Unpin, A: Future>(mut main: M, aside: A) -> Either<M::Output, A::Output> {
    let (bell, mut aside) = (Bell::new(), pin!(aside));
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut main).poll(cx) {
            return Poll::Ready(Either::Main(ended));
        }
        if !bell.has_rung() {
            return Poll::Pending;
        }
        aside.as_mut().poll(&mut bell.answer(cx)).map(Either::Aside)
    })
    .await
}

fn builder(edge: &Edge) -> http1::Builder {
    let limits = &edge.config.limits;
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_header_size(limits.head_bytes).max_buf_size(buffer_bytes(limits));
    if limits.header_lines != HYPERS_HEADER_LINES {
        builder.max_headers(limits.header_lines);
    }
    builder
}
