//! Writes exactly one tree to disk, by our own hand instead of a checkout.
//!
//! A checkout applies attributes, filters and configuration, and follows what it finds on disk. Here the bytes of
//! each file are the bytes of its blob, verified by their hash while they are written. Links are made after all files,
//! so that nothing is ever written through one. Submodules, links that leave the tree, and paths that some file
//! system would take for something else are refused with the path; then nothing stays on disk.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use folkops_model::TreeId;
use sha1::{Digest as _, Sha1};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::GitError;
use crate::listing::{self, Entry, Mode};
use crate::path::link_objection;
use crate::process::NoAnswer;
use crate::repository::Repository;
use crate::text;

/// Bytes of the list of files that are read.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

/// A tree of the largest ordinary size may take this many times as long to write as one call of git may take.
const PATIENCE: u32 = 6;

/// How large a tree may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files and links.
    pub files: usize,
    /// Bytes in all of them together.
    pub bytes: u64,
}

impl Limits {
    /// 10,000 files and 256 MiB: a component's own source, not its history or its artefacts.
    pub const ORDINARY: Self = Self { files: 10_000, bytes: 256 * 1024 * 1024 };
}

/// The rules of writing, shared by all components.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) limits: Limits,
    /// INVARIANT: one writer at a time. A writer whose caller went away ends and cleans up by itself; whoever comes
    /// next, perhaps for the same folder, starts only then.
    pub(crate) turn: Arc<Semaphore>,
}

/// Why a tree is not on disk.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// The tree holds something that is never written. For the author.
    #[error("`{path}` cannot be used: {why}; take it out of the change")]
    Refused {
        /// The path, freed of control characters.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The tree is too large. For the author.
    #[error("the tree is larger than {} files or {} MiB; make it smaller", .0.files, .0.bytes >> 20)]
    TooLarge(Limits),
    /// The repository gives something else than it was asked for, or a tree in a form that git never writes. For the
    /// operator.
    #[error("the repository's {what} is not what its id names; restore the repository from a copy")]
    Altered {
        /// The tree, or a file by its path.
        what: String,
    },
    /// The folder holds something already, which is left as it is.
    #[error("the folder for the source is not empty; give an empty one")]
    Occupied,
    /// The folder cannot be written. For the operator.
    #[error("the source cannot be written to disk: {0}; check the free space and the rights of the folder")]
    Disk(#[from] io::Error),
    /// The repository failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The error for a path that is never written.
pub(crate) fn refused(path: &[u8], why: &'static str) -> MaterialiseError {
    MaterialiseError::Refused { path: text::path(path), why }
}

impl Repository<'_> {
    /// Writes the tree into a folder that is empty or does not exist; afterwards it exists only if all went well.
    pub(crate) async fn materialise(
        &self,
        tree: &TreeId,
        into: &Path,
        rules: &Writing,
    ) -> Result<(), MaterialiseError> {
        let limits = rules.limits;
        let arguments = ["ls-tree", "-r", "-l", "-z", "--full-tree", tree.as_str()];
        let list =
            self.output(self.objects(arguments).limit(LIST_LIMIT)).await.map_err(|error| match error {
                GitError::TooMuch { .. } => MaterialiseError::TooLarge(limits),
                other => other.into(),
            })?;
        let entries = listing::parse(&list, limits)?;
        if !listing::proves(&entries, tree) {
            return Err(MaterialiseError::Altered { what: format!("tree `{tree}`") });
        }
        let turn = rules.turn.clone().acquire_owned().await.map_err(io::Error::other)?;
        self.write(entries, into.to_owned(), turn).await
    }

    /// Streams the blobs of all entries from one git process to disk.
    async fn write(
        &self,
        entries: Vec<Entry>,
        into: PathBuf,
        turn: OwnedSemaphorePermit,
    ) -> Result<(), MaterialiseError> {
        let broken = |error| self.silent(NoAnswer::Broken(error));
        let mut child = self.git.spawn(&self.objects(["cat-file", "--batch"])).map_err(broken)?;
        drop(child.stderr.take());
        let wanted = entries.iter().map(|entry| listing::to_hex(&entry.id) + "\n").collect();
        let feeding = feed(child.stdin.take(), wanted);
        let blobs = child.stdout.take().map(ChildStdout::into_owned_fd).transpose().map_err(broken)?;
        let blobs = blobs.ok_or_else(|| self.unusable("git has no output"))?;
        let writing = tokio::task::spawn_blocking(move || {
            let _until_the_end = turn;
            write_new(&entries, &mut BufReader::with_capacity(64 * 1024, File::from(blobs)), &into)
        });
        let work = async { tokio::join!(feeding, writing).1 };
        let limit = self.git.deadline * PATIENCE;
        match tokio::time::timeout(limit, work).await {
            Ok(outcome) => outcome.map_err(|error| self.unusable(&error.to_string()))?,
            // Git dies with its handle; the writer then finds the end of its input and cleans up.
            Err(_) => Err(GitError::TimedOut { component: self.component.clone(), limit }.into()),
        }
    }
}

/// Asks for the blobs; closing the input ends git.
async fn feed(stdin: Option<ChildStdin>, wanted: String) {
    if let Some(mut stdin) = stdin {
        // If git died, the writer notices a file that ends too early.
        let _ = stdin.write_all(wanted.as_bytes()).await;
    }
}

fn write_new(entries: &[Entry], blobs: &mut impl BufRead, into: &Path) -> Result<(), MaterialiseError> {
    match fs::create_dir(into) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        Err(_) if fs::read_dir(into)?.next().is_some() => return Err(MaterialiseError::Occupied),
        _ => {}
    }
    let outcome = fill(entries, blobs, into);
    if outcome.is_err() {
        // The first failure is the one to report; what could not be removed is still never used.
        let _ = fs::remove_dir_all(into);
    }
    outcome
}

