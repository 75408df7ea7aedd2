//! A disk that writes down what is asked of it, and what a power cut would leave of that at any moment.
//!
//! The rules are the strict ones: a write is durable after a sync of its file, a name after a sync of its folder, and
//! nothing else is; what was not synced may be there, or not, or in part. A disk may also be told to lie or to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile, Files};

/// What was asked of the disk, or promised to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event<P> {
    Named(PathBuf),
    Wrote { path: PathBuf, offset: usize, bytes: Vec<u8> },
    Cut { path: PathBuf, length: usize },
    Synced(PathBuf),
    FolderSynced(PathBuf),
    Promised(P),
}

/// How a disk misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Says that it has synced, and does so before the next write to that file only.
    SyncsLate,
    /// Says that it has synced a folder, and does not.
    ForgetsNames,
    /// Has room for so many more bytes.
    Full(usize),
    /// Fails at this sync of a file, counted from 0.
    FailsToSync(usize),
}

pub(super) struct Recorder<P> {
    root: PathBuf,
    trace: Arc<Mutex<Trace<P>>>,
}

struct Trace<P> {
    events: Vec<Event<P>>,
    fault: Fault,
    late: BTreeSet<PathBuf>,
    syncs: usize,
}

impl<P> Clone for Recorder<P> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), trace: self.trace.clone() }
    }
}

impl<P: Clone> Recorder<P> {
    pub(super) fn new(root: &Path, fault: Fault) -> Self {
        let trace = Trace { events: Vec::new(), fault, late: BTreeSet::new(), syncs: 0 };
        Self { root: root.to_owned(), trace: Arc::new(Mutex::new(trace)) }
    }

    pub(super) fn promised(&self, promise: P) {
        self.trace.lock().unwrap().events.push(Event::Promised(promise));
    }

    pub(super) fn misbehave(&self, fault: Fault) {
        let mut trace = self.trace.lock().unwrap();
        (trace.fault, trace.syncs) = (fault, 0);
    }

    pub(super) fn events(&self) -> Vec<Event<P>> {
        self.trace.lock().unwrap().events.clone()
    }

    fn note(&self, event: Event<P>) {
        self.trace.lock().unwrap().events.push(event);
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap().to_owned()
    }
}

impl<P: Clone + Send + 'static> Disk for Recorder<P> {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let new = !folder.exists();
        Files.create_folder(folder)?;
        if new {
            self.note(Event::Named(self.relative(folder)));
        }
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        Files.names(folder)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let new = !path.exists();
        let file = Files.open(path)?;
        let path = self.relative(path);
        if new {
            self.note(Event::Named(path.clone()));
        }
        Ok(Box::new(RecorderFile { file, path, recorder: self.clone() }))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let inside = folder.strip_prefix(&self.root).map(Path::to_owned);
        let lies = self.trace.lock().unwrap().fault == Fault::ForgetsNames;
        if let (Ok(folder), false) = (inside, lies) {
            self.note(Event::FolderSynced(folder));
        }
        Ok(())
    }
}

struct RecorderFile<P> {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    recorder: Recorder<P>,
}

impl<P: Clone + Send + 'static> DiskFile for RecorderFile<P> {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut trace = self.recorder.trace.lock().unwrap();
        if trace.late.remove(&self.path) {
            trace.events.push(Event::Synced(self.path.clone()));
        }
        let taken = match &mut trace.fault {
            Fault::Full(room) => {
                let taken = bytes.len().min(*room);
                *room -= taken;
                taken
            }
            _ => bytes.len(),
        };
        self.file.write_at(&bytes[..taken], offset)?;
        let (path, offset) = (self.path.clone(), usize::try_from(offset).unwrap());
        trace.events.push(Event::Wrote { path, offset, bytes: bytes[..taken].to_vec() });
        if taken < bytes.len() { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)?;
        self.recorder.note(Event::Cut { path: self.path.clone(), length: usize::try_from(length).unwrap() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut trace = self.recorder.trace.lock().unwrap();
        trace.syncs += 1;
        match trace.fault {
            Fault::SyncsLate => {
                trace.late.insert(self.path.clone());
            }
            Fault::FailsToSync(at) if trace.syncs > at => return Err(io::Error::from_raw_os_error(5)),
            _ => trace.events.push(Event::Synced(self.path.clone())),
        }
        Ok(())
    }
}

