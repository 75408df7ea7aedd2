//! The visitors whom a rollout has counted, on disk: eight bytes each, appended, never changed.
//!
//! Nothing but keyed hashes stands in the file, and a visitor twice in it does no harm; so it needs no checksum, and
//! a torn end is cut. A cohort is told only after `append` has returned for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::seal::Unusable;
use crate::split::Salt;

const PREFIX: &str = "exposed-";

/// The file of one rollout.
#[derive(Debug)]
pub(crate) struct ExposedFile {
    path: PathBuf,
    /// So many bytes of it hold; what is behind them was never acknowledged.
    length: u64,
}

impl ExposedFile {
    /// Opens the file of a salt, and says who stands in it.
    pub(crate) fn open(folder: &Path, salt: Salt) -> Result<(Self, Vec<u64>), Unusable> {
        let path = folder.join(format!("{PREFIX}{salt}"));
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|source| Unusable::Disk { path: path.clone(), source })?,
        };
        let marks: Vec<u64> = bytes.as_chunks().0.iter().map(|eight| u64::from_le_bytes(*eight)).collect();
        Ok((Self { path, length: 8 * marks.len() as u64 }, marks))
    }

    /// Adds visitors. When this returns `Ok`, a power cut can no longer undo it; otherwise nothing was added.
    pub(crate) fn append(&mut self, marks: &[u64]) -> Result<(), Unusable> {
        let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
        self.write(&bytes).map_err(|source| Unusable::Disk { path: self.path.clone(), source })?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path)?;
        file.set_len(self.length)?;
        file.seek(SeekFrom::Start(self.length))?;
        file.write_all(bytes)?;
        file.sync_data()?;
        if self.length == 0 {
            let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Removes the files of all other rollouts. One that stays behind is tried again with the next table.
pub(crate) fn forget_others(folder: &Path, salt: Option<Salt>) {
    let kept = salt.map(|salt| format!("{PREFIX}{salt}"));
    let removed = fs::read_dir(folder).and_then(|entries| {
        let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        let names = names.iter().filter_map(|name| name.to_str());
        let mut others = names.filter(|name| name.starts_with(PREFIX) && Some(*name) != kept.as_deref());
        others.try_for_each(|name| fs::remove_file(folder.join(name)))
    });
    if let Err(error) = removed {
        tracing::warn!(%error, "the visitors of an earlier rollout could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salt(digit: &str) -> Salt {
        Salt::parse(&digit.repeat(32)).unwrap()
    }

    #[test]
    fn who_was_added_is_there_at_the_next_start_and_a_torn_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, marks) = ExposedFile::open(folder.path(), salt("1")).unwrap();
        assert!(marks.is_empty());
        file.append(&[1, u64::MAX]).unwrap();
        let mut torn = OpenOptions::new().append(true).open(&file.path).unwrap();
        torn.write_all(b"torn").unwrap();
        let (mut file, marks) = ExposedFile::open(folder.path(), salt("1")).unwrap();
        assert_eq!(marks, [1, u64::MAX]);
        file.append(&[3]).unwrap();
        assert_eq!(ExposedFile::open(folder.path(), salt("1")).unwrap().1, [1, u64::MAX, 3]);
    }

    #[test]
    fn the_files_of_other_rollouts_go_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        for digit in ["1", "2"] {
            ExposedFile::open(folder.path(), salt(digit)).unwrap().0.append(&[1]).unwrap();
        }
        fs::write(folder.path().join("table"), "").unwrap();
        let left = || {
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        forget_others(folder.path(), Some(salt("2")));
        assert_eq!(left(), [format!("exposed-{}", salt("2")), "table".to_owned()]);
        forget_others(folder.path(), None);
        assert_eq!(left(), ["table"]);
    }
}
