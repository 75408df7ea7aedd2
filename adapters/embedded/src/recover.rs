//! Reads the whole journal at start, checks every byte of it, and cuts a torn tail.
//!
//! Only what was never acknowledged may be cut. A batch that was being written when the power went may lie there in
//! any state: part of its frames whole, part not, in any order. So when a frame is bad, the question is whether its
//! records had been synced, and there are three witnesses: a later segment (one is begun only after everything before
//! it was synced), a later whole frame whose `synced` reaches them, and the mark. If one speaks, this is damage: it
//! stops, names the place and touches nothing. If none does, nobody was ever told of these records, and the file is
//! cut where they begin.
//!
//! What is left is synced again before it counts: after a crash of the process alone it may only be in memory.

use std::io;
use std::path::Path;

use folkops_record::{Position, StoreError};

use crate::disk::{Disk, FromOffset};
use crate::frame::{HEAD, Head};
use crate::segment::{Frames, Header, Next, Segment};

const ADVICE: &str =
    "nothing was changed; restore the whole folder from a backup, or from a copy of this disk";

/// The journal as found.
pub(crate) struct Recovered {
    /// How far it goes.
    pub(crate) position: Position,
    /// The last segment and its length; none where there is no segment yet.
    pub(crate) tail: Option<(Segment, u64)>,
}

/// Checks all segments of a folder, and makes durable what it found; `marked` is what the mark witnesses.
pub(crate) fn recover(disk: &dyn Disk, folder: &Path, marked: u64) -> Result<Recovered, StoreError> {
    let mut found = Recovered { position: Position::default(), tail: None };
    let firsts = Segment::list(disk, folder).map_err(unreadable)?;
    for first in &firsts {
        let segment = Segment::open(disk, folder, *first).map_err(unreadable)?;
        let scan = Scan { segment: &segment, is_last: firsts.last() == Some(first), marked };
        let end = scan.run(&mut found.position)?;
        found.tail = end.map(|end| (segment, end));
    }
    if marked > found.position.sequence {
        let last = found.position.sequence;
        return Err(StoreError::Corrupt(format!(
            "it ends with record {last}, but record {marked} was acknowledged; {ADVICE}, or delete the file `{}` to go on without the lost records",
            crate::mark::NAME
        )));
    }
    if let Some((segment, _)) = &found.tail {
        segment.file.sync().and_then(|()| disk.sync_folder(folder)).map_err(unwritable)?;
    }
    Ok(found)
}

/// An error of reading, in the words of the port.
pub(crate) fn unreadable(error: io::Error) -> StoreError {
    StoreError::Read(error.to_string())
}

/// An error of writing, in the words of the port.
pub(crate) fn unwritable(error: io::Error) -> StoreError {
    StoreError::Write(error.to_string())
}

/// Damage at a place.
pub(crate) fn damaged(segment: &Segment, offset: u64, what: impl std::fmt::Display) -> StoreError {
    let path = segment.path.display();
    StoreError::Corrupt(format!("`{path}`, byte {offset}: {what}; {ADVICE}"))
}

struct Scan<'a> {
    segment: &'a Segment,
    is_last: bool,
    marked: u64,
}

impl Scan<'_> {
    /// Follows the segment from `position` to its end, which is returned; none when the segment never came to be.
    fn run(&self, position: &mut Position) -> Result<Option<u64>, StoreError> {
        let next = position.sequence + 1;
        if self.segment.first != next {
            let what = format!(
                "this segment begins with record {}, but record {next} comes next and is missing",
                self.segment.first
            );
            return Err(damaged(self.segment, 0, what));
        }
        match self.segment.header().map_err(unreadable)? {
            Header::Whole => self.follow(position).map(Some),
            // No frame was ever written here; that none is missing, the mark and the next segment's name tell.
            Header::Unborn => Ok(None),
            Header::Newer(version) => {
                let path = self.segment.path.display();
                Err(StoreError::Read(format!(
                    "`{path}` has format {version}; start the newer program that wrote it"
                )))
            }
            Header::Bad => Err(damaged(self.segment, 0, "the segment's header is not whole")),
        }
    }

    fn follow(&self, position: &mut Position) -> Result<u64, StoreError> {
        let mut frames = self.segment.frames().map_err(unreadable)?;
        loop {
            let offset = frames.offset;
            match frames.next().map_err(unreadable)? {
                Next::Frame(head) => self.step(position, &head, offset)?,
                Next::End => return Ok(offset),
                Next::Bad => return self.tear(position.sequence + 1, &frames),
            }
        }
    }

    fn step(&self, position: &mut Position, head: &Head, offset: u64) -> Result<(), StoreError> {
        let next = position.sequence + 1;
        if head.first != next || head.last < head.first {
            let what =
                format!("records {} to {} stand where record {next} comes next", head.first, head.last);
            return Err(damaged(self.segment, offset, what));
        }
        if head.epoch < position.epoch {
            let what = format!("record {next} has epoch {} after epoch {}", head.epoch, position.epoch);
            return Err(damaged(self.segment, offset, what));
        }
        *position = Position { sequence: head.last, epoch: head.epoch };
        Ok(())
    }

    /// Cuts the file where record `next` should begin, unless it had been acknowledged.
    fn tear(&self, next: u64, frames: &Frames<'_>) -> Result<u64, StoreError> {
        let offset = frames.offset;
        let rest = FromOffset { file: self.segment.file.as_ref(), offset }.rest().map_err(unreadable)?;
        if !self.is_last || self.marked >= next || attests(&rest, next) {
            let what =
                format!("record {next} was acknowledged, and is not whole or does not match its checksum");
            return Err(damaged(self.segment, offset, what));
        }
        tracing::warn!(
            file = %self.segment.path.display(), byte = offset, bytes = rest.len(), record = next,
            "cut the journal's torn end; nothing in it had been acknowledged"
        );
        self.segment.file.cut(offset).map_err(unwritable)?;
        Ok(offset)
    }
}

/// Whether a whole frame anywhere in these bytes proves that record `next` was durable before it was written. Its
/// place is not known, since the length of what stands before it may be damaged; so every place is tried.
fn attests(bytes: &[u8], next: u64) -> bool {
    (1..=bytes.len().saturating_sub(HEAD)).any(|start| {
        let bytes = bytes.get(start..).unwrap_or_default();
        Head::parse(bytes).is_some_and(|head| {
            let proves = head.synced >= next && head.synced < head.first && head.first <= head.last;
            proves && head.holds(bytes)
        })
    })
}
