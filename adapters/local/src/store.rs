//! Kept builds: a folder for each, named by what is in it, and an index from what was built to what came of it.
//!
//! A result is written beside, made durable, and only then given its name. Merged and unmerged builds have an index
//! of their own each, so that a stranger's result never stands in for a clean one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use folkops_model::{Digest, Trust};

use crate::digest::{self, Changed};
use crate::disk;

/// Where builds are kept.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Why a kept build cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody built it here, or somebody removed it.
    #[error("build {0} is not kept here; it has to be built again")]
    Missing(Digest),
    /// It is not what it was.
    #[error(transparent)]
    Changed(#[from] Changed),
}

impl Store {
    /// The store in this folder, which exists.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of a build, whether it is there or not.
    pub fn folder(&self, digest: &Digest) -> PathBuf {
        self.root.join(format!("sha256-{}", digest.hex()))
    }

    /// The folder of a build whose every byte was just found to be right.
    pub fn verify(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        let folder = self.folder(digest);
        if !folder.is_dir() {
            return Err(StoreError::Missing(digest.clone()));
        }
        digest::verify(&folder, digest)?;
        Ok(folder)
    }

    /// Keeps a finished result, taking the folder away; what is kept already stays, unless it was damaged.
    pub fn keep(&self, result: &Path) -> io::Result<Digest> {
        let digest = digest::of_folder(result)?;
        let folder = self.folder(&digest);
        if digest::verify(&folder, &digest).is_ok() {
            disk::remove_folder(result)?;
            return Ok(digest);
        }
        disk::remove_folder(&folder)?;
        sync_folders(result)?;
        match fs::rename(result, &folder) {
            // Somebody else kept the same result in between.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                digest::verify(&folder, &digest).map_err(io::Error::other)?;
                disk::remove_folder(result)?;
            }
            renamed => renamed?,
        }
        disk::sync_folder(&self.root)?;
        Ok(digest)
    }

    /// What was built under this key.
    pub fn recall(&self, trust: Trust, key: &str) -> Option<Digest> {
        let text = fs::read_to_string(self.entry(trust, key)).ok()?;
        Digest::parse(text.trim()).ok().filter(|digest| self.folder(digest).is_dir())
    }

    /// Notes what was built under this key.
    pub fn remember(&self, trust: Trust, key: &str, digest: &Digest) -> io::Result<()> {
        let entry = self.entry(trust, key);
        disk::private_folder(entry.parent().unwrap_or(&self.root))?;
        disk::write_whole(&entry, format!("{digest}\n").as_bytes())
    }

    fn entry(&self, trust: Trust, key: &str) -> PathBuf {
        let index = match trust {
            Trust::Merged => "merged",
            Trust::Unmerged => "unmerged",
        };
        self.root.join("index").join(index).join(key)
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    disk::sync_folder(folder)
}
