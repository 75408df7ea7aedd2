//! Segments: the files that the journal is made of, named by their first record's place.
//!
//! Each begins with `"FOLKJRNL" · version u32 · first u64 · checksum u32` and goes on with frames. The header is durable,
//! and so is the file's name, before any frame counts; so a segment without a whole header never held one.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, DiskFile, FromOffset};
use crate::frame::{HEAD, Head, take};

/// Bytes before the first frame.
pub(crate) const HEADER: usize = 24;
const MAGIC: &[u8; 8] = b"FOLKJRNL";
const VERSION: u32 = 1;
/// How much is read at a time: big enough that reading is bound by memory, not by calls.
const CHUNK: usize = 1 << 20;

/// A segment of the journal.
pub(crate) struct Segment {
    /// Its first record's place.
    pub(crate) first: u64,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// The file.
    pub(crate) file: Box<dyn DiskFile>,
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// It is this segment's.
    Whole,
    /// It is not whole, and nothing comes after it.
    Unborn,
    /// It was written by a newer program.
    Newer(u32),
    /// It is damaged or another segment's.
    Bad,
}

impl Segment {
    /// The places of the first records of all segments, in order.
    pub(crate) fn list(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<u64>> {
        let names = disk.names(folder)?;
        let ours =
            names.iter().filter_map(|name| name.strip_suffix(".log").filter(|digits| digits.len() == 20));
        let mut firsts: Vec<u64> = ours.filter_map(|digits| digits.parse().ok()).collect();
        firsts.sort_unstable();
        Ok(firsts)
    }

    /// Opens the segment of a first record.
    pub(crate) fn open(disk: &dyn Disk, folder: &Path, first: u64) -> io::Result<Self> {
        let path = folder.join(format!("{first:020}.log"));
        Ok(Self { first, file: disk.open(&path)?, path })
    }

    /// Makes a segment: when this returns, its header and its name are durable.
    pub(crate) fn create(disk: &dyn Disk, folder: &Path, first: u64) -> io::Result<Self> {
        let segment = Self::open(disk, folder, first)?;
        segment.file.cut(0)?;
        segment.file.write_at(&header(first), 0)?;
        segment.file.sync()?;
        disk.sync_folder(folder)?;
        Ok(segment)
    }

    /// Looks at the header.
    pub(crate) fn header(&self) -> io::Result<Header> {
        let mut bytes = [0; HEADER];
        let mut input = FromOffset { file: self.file.as_ref(), offset: 0 }.take(HEADER as u64);
        let read = io::copy(&mut input, &mut bytes.as_mut_slice())?;
        if read == HEADER as u64 && bytes == header(self.first) {
            return Ok(Header::Whole);
        }
        if self.file.length()? <= HEADER as u64 {
            return Ok(Header::Unborn);
        }
        Ok(newer(&bytes).map_or(Header::Bad, Header::Newer))
    }

    /// Reads its frames.
    pub(crate) fn frames(&self) -> io::Result<Frames<'_>> {
        Frames::of(self)
    }
}

fn header(first: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    let fields = MAGIC.iter().copied().chain(VERSION.to_le_bytes()).chain(first.to_le_bytes());
    bytes.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
    if let Some((covered, checksum)) = bytes.split_last_chunk_mut() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
    bytes
}

fn newer(bytes: &[u8; HEADER]) -> Option<u32> {
    let (mut covered, checksum) = bytes.split_last_chunk()?;
    let whole = crc32c::crc32c(covered).to_le_bytes() == *checksum && take(&mut covered)? == *MAGIC;
    let version = u32::from_le_bytes(take(&mut covered)?);
    (whole && version > VERSION).then_some(version)
}

/// The frames of a segment in order.
pub(crate) struct Frames<'a> {
    input: BufReader<FromOffset<'a>>,
    left: u64,
    /// Where the next frame begins.
    pub(crate) offset: u64,
    frame: Vec<u8>,
}

/// What comes next in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A whole frame; `Frames::payload` is its content.
    Frame(Head),
    /// Bytes that are no whole frame, from `Frames::offset` on. Nothing after them can be read in order.
    Bad,
    /// Nothing.
    End,
}

impl<'a> Frames<'a> {
    fn of(segment: &'a Segment) -> io::Result<Self> {
        let offset = HEADER as u64;
        let left = segment.file.length()?.saturating_sub(offset);
        let input = BufReader::with_capacity(CHUNK, FromOffset { file: segment.file.as_ref(), offset });
        Ok(Self { input, left, offset, frame: Vec::new() })
    }

    /// Reads the next frame.
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        if self.left == 0 {
            return Ok(Next::End);
        }
        if self.left < HEAD as u64 {
            return Ok(Next::Bad);
        }
        self.fill(0, HEAD)?;
        let Some(head) = Head::parse(&self.frame).filter(|head| head.frame_length() <= self.left) else {
            return Ok(Next::Bad);
        };
        self.fill(HEAD, head.length as usize)?;
        if !head.holds(&self.frame) {
            return Ok(Next::Bad);
        }
        self.left -= head.frame_length();
        self.offset += head.frame_length();
        Ok(Next::Frame(head))
    }

    /// The content of the frame that was read last.
    pub(crate) fn payload(&self) -> &[u8] {
        self.frame.get(HEAD..).unwrap_or_default()
    }

    fn fill(&mut self, kept: usize, more: usize) -> io::Result<()> {
        self.frame.resize(kept + more, 0);
        self.input.read_exact(self.frame.get_mut(kept..).unwrap_or_default())
    }
}
