//! The mark: a witness, outside the journal, of how far acknowledgements went.
//!
//! After each sync of the journal, and before anybody is told, the place of the last durable record is written to the
//! file `synced`. It is not synced itself, so after a power cut it may be old; it is never ahead of the journal. That
//! is enough to notice when acknowledged records at the very end are gone or damaged, where the journal alone could
//! not tell them from a batch that was torn while it was written.
//!
//! It must never decide anything else. Deleting the file accepts the loss that it witnesses.

use std::io;
use std::path::Path;

use crate::disk::{Disk, DiskFile};
use crate::frame::take;

/// The name of its file, beside the journal.
pub(crate) const NAME: &str = "synced";

/// The open mark.
pub(crate) struct Mark {
    file: Box<dyn DiskFile>,
}

impl Mark {
    /// Opens the mark of a folder.
    pub(crate) fn open(disk: &dyn Disk, folder: &Path) -> io::Result<Self> {
        Ok(Self { file: disk.open(&folder.join(NAME))? })
    }

    /// The last record that is known to have been durable, 0 where nothing is known.
    pub(crate) fn read(&self) -> io::Result<u64> {
        let mut bytes = [0; 12];
        let read = self.file.read_at(&mut bytes, 0)?;
        Ok(bytes.get(..read).and_then(parse).unwrap_or(0))
    }

    /// Notes that the journal is durable up to a record.
    pub(crate) fn write(&self, sequence: u64) -> io::Result<()> {
        let mut bytes = sequence.to_le_bytes().to_vec();
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        self.file.write_at(&bytes, 0)
    }
}

fn parse(mut bytes: &[u8]) -> Option<u64> {
    let sequence: [u8; 8] = take(&mut bytes)?;
    let checksum = u32::from_le_bytes(take(&mut bytes)?);
    (crc32c::crc32c(&sequence) == checksum).then_some(u64::from_le_bytes(sequence))
}