fn fill(entries: &[Entry], blobs: &mut impl BufRead, into: &Path) -> Result<(), MaterialiseError> {
    let folders: BTreeSet<&[u8]> = entries.iter().flat_map(|entry| listing::folders(&entry.path)).collect();
    for folder in folders {
        fs::create_dir(place(into, folder))?;
    }
    let mut links = Vec::new();
    for entry in entries {
        match entry.mode {
            Mode::File => copy(entry, blobs, new_file(&place(into, &entry.path), 0o644)?)?,
            Mode::Executable => copy(entry, blobs, new_file(&place(into, &entry.path), 0o755)?)?,
            Mode::Link => links.push((&entry.path, link_target(entry, blobs)?)),
        }
    }
    for (path, target) in links {
        symlink(OsStr::from_bytes(&target), place(into, path))?;
    }
    Ok(())
}

fn place(into: &Path, path: &[u8]) -> PathBuf {
    into.join(OsStr::from_bytes(path))
}

/// A file that did not exist before, with exactly this mode.
fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

fn link_target(entry: &Entry, blobs: &mut impl BufRead) -> Result<Vec<u8>, MaterialiseError> {
    if entry.size > 4096 {
        return Err(refused(&entry.path, "its target is not a path"));
    }
    let mut target = Vec::new();
    copy(entry, blobs, &mut target)?;
    match link_objection(&entry.path, &target) {
        Some(why) => Err(refused(&entry.path, why)),
        None => Ok(target),
    }
}

/// Copies one blob from `id SP blob SP size LF bytes LF`, and compares what was written with its id.
fn copy(entry: &Entry, blobs: &mut impl BufRead, to: impl Write) -> Result<(), MaterialiseError> {
    let altered = || MaterialiseError::Altered { what: format!("file `{}`", text::path(&entry.path)) };
    let mut header = String::new();
    blobs.take(128).read_line(&mut header)?;
    if header != format!("{} blob {}\n", listing::to_hex(&entry.id), entry.size) {
        return Err(altered());
    }
    let mut hashed = Hashed { hash: listing::object_hash("blob", entry.size), to };
    let copied = io::copy(&mut blobs.take(entry.size), &mut hashed)?;
    let end = io::copy(&mut blobs.take(1), &mut io::sink())?;
    let id: [u8; 20] = hashed.hash.finalize().into();
    if (copied, end, id) == (entry.size, 1, entry.id) { Ok(()) } else { Err(altered()) }
}

/// Writes on, and takes every byte that was really written into a hash.
struct Hashed<W> {
    hash: Sha1,
    to: W,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
