//! What a kept build is called: the SHA-256 of what is in it.
//!
//! The manifest hashed is a line for each regular file, sorted by path: `<path>\0<mode>\0<size>\0<sha256>\n`, where
//! the mode is `555` or `444`. Times, owners and empty folders are no part of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use folkops_model::Digest;
use sha2::{Digest as _, Sha256};

/// A kept build that is not what its name says.
#[derive(Debug, thiserror::Error)]
pub enum Changed {
    /// Its content differs.
    #[error(
        "build {wanted} is no longer what was built: its content is {found}; remove it, and it is built anew"
    )]
    Content {
        /// The name.
        wanted: Digest,
        /// What is there.
        found: Digest,
    },
    /// It cannot be read whole.
    #[error("build {wanted} cannot be read: {error}; remove it, and it is built anew")]
    Unreadable {
        /// The name.
        wanted: Digest,
        /// Why.
        error: io::Error,
    },
}

/// The digest of a folder. A link, device or socket in it is an error.
pub fn of_folder(root: &Path) -> io::Result<Digest> {
    let mut files = Vec::new();
    files_below(root, Path::new(""), &mut files)?;
    files.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    let mut manifest = Sha256::new();
    for path in files {
        let (mode, size, hash) = of_file(&root.join(&path))?;
        manifest.update(path.as_os_str().as_bytes());
        manifest.update(format!("\0{mode}\0{size}\0{hash}\n"));
    }
    Digest::parse(&format!("sha256:{}", hex(&manifest.finalize()))).map_err(io::Error::other)
}

/// Refuses a folder whose content is not what the digest says.
pub fn verify(root: &Path, wanted: &Digest) -> Result<(), Changed> {
    match of_folder(root) {
        Ok(found) if found == *wanted => Ok(()),
        Ok(found) => Err(Changed::Content { wanted: wanted.clone(), found }),
        Err(error) => Err(Changed::Unreadable { wanted: wanted.clone(), error }),
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_below(root: &Path, below: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => files_below(root, &path, files)?,
            kind if kind.is_file() => files.push(path),
            _ => return Err(io::Error::other(format!("{} is neither a file nor a folder", path.display()))),
        }
    }
    Ok(())
}

fn of_file(path: &Path) -> io::Result<(&'static str, u64, String)> {
    let mut file = File::open(path)?;
    let mode = if file.metadata()?.permissions().mode() & 0o111 == 0 { "444" } else { "555" };
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        size += read as u64;
    }
    Ok((mode, size, hex(&hash.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            fs::write(root.path().join(path), text).unwrap();
        }
        root
    }

    #[test]
    fn the_digest_is_the_hash_of_the_sorted_manifest() {
        let root = folder(&[("b/x", "1"), ("b-a", "2")]);
        let line = |path: &str, text: &str| format!("{path}\0444\01\0{}\n", hex(&Sha256::digest(text)));
        let manifest = line("b-a", "2") + &line("b/x", "1");
        assert_eq!(of_folder(root.path()).unwrap().hex(), hex(&Sha256::digest(manifest)));
    }

    #[test]
    fn a_changed_byte_name_or_mode_is_another_digest() {
        let digest = of_folder(folder(&[("a", "text")]).path()).unwrap();
        assert!(verify(folder(&[("a", "text")]).path(), &digest).is_ok());
        assert!(verify(folder(&[("a", "texT")]).path(), &digest).is_err());
        assert!(verify(folder(&[("b", "text")]).path(), &digest).is_err());
        let executable = folder(&[("a", "text")]);
        fs::set_permissions(executable.path().join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(verify(executable.path(), &digest).is_err());
    }

    #[test]
    fn a_link_is_refused() {
        let root = folder(&[("a", "text")]);
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("b")).unwrap();
        assert_eq!(of_folder(root.path()).unwrap_err().to_string(), "b is neither a file nor a folder");
    }
}
