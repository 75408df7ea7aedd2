//! What the tests share: folders that vanish, dice that fall the same way each time, and opened stores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use folkops_model::ports::Entropy;
use folkops_record::{Entry, Store};

use crate::disk::{Disk, Files};
use crate::{Config, Embedded, OpenError, open_on};

/// So small that a few entries fill a segment.
pub(super) const SMALL: u64 = 512;

/// Random bytes that are the same in every run, and never the same twice.
#[derive(Default)]
pub(super) struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let throw = (self.0.fetch_add(1, Ordering::Relaxed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&throw.to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(super) fn open_with(
    disk: impl Disk + 'static,
    folder: &Path,
    schema: &str,
) -> Result<Embedded, OpenError> {
    let config =
        Config { folder: folder.to_owned(), schema: schema.into(), entropy: Arc::new(Dice::default()) };
    open_on(Arc::new(disk), config, SMALL)
}

pub(super) fn open(folder: &Path) -> Embedded {
    open_with(Files, folder, "v1").unwrap()
}

/// An entry of one record.
pub(super) fn entry(place: u64) -> Entry {
    entry_of(place, 1)
}

/// An entry of one record under an epoch.
pub(super) fn entry_of(place: u64, epoch: u64) -> Entry {
    Entry {
        first: place,
        last: place,
        epoch,
        bytes: format!("[\"record {place} says something\"]").into_bytes(),
    }
}

pub(super) fn log(store: &dyn Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    store
        .replay(0, &mut |entry| {
            entries.push(entry);
            Ok(())
        })
        .unwrap();
    entries
}
