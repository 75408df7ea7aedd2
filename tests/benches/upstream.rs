//! The service behind the proxies: answers every request with the same kibibyte, over TCP and over a unix socket.
//!
//! It is as light as a server can be, a few system calls a request, so that it leaves the load core to the load. It
//! reads no more of a request than where it ends, and knows none with a body.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::cores;

/// How many bytes a page has.
const PAGE: usize = 1024;

/// Starts it in a thread of its own on the load's core; it lives as long as this process.
pub fn start(unix: &Path) -> SocketAddr {
    let (unix, (told, address)) = (unix.to_owned(), std::sync::mpsc::channel());
    let serve = async move {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let unix = UnixListener::bind(unix).expect("the folder is ours");
        told.send(tcp.local_addr().expect("it listens")).expect("somebody waits");
        loop {
            tokio::select! {
                Ok((stream, _)) = tcp.accept() => {
                    stream.set_nodelay(true).expect("a socket takes options");
                    tokio::spawn(answer(stream));
                }
                Ok((stream, _)) = unix.accept() => drop(tokio::spawn(answer(stream))),
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a reactor can be made");
    std::thread::spawn(move || {
        cores::pin(cores::LOAD);
        runtime.block_on(serve)
    });
    address.recv().expect("it listens")
}

/// Answers as many requests as were read, until the other side closes.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let page = "x".repeat(PAGE);
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {PAGE}\r\n\r\n{page}")
            .into_bytes();
    let mut buffer = vec![0; 16 << 10];
    let mut held = 0;
    // A proxy that is ended resets its connections; that is the end of this one, too.
    while let Ok(read @ 1..) = stream.read(&mut buffer[held..]).await {
        held += read;
        while let Some(end) = buffer[..held].windows(4).position(|four| four == b"\r\n\r\n") {
            buffer.copy_within(end + 4..held, 0);
            held -= end + 4;
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}
