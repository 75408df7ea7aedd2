//! The router's life: take the folder, listen, hand out connections, drain.
//!
//! The thread that accepts serves nobody, and the workers accept nobody, so that a slow visitor never stands in
//! the way of the control socket. It stops accepting before it tells anybody to finish.

use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::config::{Ports, RouterConfig, RouterError, Unusable};
use crate::control::ControlSocket;
use crate::edge::Edge;
use crate::workers::{Arrival, Workers};

/// A router that listens, and does not answer yet.
pub struct Router {
    edge: Arc<Edge>,
    listener: TcpListener,
    control: ControlSocket,
    address: SocketAddr,
    /// Locked while this router lives, so that no second one writes to the folder.
    _folder: File,
}

/// After the system refused a connection (no descriptors left), a pause in place of a busy loop.
pub(crate) const BREATH: Duration = Duration::from_millis(50);

/// How often cohorts are judged where nobody asks for them.
const MATURING: Duration = Duration::from_secs(2);

impl Router {
    /// Takes the state folder, reads what is durable and listens.
    pub async fn bind(config: RouterConfig, ports: Ports) -> Result<Self, RouterError> {
        let folder = take(&config.state_dir)?;
        let wrong = |source| RouterError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let control = ControlSocket::bind(&config.control)?;
        let edge = Arc::new(Edge::open(config, ports)?);
        Ok(Self { edge, listener, control, address, _folder: folder })
    }

    /// Where visitors reach it; tells the port where the system chose one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` comes, then drains.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RouterError> {
        let Self { edge, listener, control, .. } = self;
        let connections = edge.config.limits.connections;
        let room = Arc::new(Semaphore::new(connections));
        let (workers, mut deaths) = Workers::start(&edge)?;
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            never = accept(&listener, &workers, &room) => match never {},
            never = control.serve(Arc::clone(&edge)) => match never {},
            never = sweep(&edge) => match never {},
            never = mature(&edge) => match never {},
            name = deaths.next() => Err(RouterError::Worker(name)),
        };
        drop(listener);
        tracing::info!("draining");
        workers.finish();
        let all = u32::try_from(connections).unwrap_or(u32::MAX);
        let drained = timeout(edge.config.waits.drain, room.acquire_many(all)).await.is_ok();
        tracing::info!(drained, "the router ends");
        workers.join().await;
        ended
    }
}

/// Creates the state folder where there is none, and makes sure that it is ours alone.
fn take(folder: &Path) -> Result<File, RouterError> {
    let wrong = |source| Unusable::Disk { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let lock = File::create(folder.join("lock")).map_err(wrong)?;
    lock.try_lock().map_err(|_| RouterError::Twice(folder.to_owned()))?;
    Ok(lock)
}

async fn accept(
    listener: &TcpListener,
    workers: &Workers,
    room: &Arc<Semaphore>,
) -> std::convert::Infallible {
    let mut turn = 0usize;
    loop {
        let permit = acquire(room).await;
        match listener.accept().await.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => {
                turn = turn.wrapping_add(1);
                workers.hand(turn, Arrival { stream, peer, permit });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(BREATH).await;
            }
        }
    }
}

async fn acquire(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(room).acquire_owned().await {
        Ok(permit) => permit,
        // INVARIANT: the semaphore is never closed.
        Err(_) => std::future::pending().await,
    }
}

async fn sweep(edge: &Edge) -> std::convert::Infallible {
    let mut ticks = pin!(interval(edge.config.waits.idle_upstream));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        edge.sweep();
    }
}

/// Judges what nobody asks for, so that it is stored and memory stays small; whoever asks need not wait for this.
async fn mature(edge: &Arc<Edge>) -> std::convert::Infallible {
    let mut ticks = pin!(interval(MATURING));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let edge = Arc::clone(edge);
        if let Err(error) = spawn_blocking(move || edge.mature()).await {
            tracing::error!(%error, "the cohorts of a rollout were not judged");
        }
    }
}
