//! How a build's outputs leave the wall: a header of one JSON line for each file, then its bytes.
//!
//! The sender is inside with the stranger's code, so the receiver believes nothing: paths, sizes and counts are
//! checked here, and what arrives is written as plain files below one folder.

use std::fs::{File, create_dir_all};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const LONGEST_HEADER: u64 = 16 << 10;
const MOST_FILES: usize = 20_000;

/// One header.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A file of so many bytes, which follow.
    File { path: PathBuf, executable: bool, size: u64 },
    /// A declared output does not exist.
    Missing { path: PathBuf },
    /// An output is neither a file nor a folder.
    Odd { path: PathBuf },
    /// Everything was sent.
    Done,
}

/// Why outputs were not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// A declared output does not exist.
    Missing(PathBuf),
    /// An output is a link, a device or the like, or its path leads out.
    Odd(PathBuf),
    /// More than the limit.
    TooBig,
    /// The sender broke off, or the disk did.
    Broken(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Sends a header.
pub async fn send(to: &mut UnixStream, frame: &Frame) -> io::Result<()> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// Writes what arrives below `into`, at most `most` bytes of it.
pub async fn receive(from: &mut UnixStream, into: &Path, most: u64) -> Result<(), Refusal> {
    create_dir_all(into)?;
    let mut from = BufReader::new(from);
    let mut left = most;
    for _ in 0..MOST_FILES {
        match header(&mut from).await? {
            Frame::Done => return Ok(()),
            Frame::Missing { path } => return Err(Refusal::Missing(path)),
            Frame::Odd { path } => return Err(Refusal::Odd(path)),
            Frame::File { path, executable, size } => {
                left = left.checked_sub(size).ok_or(Refusal::TooBig)?;
                let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
                if !plain || path.as_os_str().is_empty() {
                    return Err(Refusal::Odd(path));
                }
                let file = create(&into.join(&path), executable)?;
                copy(&mut from, file, size).await?;
            }
        }
    }
    Err(Refusal::TooBig)
}

async fn header(from: &mut BufReader<&mut UnixStream>) -> Result<Frame, Refusal> {
    let mut line = Vec::new();
    from.take(LONGEST_HEADER).read_until(b'\n', &mut line).await?;
    serde_json::from_slice(&line)
        .map_err(|_| Refusal::Broken("the build ended before its outputs were read".into()))
}

fn create(path: &Path, executable: bool) -> io::Result<File> {
    create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    let mode = if executable { 0o555 } else { 0o444 };
    File::options().write(true).create_new(true).mode(mode).open(path)
}

async fn copy(from: &mut BufReader<&mut UnixStream>, mut file: File, size: u64) -> Result<(), Refusal> {
    let mut from = from.take(size);
    let mut buffer = vec![0; 64 << 10];
    let mut written = 0;
    while written < size {
        let read = from.read(&mut buffer).await?;
        let part = buffer.get(..read).filter(|part| !part.is_empty());
        let part = part.ok_or_else(|| Refusal::Broken("an output ended early".into()))?;
        io::Write::write_all(&mut file, part)?;
        written += read as u64;
    }
    Ok(file.sync_all()?)
}
