//! Carries connections between the program's ports and the unit's sockets.
//!
//! Inside the wall there is no network but a loopback of its own, so these sockets are the only ways in and out.
//! Bytes are passed on as they are; nothing is read into them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener as Socket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Connections carried at the same time, in each direction; more wait in the socket's queue.
const MOST: usize = 200;
/// Bytes held for each direction of a connection.
const BUFFER: usize = 8 << 10;

/// The open doors of one program.
pub struct Ports {
    service: UnixListener,
    port: u16,
    peers: Vec<(TcpListener, PathBuf)>,
}

/// Opens a port for each peer and chooses one for the program; also the variables that tell the program of them.
pub async fn open(peers: &[(String, PathBuf)]) -> io::Result<(Ports, BTreeMap<String, String>)> {
    let service = Socket::from(io::stdin().as_fd().try_clone_to_owned()?);
    service.set_nonblocking(true)?;
    let mut variables = BTreeMap::new();
    let mut doors = Vec::new();
    for (name, socket) in peers {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        variables.insert(variable(name), format!("http://{}", door.local_addr()?));
        doors.push((door, socket.clone()));
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
    variables.insert("PORT".to_owned(), port.to_string());
    Ok((Ports { service: UnixListener::from_std(service)?, port, peers: doors }, variables))
}

impl Ports {
    /// Carries connections for as long as the program runs.
    pub async fn forward(self) -> Infallible {
        let Self { service, port, peers } = self;
        for (door, socket) in peers {
            tokio::spawn(carry_out(door, socket));
        }
        carry_in(service, port).await
    }
}

/// `API_URL` for a peer called `api`.
fn variable(peer: &str) -> String {
    format!("{}_URL", peer.to_ascii_uppercase().replace('-', "_"))
}

async fn carry_in(service: UnixListener, port: u16) -> Infallible {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
        let Ok((outside, _)) = service.accept().await else {
            pause().await;
            continue;
        };
        tokio::spawn(async move {
            if let Ok(inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                let _ = inside.set_nodelay(true);
                join(outside, inside).await;
            }
            drop(place);
        });
    }
}

async fn carry_out(door: TcpListener, socket: PathBuf) -> Infallible {
    let room = Arc::new(Semaphore::new(MOST));
    let socket: Arc<Path> = socket.into();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
        let Ok((inside, _)) = door.accept().await else {
            pause().await;
            continue;
        };
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            let _ = inside.set_nodelay(true);
            // Looked up anew each time: a peer that was started again has a new socket of the same name.
            if let Ok(outside) = UnixStream::connect(socket).await {
                join(inside, outside).await;
            }
            drop(place);
        });
    }
}

async fn join(mut one: impl AsyncRead + AsyncWrite + Unpin, mut other: impl AsyncRead + AsyncWrite + Unpin) {
    // Either side may break off at any time; both ends see that for themselves.
    let _ = copy_bidirectional_with_sizes(&mut one, &mut other, BUFFER, BUFFER).await;
}

/// Out of descriptors, most likely: give connections time to end.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
