//! Asks a unit over its socket whether it works: one GET, and only the status line of the answer is read.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// A single question may take this long.
const ONCE: Duration = Duration::from_secs(2);
/// `HTTP/1.1 200`.
const STATUS_LINE: usize = 12;

/// Whether a GET of `path` answers 200; else what came instead, in a few words.
pub async fn ask(socket: &Path, path: &str) -> Result<(), String> {
    match timeout(ONCE, status(socket, path)).await {
        Ok(Ok(200)) => Ok(()),
        Ok(Ok(status)) => Err(format!("`{path}` answered {status} instead of 200")),
        Ok(Err(_)) => Err(format!("nothing answered at `{path}`")),
        Err(_) => Err(format!("`{path}` did not answer within {} s", ONCE.as_secs())),
    }
}

async fn status(socket: &Path, path: &str) -> io::Result<u16> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; STATUS_LINE];
    stream.read_exact(&mut line).await?;
    let text = String::from_utf8_lossy(&line);
    let code = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..)).and_then(|code| code.parse().ok());
    code.ok_or_else(|| io::Error::other("not HTTP"))
}
