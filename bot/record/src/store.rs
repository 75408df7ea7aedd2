//! The port to durable storage.
//!
//! A store keeps an ordered log of entries, each appended whole or not at all, and a projection: rows that follow from
//! the log and may be thrown away at any time. It knows bytes, not meanings.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

/// Where a row of a projection stands: table and key, joined by `/`.
pub type RowKey = String;

/// The rows of all tables, sorted.
pub type Rows = BTreeMap<RowKey, Vec<u8>>;

/// Several records that are appended together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The first record's place in the log.
    pub first: u64,
    /// The last record's place in the log.
    pub last: u64,
    /// Under which leadership.
    pub epoch: u64,
    /// The records.
    pub bytes: Vec<u8>,
}

/// A row that an entry changed: its new bytes, or none when it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// Which.
    pub key: RowKey,
    /// What it is now.
    pub value: Option<Vec<u8>>,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The last record's place, 0 when there is none.
    pub sequence: u64,
    /// The highest epoch, 0 when there is none.
    pub epoch: u64,
}

/// Storage that cannot be trusted any further. The process ends on each of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Writing or syncing failed; what is on disk is unknown until it is read again.
    #[error(
        "the journal could not be written: {0}; free space or mend the disk, then start again: nothing acknowledged is lost"
    )]
    Write(String),
    /// What is stored is damaged, in the middle, where no crash can explain it.
    #[error("the journal is damaged: {0}")]
    Corrupt(String),
    /// A newer leader has written.
    #[error("another instance leads since epoch {current}; this one (epoch {ours}) must stop")]
    Fenced {
        /// The epoch in force.
        current: u64,
        /// The epoch that was tried.
        ours: u64,
    },
    /// Reading failed.
    #[error("the journal could not be read: {0}")]
    Read(String),
}

/// Durable storage.
pub trait Store: Send + Sync {
    /// How far the log has come.
    fn position(&self) -> Position;

    /// Reads the log after a place, in order.
    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// The projection as kept, with the place up to which it has followed the log. A store that has lost or distrusts
    /// it returns no rows and 0.
    fn projection(&self) -> Result<(u64, Rows), StoreError>;

    /// Forgets the projection and takes these rows instead.
    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError>;

    /// Takes an entry into the log at once, in the order of calls; the future ends when it is durable. Refuses an
    /// entry of a lower epoch, or one that does not follow the last. The projection may follow later.
    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Ends when everything appended is durable and the projection has caught up.
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>>;
}
