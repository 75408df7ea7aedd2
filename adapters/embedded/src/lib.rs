//! Storage in a folder of this machine, for one process: nothing to install, nothing to run beside it.
//!
//! The journal is the truth: append-only segments, synced before anything is acknowledged, checked byte by byte at
//! every start. The projection in sled is a view of it that may be lost at any time. The key store makes personal text
//! erasable. The folder holds:
//!
//! ```text
//! lock                              held by the process that uses the folder; names it
//! journal/00000000000000000001.log  segments, named by their first record
//! synced                            how far acknowledgements went, as a witness
//! keys                              one key for each sealed text
//! sled/                             the projection
//! ```
//!
//! It must never acknowledge what is not durable, cut what was acknowledged, or go on after an error.

mod disk;
mod follower;
mod frame;
mod journal;
mod keys;
mod lock;
mod mark;
mod projection;
mod recover;
mod segment;
mod store;
mod thread;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use folkops_model::ports::Entropy;
use folkops_record::{Keyring, KeyringError, Store, StoreError};

use crate::disk::{Disk, Files};
use crate::follower::Follower;
use crate::journal::{Journal, Place, SEGMENT};
use crate::keys::Keys;
use crate::lock::Lock;
use crate::store::EmbeddedStore;
use crate::writer::Writer;

/// What to open.
pub struct Config {
    /// Where everything is kept; made, for its owner alone, where it is not there.
    pub folder: PathBuf,
    /// What the projection's rows look like; another text than last time has them made anew from the journal.
    pub schema: String,
    /// Where keys are drawn from.
    pub entropy: Arc<dyn Entropy>,
}

/// An open folder. It is free for another process when both are dropped.
pub struct Embedded {
    /// Journal and projection.
    pub store: Arc<dyn Store>,
    /// The key store.
    pub keyring: Arc<dyn Keyring>,
}

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, read or locked.
    #[error("`{path}` cannot be used: {error}; make it a folder that this user may write")]
    Folder {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process has it.
    #[error("`{folder}` is in use by process {holder}; stop that one first, two must never share a journal")]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// The process id that it left there.
        holder: String,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}; raise the limit on processes")]
    Thread(io::Error),
    /// The journal cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key store cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyringError),
}

/// Opens a folder: checks the whole journal and all keys, and finds the projection as good as it is.
///
/// This reads every byte of the journal, about a gigabyte a second or more; the caller gets no store before that.
pub fn open(config: Config) -> Result<Embedded, OpenError> {
    open_on(Arc::new(Files), config, SEGMENT)
}

fn open_on(disk: Arc<dyn Disk>, config: Config, segment: u64) -> Result<Embedded, OpenError> {
    let root = config.folder;
    let unusable = |error| OpenError::Folder { path: root.clone(), error };
    disk.create_folder(&root).map_err(unusable)?;
    if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk.sync_folder(parent).map_err(unusable)?;
    }
    let lock = Arc::new(Lock::take(&root)?);
    // sled opens in the follower's thread while the journal is read in this one.
    let follower = Follower::start(root.join("sled"), config.schema).map_err(OpenError::Thread)?;
    let place = Place { disk: disk.clone(), root: root.clone(), segment };
    let journal = Journal::open(place.clone())?;
    let names = disk.names(&root).map_err(unusable)?;
    if journal.position().sequence > 0 && !names.iter().any(|name| name == keys::NAME) {
        // An empty key store would hand out keys that old records already name.
        return Err(KeyringError::Io("it is missing, and the journal names its keys".into()).into());
    }
    let keys = Keys::open(disk.as_ref(), &root, config.entropy, Some(lock.clone()))?;
    let writer = Writer::start(journal, follower.steps()).map_err(OpenError::Thread)?;
    let store = EmbeddedStore { writer, follower, place, _lock: lock };
    Ok(Embedded { store: Arc::new(store), keyring: Arc::new(keys) })
}
