//! Small files that survive a power cut whole: written beside, synced, renamed, the folder synced.
//!
//! The first line carries the kind and the SHA-256 of the rest, so that a torn or altered file is noticed at the
//! start and never half believed. Acknowledge nothing before `write` has returned.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A durable file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The disk refused.
    #[error(
        "`{path}` cannot be read or written ({source}): mend the disk or its permissions and start again"
    )]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content is not what was written.
    #[error(
        "`{path}` is damaged ({why}): move it away and start again; until the bot sends a table anew, \
         visitors are told to wait"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

/// One durable file of one kind.
#[derive(Debug, Clone)]
pub(crate) struct SealedFile {
    path: PathBuf,
    kind: &'static str,
}

impl SealedFile {
    pub(crate) fn new(folder: &Path, name: &str, kind: &'static str) -> Self {
        Self { path: folder.join(name), kind }
    }

    /// The content, or nothing where no file has been written yet.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, Unusable> {
        match fs::read(&self.path) {
            Ok(bytes) => self.open(&bytes).map(Some).map_err(|why| self.damaged(why)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.disk(error)),
        }
    }

    /// Replaces the content. When this returns `Ok`, a power cut can no longer undo it.
    pub(crate) fn write<T: Serialize>(&self, content: &T) -> Result<(), Unusable> {
        let body = serde_json::to_vec(content).map_err(|error| self.damaged(error.to_string()))?;
        let head = format!("{} {}\n", self.kind, hex_digest(&body));
        self.replace(head.as_bytes(), &body).map_err(|error| self.disk(error))
    }

    /// What to say when the thread that wrote did not come back.
    pub(crate) fn unfinished(&self, ended: &tokio::task::JoinError) -> Unusable {
        self.disk(io::Error::other(ended.to_string()))
    }

    fn replace(&self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(head)?;
        file.write_all(body)?;
        file.sync_data()?;
        fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        File::open(folder)?.sync_all()
    }

    fn open<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, String> {
        let end = bytes.iter().position(|b| *b == b'\n').ok_or("it has no first line")?;
        let (head, body) = bytes.split_at(end);
        let body = body.get(1..).unwrap_or_default();
        let wanted = format!("{} {}", self.kind, hex_digest(body));
        if head != wanted.as_bytes() {
            return Err(format!("its first line is not `{} …` with the checksum of the rest", self.kind));
        }
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }

    fn disk(&self, source: io::Error) -> Unusable {
        Unusable::Disk { path: self.path.clone(), source }
    }

    fn damaged(&self, why: String) -> Unusable {
        Unusable::Damaged { path: self.path.clone(), why }
    }
}

/// SHA-256 in lower-case hex.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(folder: &Path) -> SealedFile {
        SealedFile::new(folder, "thing", "folkops-thing-1")
    }

    #[test]
    fn what_was_written_is_read_back_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sealed(folder.path()).read::<u32>().unwrap(), None);
        sealed(folder.path()).write(&41u32).unwrap();
        sealed(folder.path()).write(&42u32).unwrap();
        assert_eq!(sealed(folder.path()).read::<u32>().unwrap(), Some(42));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = sealed(folder.path());
        file.write(&"potluck").unwrap();
        let whole = fs::read(&file.path).unwrap();
        let torn = (0..whole.len()).map(|length| whole[..length].to_vec());
        let flipped = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        });
        for bytes in torn.chain(flipped) {
            fs::write(&file.path, &bytes).unwrap();
            let error = file.read::<String>().unwrap_err();
            assert!(matches!(error, Unusable::Damaged { .. }), "{bytes:?}");
        }
    }
}
