//! What a unit or a build printed: captured line by line, redacted, and never more than two parts of 256 KiB.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::redact::Redactor;

/// A part is put aside when it is this long; at most two parts exist.
const PART: u64 = 256 << 10;
/// A longer line is cut, so that a secret in it is still seen whole or not at all.
const LONGEST_LINE: usize = 8 << 10;

/// A bounded log in a folder.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    part: File,
    written: u64,
    redactor: Redactor,
}

impl Log {
    /// Goes on with the log in this folder.
    pub fn open(folder: &Path, redactor: Redactor) -> io::Result<Self> {
        let part = File::options().create(true).append(true).mode(0o600).open(folder.join("log"))?;
        let written = part.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), part, written, redactor })
    }

    /// Writes a line as it may be shown, and returns it.
    pub fn line(&mut self, line: &str) -> io::Result<String> {
        let mut shown = self.redactor.line(line);
        shown.push('\n');
        if self.written + shown.len() as u64 > PART {
            fs::rename(self.folder.join("log"), self.folder.join("log.1"))?;
            self.part =
                File::options().create(true).append(true).mode(0o600).open(self.folder.join("log"))?;
            self.written = 0;
        }
        self.part.write_all(shown.as_bytes())?;
        self.written += shown.len() as u64;
        shown.pop();
        Ok(shown)
    }
}

/// The end of the log in a folder: whole lines, at most so many bytes of them.
pub fn tail(folder: &Path, most: usize) -> String {
    let part = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let text = part("log.1") + &part("log");
    let mut length = 0;
    let fits = |line: &&str| {
        length += line.len() + 1;
        length <= most
    };
    let lines: Vec<_> = text.lines().rev().take_while(fits).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Writes everything that a program prints into the log, until it has closed its end; `seen` gets each line.
pub async fn capture(from: impl AsyncRead + Unpin, log: Arc<Mutex<Log>>, mut seen: impl FnMut(&str)) {
    let mut from = BufReader::with_capacity(LONGEST_LINE, from);
    let mut line = Vec::new();
    loop {
        let Ok(chunk) = from.fill_buf().await else { return };
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let room = LONGEST_LINE.saturating_sub(line.len());
        let taken = end.map_or(chunk.len(), |end| end + 1);
        line.extend(chunk.iter().take(end.unwrap_or(taken)).take(room));
        let closed = chunk.is_empty();
        from.consume(taken);
        if end.is_some() || (closed && !line.is_empty()) {
            let text = String::from_utf8_lossy(&line).into_owned();
            // A full disk must not stop the program that prints; its next line is tried again.
            if let Ok(shown) = log.lock().unwrap_or_else(PoisonError::into_inner).line(&text) {
                seen(&shown);
            }
            line.clear();
        }
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_its_end_is_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), Redactor::default()).unwrap();
        for number in 0..100_000 {
            log.line(&format!("line {number}")).unwrap();
        }
        let size: u64 =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(size <= 2 * PART, "{size}");
        assert_eq!(tail(folder.path(), 24), "line 99998\nline 99999");
    }

    #[tokio::test]
    async fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(Mutex::new(Log::open(folder.path(), Redactor::default()).unwrap()));
        let printed = [&vec![b'x'; 100_000][..], b"\nnext\nlast"].concat();
        let mut seen = Vec::new();
        capture(&printed[..], log, |line| seen.push(line.to_owned())).await;
        assert_eq!(seen.iter().map(String::len).collect::<Vec<_>>(), [LONGEST_LINE, 4, 4]);
        assert_eq!(seen[2], "last");
    }
}