/// What a power cut does with what was not synced.
#[derive(Debug, Clone, Copy)]
pub(super) enum Loss {
    /// All of it is gone, names too.
    Everything,
    /// Nothing is gone: as if only the process had been killed.
    Nothing,
    /// The last write got so many hundredths far; all before it is there.
    Behind(usize),
    /// The last write is there but for its first so many hundredths, which are zeros.
    Ahead(usize),
}

pub(super) const LOSSES: [Loss; 8] = [
    Loss::Everything,
    Loss::Nothing,
    Loss::Behind(1),
    Loss::Behind(50),
    Loss::Behind(97),
    Loss::Ahead(1),
    Loss::Ahead(50),
    Loss::Ahead(97),
];

#[derive(Default, Clone)]
struct Kept {
    is_folder: bool,
    named: bool,
    synced: Vec<u8>,
    written: Vec<u8>,
    last: Option<(usize, usize)>,
}

/// Files by their path, and folders, which have no content.
pub(super) type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// The files as they would be after these events. `witness` is a file that nobody ever syncs, and whether it is there.
pub(super) fn after<P>(events: &[Event<P>], loss: Loss, witness: Loss) -> Image {
    let mut files: BTreeMap<PathBuf, Kept> = BTreeMap::new();
    let mut latest = None;
    for event in events {
        match event {
            Event::Named(path) => {
                let is_folder = path.as_os_str() == "journal";
                files.insert(path.clone(), Kept { is_folder, ..Kept::default() });
            }
            Event::Wrote { path, offset, bytes } => {
                let file = files.get_mut(path).unwrap();
                let end = offset + bytes.len();
                file.written.resize(file.written.len().max(end), 0);
                file.written[*offset..end].copy_from_slice(bytes);
                file.last = Some((*offset, bytes.len()));
                latest = Some(path.clone());
            }
            Event::Cut { path, length } => {
                let file = files.get_mut(path).unwrap();
                file.written.resize(*length, 0);
                file.last = None;
            }
            Event::Synced(path) => {
                let file = files.get_mut(path).unwrap();
                file.synced = file.written.clone();
                file.last = None;
            }
            Event::FolderSynced(folder) => {
                let inside = files.iter_mut().filter(|(path, _)| path.parent() == Some(folder));
                inside.for_each(|(_, file)| file.named = true);
            }
            Event::Promised(_) => {}
        }
    }
    let mut image = Image::new();
    for (path, file) in files {
        let loss = if path.as_os_str() == "synced" { witness } else { loss };
        let torn = latest.as_ref() == Some(&path);
        if let Some(content) = file.content(loss, torn) {
            image.insert(path.clone(), (!file.is_folder).then_some(content));
        }
    }
    image
}

impl Kept {
    fn content(&self, loss: Loss, torn: bool) -> Option<Vec<u8>> {
        let mut content = self.written.clone();
        match (loss, self.last) {
            (Loss::Everything, _) => return self.named.then(|| self.synced.clone()),
            (Loss::Behind(part), Some((offset, length))) if torn => {
                let kept = offset + length * part / 100;
                content.truncate(kept);
                content.extend(self.synced.get(kept..).unwrap_or_default());
            }
            (Loss::Ahead(part), Some((offset, length))) if torn => {
                let lost = offset..offset + (length * part / 100).max(1);
                let before = self.synced.iter().copied().chain(std::iter::repeat(0)).skip(offset);
                content[lost].iter_mut().zip(before).for_each(|(byte, old)| *byte = old);
            }
            _ => {}
        }
        Some(content)
    }
}

/// Lays an image down as real files.
pub(super) fn lay(image: &Image, root: &Path) {
    for (path, content) in image {
        match content {
            None => std::fs::create_dir(root.join(path)).unwrap(),
            Some(bytes) if root.join(path).parent().unwrap().exists() => {
                std::fs::write(root.join(path), bytes).unwrap();
            }
            // The folder's own name was lost, and with it all that is in it.
            Some(_) => {}
        }
    }
}
