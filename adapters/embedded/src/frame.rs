//! Frames: how one entry lies in a segment.
//!
//! `checksum u32 · length u32 · first u64 · last u64 · epoch u64 · synced u64 · payload`, little-endian; the checksum is
//! CRC-32C (Castagnoli, RFC 3720 B.4) over everything after itself, and the length counts the payload.
//!
//! `synced` is the last record that was durable before this frame was written. Frames are written in batches, a batch
//! only after the one before it was synced; so a whole frame proves of every record up to `synced` that it had been
//! acknowledged. `recover` tells a torn tail from damage by this proof.

use folkops_record::Entry;

/// Bytes before the payload.
pub(crate) const HEAD: usize = 40;

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    checksum: u32,
    /// Bytes of payload.
    pub(crate) length: u32,
    /// The first record's place.
    pub(crate) first: u64,
    /// The last record's place.
    pub(crate) last: u64,
    /// Under which leadership.
    pub(crate) epoch: u64,
    /// The last record that was durable before this frame was written.
    pub(crate) synced: u64,
}

impl Head {
    /// Reads a head; `None` when there are too few bytes for one.
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            checksum: u32::from_le_bytes(take(&mut bytes)?),
            length: u32::from_le_bytes(take(&mut bytes)?),
            first: u64::from_le_bytes(take(&mut bytes)?),
            last: u64::from_le_bytes(take(&mut bytes)?),
            epoch: u64::from_le_bytes(take(&mut bytes)?),
            synced: u64::from_le_bytes(take(&mut bytes)?),
        })
    }

    /// The bytes of the whole frame.
    pub(crate) fn frame_length(&self) -> u64 {
        HEAD as u64 + u64::from(self.length)
    }

    /// Whether the bytes from the frame's start on hold it whole.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let end = HEAD.saturating_add(self.length as usize);
        bytes.get(4..end).is_some_and(|covered| crc32c::crc32c(covered) == self.checksum)
    }
}

/// Adds an entry's frame; `length` is that of its bytes, checked when it was taken in.
pub(crate) fn write(out: &mut Vec<u8>, entry: &Entry, length: u32, synced: u64) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&length.to_le_bytes());
    for field in [entry.first, entry.last, entry.epoch, synced] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&entry.bytes);
    if let Some((checksum, covered)) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut) {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
}

/// Takes the first bytes off.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
