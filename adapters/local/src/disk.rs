//! Private folders, files replaced whole, and walks over folders that somebody else may have filled.
//!
//! A walk never follows a symbolic link and never goes deeper than [`DEEPEST`], because strangers' code writes
//! into some of these folders.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, openat, statat};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::plan::Identity;

const DEEPEST: usize = 64;

/// Creates a folder and its missing parents, for this user only.
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Reads a JSON file; one that cannot be understood is `InvalidData`.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Replaces a file by this value as JSON: a reader sees the old one or the new one, also after a crash.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_whole(path, &serde_json::to_vec_pretty(value)?)
}

/// Replaces a file by these bytes, durably.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a folder and all in it; one that is gone already is no error.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes all that is in a folder, but neither the folder nor the file of this name in it.
pub fn empty_folder(path: &Path, spared: &str) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => remove_folder(&entry.path())?,
            false if entry.file_name() == spared => {}
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// Copies regular files and folders; anything else is an error.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy_folder(&entry.path(), &target)?,
            kind if kind.is_file() => drop(fs::copy(entry.path(), target)?),
            _ => {
                return Err(io::Error::other(format!(
                    "{} is neither a file nor a folder",
                    entry.path().display()
                )));
            }
        }
    }
    Ok(())
}

/// Gives a folder and all in it to the user that walled programs become; nothing to do when that is ourselves.
pub fn hand_over(path: &Path, identity: Option<Identity>) -> io::Result<()> {
    let Some(Identity { uid, gid }) = identity else { return Ok(()) };
    let own = |folder: BorrowedFd<'_>, name: &std::ffi::CStr| {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        Ok(chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?)
    };
    let top = openat(CWD, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    own(top.as_fd(), c".")?;
    each_below(top.as_fd(), DEEPEST, &mut |folder, name| own(folder, name))
}

/// Bytes on disk below a folder. A name that vanishes meanwhile counts as nothing.
pub fn bytes_below(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let top = openat(CWD, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    each_below(top.as_fd(), DEEPEST, &mut |folder, name| {
        let blocks = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_or(0, |found| found.st_blocks);
        // An empty file still costs the disk something, so that a million of them are not free.
        bytes += u64::try_from(blocks).unwrap_or(0) * 512 + 256;
        Ok(())
    })?;
    Ok(bytes)
}

type Visit<'a> = dyn FnMut(BorrowedFd<'_>, &std::ffi::CStr) -> io::Result<()> + 'a;

fn each_below(folder: BorrowedFd<'_>, depth: usize, visit: &mut Visit<'_>) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other(format!("folders are nested deeper than {DEEPEST}")));
    }
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        visit(folder, name)?;
        if entry.file_type() == FileType::Directory {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(folder, name, flags, Mode::empty()) {
                Ok(inner) => each_below(inner.as_fd(), depth - 1, visit)?,
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
