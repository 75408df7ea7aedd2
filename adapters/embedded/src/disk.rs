//! The few things that the journal and the key store ask of a disk.
//!
//! They are a port so that tests can trace every write and sync, cut the power between any two of them, and lie. What
//! ships is `Files`. Nothing here retries: after a failed write or sync nobody knows what is on the disk, and the only
//! honest way on is to end and read it again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// A disk with folders.
pub(crate) trait Disk: Send + Sync {
    /// Creates a folder, readable by its owner alone, where there is none. Its parents must exist.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// The names in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Opens a file for reading and writing; creates it, for its owner alone, where there is none.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Ends when the names in a folder are durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file. All reads and writes name their place.
pub(crate) trait DiskFile: Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads some bytes; 0 only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all bytes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file to a length.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Ends when everything written so far, and the length, is durable.
    fn sync(&self) -> io::Result<()>;
}

/// A file read from a place to its end.
pub(crate) struct FromOffset<'a> {
    /// The file.
    pub(crate) file: &'a dyn DiskFile,
    /// Where the next read begins.
    pub(crate) offset: u64,
}

impl FromOffset<'_> {
    /// Everything that is left.
    pub(crate) fn rest(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for FromOffset<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files;

impl Disk for Files {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created,
        }
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names =
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
