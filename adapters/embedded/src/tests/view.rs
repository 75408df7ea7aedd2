//! sled deleted, cut, filled with garbage, behind, or of another shape: the same export, byte for byte.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use folkops_model::ports::Clock;
use folkops_model::{PersonId, ServiceId};
use folkops_record::{AnyTable, Body, Draft, Fold, Folds, Ledger, Note, Record, Rows, Store, Table};
use jiff::Timestamp;

use super::world::{entry, open_with};
use crate::disk::Files;
use crate::projection::await_release;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Who was told what for; some rows go again.
struct Told(Table<String, Vec<PersonId>>);

impl Default for Told {
    fn default() -> Self {
        Self(Table::new("told"))
    }
}

impl Fold for Told {
    fn apply(&mut self, record: &Record) {
        if let Body::PeopleTold { subject, people } = &record.body {
            match people.is_empty() {
                true => drop(self.0.remove(record.sequence, subject)),
                false => self.0.put(record.sequence, subject.clone(), people.iter().cloned().collect()),
            }
        }
    }
    fn tables(&self) -> Vec<&dyn AnyTable> {
        vec![&self.0]
    }
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.0]
    }
}

async fn ledger(store: Arc<dyn Store>) -> Ledger {
    let folds = || Folds::new().with(Told::default());
    Ledger::open(store, folds, Arc::new(Noon), ServiceId::parse("potluck").unwrap()).await.unwrap()
}

fn told(subject: u32, people: &[&str]) -> Draft {
    let people = people.iter().map(|name| PersonId::parse(name).unwrap()).collect();
    Draft::note(Note::of(Body::PeopleTold { subject: format!("subject-{subject}"), people }).unwrap())
}

/// Tells people of things, on top of what is there; closes cleanly.
async fn write(root: &Path, subjects: std::ops::Range<u32>) -> Rows {
    let ledger = ledger(open_with(Files, root, "v1").unwrap().store).await;
    for subject in subjects {
        let _told = ledger.append(told(subject, &["jo", "sam"])).await.unwrap();
        if subject % 3 == 0 {
            let _gone = ledger.append(told(subject / 2, &[])).await.unwrap();
        }
    }
    ledger.settle().await.unwrap();
    ledger.export().unwrap()
}

async fn export(root: &Path, schema: &str) -> Rows {
    let store = open_with(Files, root, schema).unwrap().store;
    let ledger = ledger(store.clone()).await;
    ledger.settle().await.unwrap();
    let export = ledger.export().unwrap();
    assert_eq!(
        store.projection().unwrap(),
        (store.position().sequence, export.clone()),
        "sled has it all again"
    );
    export
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => assert!(fs::copy(entry.path(), target).is_ok()),
        }
    }
}

#[tokio::test]
async fn a_clean_restart_takes_the_rows_from_sled() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), 0..50).await;
    let store = open_with(Files, folder.path(), "v1").unwrap().store;
    assert_eq!(store.projection().unwrap(), (store.position().sequence, rows));
}

#[tokio::test]
async fn sled_deleted_gives_the_same_export() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), 0..50).await;
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    assert_eq!(export(folder.path(), "v1").await, rows);
}

#[tokio::test]
async fn sled_behind_gives_the_same_export() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0..50).await;
    copy(&folder.path().join("sled"), &folder.path().join("old"));
    let rows = write(folder.path(), 40..90).await;
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    fs::rename(folder.path().join("old"), folder.path().join("sled")).unwrap();
    assert_eq!(export(folder.path(), "v1").await, rows);
}

#[tokio::test]
async fn another_schema_makes_the_rows_anew() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), 0..50).await;
    let store = open_with(Files, folder.path(), "v2").unwrap().store;
    assert_eq!(store.projection().unwrap(), (0, Rows::new()));
    drop(store);
    assert_eq!(export(folder.path(), "v2").await, rows);
    assert!(!folder.path().join("sled.broken-1").exists(), "it is not broken, only old");
}

#[tokio::test]
async fn sled_cut_at_any_length_or_filled_with_garbage_gives_the_same_export() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), 0..50).await;
    let whole = fs::read(folder.path().join("sled/db")).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let cut = (0..8).map(|part| whole[..used * part / 8].to_vec());
    let garbled = (0..8).map(|part| {
        let mut bytes = whole.clone();
        bytes[used * part / 8..].iter_mut().take(40).for_each(|byte| *byte ^= 0xff);
        bytes
    });
    let noise = [b"not a database".to_vec(), vec![0xff; 100_000], Vec::new()];
    for (number, bytes) in cut.chain(garbled).chain(noise).enumerate() {
        let scratch = tempfile::tempdir().unwrap();
        copy(folder.path(), scratch.path());
        fs::write(scratch.path().join("sled/db"), bytes).unwrap();
        assert_eq!(export(scratch.path(), "v1").await, rows, "damage {number}");
        assert_eq!(export(scratch.path(), "v1").await, rows, "damage {number}, once more");
    }
}

#[tokio::test]
async fn a_file_where_sled_should_be_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), 0..50).await;
    for aside in ["sled.broken-1", "sled.broken-2", "sled.broken-3"] {
        fs::remove_dir_all(folder.path().join("sled")).unwrap();
        fs::write(folder.path().join("sled"), "in the way").unwrap();
        assert_eq!(export(folder.path(), "v1").await, rows);
        assert_eq!(fs::read(folder.path().join(aside)).unwrap(), b"in the way");
    }
}

#[tokio::test]
async fn rows_that_are_not_the_ones_it_was_given_are_not_believed() {
    for tamper in ["change", "add", "remove"] {
        let folder = tempfile::tempdir().unwrap();
        let rows = write(folder.path(), 0..50).await;
        await_release(&folder.path().join("sled")).unwrap();
        let db = sled::Config::new().path(folder.path().join("sled")).open().unwrap();
        match tamper {
            "change" => drop(db.insert("told/subject-49", r#"[9,["eve"]]"#).unwrap()),
            "add" => drop(db.insert("told/subject-99", r#"[9,["eve"]]"#).unwrap()),
            _ => drop(db.remove("told/subject-49").unwrap()),
        }
        drop(db);
        let store = open_with(Files, folder.path(), "v1").unwrap().store;
        assert_eq!(store.projection().unwrap(), (0, Rows::new()), "{tamper}");
        assert!(folder.path().join("sled.broken-1").exists());
        drop(store);
        assert_eq!(export(folder.path(), "v1").await, rows, "{tamper}");
    }
}

#[tokio::test]
async fn a_projection_that_nobody_made_anew_does_not_pretend_to_follow() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(Files, folder.path(), "v1").unwrap().store;
    store.append(entry(1), Vec::new()).await.unwrap();
    drop(store);
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let store = open_with(Files, folder.path(), "v1").unwrap().store;
    store.append(entry(2), Vec::new()).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(store.projection().unwrap(), (0, Rows::new()));
}
