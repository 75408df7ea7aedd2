//! Hands a build's outputs to the keeper, from inside the wall.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::frames::{Frame, send as send_frame};

/// Sends each declared output below `root`, folders with all that is in them.
pub async fn send(root: &Path, outputs: &[PathBuf], to: &mut UnixStream) -> io::Result<()> {
    for output in outputs {
        send_path(root, output, to).await?;
    }
    send_frame(to, &Frame::Done).await?;
    to.shutdown().await
}

fn send_path<'a>(root: &'a Path, path: &'a Path, to: &'a mut UnixStream) -> BoxFuture<'a, io::Result<()>> {
    async move {
        let found = match fs::symlink_metadata(root.join(path)) {
            Ok(found) => found,
            Err(_) => return send_frame(to, &Frame::Missing { path: path.to_owned() }).await,
        };
        if found.is_dir() {
            let mut names: Vec<_> =
                fs::read_dir(root.join(path))?.map(|e| Ok(e?.file_name())).collect::<io::Result<_>>()?;
            names.sort();
            for name in names {
                send_path(root, &path.join(name), to).await?;
            }
            return Ok(());
        }
        if !found.is_file() {
            return send_frame(to, &Frame::Odd { path: path.to_owned() }).await;
        }
        let executable = found.permissions().mode() & 0o111 != 0;
        send_frame(to, &Frame::File { path: path.to_owned(), executable, size: found.len() }).await?;
        let file = tokio::fs::File::open(root.join(path)).await?;
        tokio::io::copy(&mut file.take(found.len()), to).await.map(drop)
    }
    .boxed()
}
