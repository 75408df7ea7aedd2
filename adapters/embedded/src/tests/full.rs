//! A full disk, a failing sync, and how many share one.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use folkops_record::{Keyring, KeyringError, StoreError};
use futures::future::join_all;

use super::recorder::{Event, Fault, Recorder};
use super::world::{Dice, entry, log, open, open_with};
use crate::disk::{Disk, DiskFile, Files};
use crate::keys::Keys;

#[tokio::test]
async fn a_full_disk_fails_everybody_who_waits_and_everybody_after() {
    for room in [0, 1, 40, 100, 300, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Recorder::<()>::new(folder.path(), Fault::None);
        let store = open_with(disk.clone(), folder.path(), "v1").unwrap().store;
        store.append(entry(1), Vec::new()).await.unwrap();
        disk.misbehave(Fault::Full(room));
        let ended = join_all((2..=60).map(|place| store.append(entry(place), Vec::new()))).await;
        let acknowledged = 1 + ended.iter().take_while(|ended| ended.is_ok()).count() as u64;
        assert!(acknowledged < 60);
        let failed = &ended[usize::try_from(acknowledged).unwrap() - 1..];
        let wanted = "the journal could not be written: No space left on device (os error 28); free space or mend the disk, then start again: nothing acknowledged is lost";
        assert!(failed.iter().all(|ended| ended.as_ref().unwrap_err().to_string() == wanted), "{failed:?}");

        disk.misbehave(Fault::None);
        let before = disk.events();
        let later = store.append(entry(61), Vec::new()).await;
        assert_eq!(later.unwrap_err().to_string(), wanted, "even when there is room again");
        assert_eq!(store.settle().await.unwrap_err().to_string(), wanted);
        assert_eq!(disk.events(), before, "nothing is written after an error");
        drop(store);

        let entries = log(&*open(folder.path()).store);
        assert!(entries.len() as u64 >= acknowledged);
        assert_eq!(entries, (1..=entries.len() as u64).map(entry).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::<()>::new(folder.path(), Fault::None);
    let store = open_with(disk.clone(), folder.path(), "v1").unwrap().store;
    store.append(entry(1), Vec::new()).await.unwrap();
    disk.misbehave(Fault::FailsToSync(0));
    let failed = store.append(entry(2), Vec::new()).await;
    assert!(matches!(failed, Err(StoreError::Write(_))), "{failed:?}");
    disk.misbehave(Fault::None);
    let before = disk.events();
    assert_eq!(store.append(entry(2), Vec::new()).await, failed);
    assert_eq!(disk.events(), before);
}

#[test]
fn a_key_store_that_cannot_write_seals_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::<()>::new(folder.path(), Fault::None);
    let keys = Keys::open(&disk, folder.path(), Arc::new(Dice::default()), None).unwrap();
    disk.misbehave(Fault::Full(100));
    let full = KeyringError::Io("No space left on device (os error 28)".into());
    assert_eq!(keys.seal("Mira"), Err(full.clone()));
    disk.misbehave(Fault::None);
    assert_eq!(keys.seal("Mira"), Err(full), "even when there is room again");
    drop(keys);
    let keys = Keys::open(&Files, folder.path(), Arc::new(Dice::default()), None).unwrap();
    let sealed = keys.seal("Mira").unwrap();
    assert_eq!(keys.open(&sealed).as_deref(), Some("Mira"));
}

/// A disk whose syncs of segments begin with a word and end with one.
struct Gate {
    begun: Sender<()>,
    go: Arc<Mutex<Receiver<()>>>,
}

struct GateFile {
    file: Box<dyn DiskFile>,
    begun: Sender<()>,
    go: Arc<Mutex<Receiver<()>>>,
}

impl Disk for Gate {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        Files.create_folder(folder)
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        Files.names(folder)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = Files.open(path)?;
        Ok(match path.extension() {
            Some(_) => Box::new(GateFile { file, begun: self.begun.clone(), go: self.go.clone() }),
            None => file,
        })
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Files.sync_folder(folder)
    }
}

impl DiskFile for GateFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }
    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.begun.send(()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        self.file.sync()
    }
}

#[tokio::test]
async fn what_is_appended_during_a_sync_shares_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let ((begun, begins), (go, goes)) = (channel(), channel());
    let gate = Gate { begun, go: Arc::new(Mutex::new(goes)) };
    go.send(()).unwrap();
    let store = open_with(gate, folder.path(), "v1").unwrap().store;
    begins.recv().unwrap();
    let first = store.append(entry(1), Vec::new());
    begins.recv().unwrap();
    let rest: Vec<_> = (2..=200).map(|place| store.append(entry(place), Vec::new())).collect();
    go.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    begins.recv().unwrap();
    go.send(()).unwrap();
    assert!(join_all(rest).await.iter().all(Result::is_ok));
    assert!(begins.try_recv().is_err(), "one sync for one hundred and ninety-nine entries");
    drop(store);
}

#[tokio::test]
async fn an_append_costs_one_write_and_one_sync_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::<()>::new(folder.path(), Fault::None);
    let store = open_with(disk.clone(), folder.path(), "v1").unwrap().store;
    let before = disk.events().len();
    store.append(entry(1), Vec::new()).await.unwrap();
    let events = disk.events().split_off(before);
    let segment = Path::new("journal/00000000000000000001.log");
    assert!(matches!(&events[0], Event::Wrote { path, .. } if path == segment), "{events:?}");
    assert_eq!(events[1], Event::Synced(segment.into()));
    assert!(matches!(&events[2], Event::Wrote { path, .. } if path == Path::new("synced")), "the mark");
    assert_eq!(events.len(), 3);
}
