//! The journal as it is appended to and read back.
//!
//! INVARIANT: an entry counts only after its segment's name, its segment's header and its own frame are synced, in
//! this order. After the first error nothing more is written: what is on the disk is unknown until it is read again.

use std::path::PathBuf;
use std::sync::Arc;

use folkops_record::{Entry, Position, StoreError};

use crate::disk::Disk;
use crate::frame;
use crate::mark::Mark;
use crate::recover::{Recovered, damaged, recover, unreadable, unwritable};
use crate::segment::{HEADER, Next, Segment};

/// How long a segment grows before the next one is begun, in bytes.
pub(crate) const SEGMENT: u64 = 64 << 20;
/// How much room for writing is kept between batches, in bytes.
const KEPT: usize = 1 << 20;

/// Where the journal lies.
#[derive(Clone)]
pub(crate) struct Place {
    /// The disk.
    pub(crate) disk: Arc<dyn Disk>,
    /// The folder of everything that is kept.
    pub(crate) root: PathBuf,
    /// How long a segment grows, in bytes.
    pub(crate) segment: u64,
}

impl Place {
    /// The folder of the segments.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("journal")
    }
}

/// The end of the journal, open for appending.
pub(crate) struct Journal {
    place: Place,
    folder: PathBuf,
    mark: Mark,
    tail: Segment,
    end: u64,
    position: Position,
    buffer: Vec<u8>,
}

impl Journal {
    /// Checks everything that is there, and makes the first segment where there is nothing.
    pub(crate) fn open(place: Place) -> Result<Self, StoreError> {
        let folder = place.folder();
        let disk = place.disk.as_ref();
        let mark = Mark::open(disk, &place.root).map_err(unreadable)?;
        disk.create_folder(&folder).and_then(|()| disk.sync_folder(&place.root)).map_err(unwritable)?;
        let Recovered { position, tail } = recover(disk, &folder, mark.read().map_err(unreadable)?)?;
        let (tail, end) = match tail.filter(|(_, end)| *end < place.segment) {
            Some(tail) => tail,
            None => {
                (Segment::create(disk, &folder, position.sequence + 1).map_err(unwritable)?, HEADER as u64)
            }
        };
        mark.write(position.sequence).map_err(unwritable)?;
        Ok(Self { place, folder, mark, tail, end, position, buffer: Vec::new() })
    }

    /// How far it is durable.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Writes a batch of entries with the lengths of their bytes; when this returns, all of them are durable. They
    /// follow each other and the last one.
    pub(crate) fn write<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a Entry, u32)>,
    ) -> Result<(), StoreError> {
        let mut position = self.position;
        self.buffer.clear();
        for (entry, length) in entries {
            frame::write(&mut self.buffer, entry, length, self.position.sequence);
            position = Position { sequence: entry.last, epoch: entry.epoch };
        }
        self.roll().and_then(|()| self.sync(position)).map_err(unwritable)
    }

    fn sync(&mut self, position: Position) -> std::io::Result<()> {
        self.tail.file.write_at(&self.buffer, self.end)?;
        self.tail.file.sync()?;
        self.mark.write(position.sequence)?;
        self.end += self.buffer.len() as u64;
        self.position = position;
        self.buffer.shrink_to(KEPT);
        Ok(())
    }

    fn roll(&mut self) -> std::io::Result<()> {
        if self.end >= self.place.segment {
            self.tail = Segment::create(self.place.disk.as_ref(), &self.folder, self.position.sequence + 1)?;
            self.end = HEADER as u64;
        }
        Ok(())
    }
}

/// Reads entries back: those that reach beyond `after`, up to the one that ends with `until`.
pub(crate) fn replay(
    place: &Place,
    after: u64,
    until: u64,
    visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (disk, folder) = (place.disk.as_ref(), place.folder());
    let firsts = Segment::list(disk, &folder).map_err(unreadable)?;
    let start = firsts.partition_point(|first| *first <= after.saturating_add(1)).saturating_sub(1);
    let mut reached = after;
    for first in firsts.into_iter().skip(start).take_while(|first| *first <= until) {
        let segment = Segment::open(disk, &folder, first).map_err(unreadable)?;
        reached = replay_segment(&segment, after, until, visit)?;
    }
    if reached < until {
        let (gone, folder) = (reached + 1, folder.display());
        return Err(StoreError::Corrupt(format!(
            "record {gone} is gone from `{folder}` since the start; restore the whole folder from a backup"
        )));
    }
    Ok(())
}

fn replay_segment(
    segment: &Segment,
    after: u64,
    until: u64,
    visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut frames = segment.frames().map_err(unreadable)?;
    let mut reached = segment.first - 1;
    while reached < until {
        let offset = frames.offset;
        let head = match frames.next().map_err(unreadable)? {
            Next::Frame(head) => head,
            Next::End => break,
            Next::Bad => {
                let what = format!("record {} was whole at the start and is not now", reached + 1);
                return Err(damaged(segment, offset, what));
            }
        };
        if head.last > after {
            let bytes = frames.payload().to_vec();
            visit(Entry { first: head.first, last: head.last, epoch: head.epoch, bytes })?;
        }
        reached = head.last;
    }
    Ok(reached)
}
