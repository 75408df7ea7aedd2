//! The embedded store keeps every promise of a store, and a folder has one user.

use std::os::unix::fs::PermissionsExt;

use folkops_record::conformance;

use super::world::{entry, log, open, open_with};
use crate::OpenError;
use crate::disk::Files;

#[tokio::test]
async fn the_embedded_store_keeps_every_promise() {
    let fresh = || {
        let folder = tempfile::tempdir().unwrap();
        move || Ok(open(folder.path()).store)
    };
    conformance::run(fresh).await.unwrap();
}

#[test]
fn a_folder_has_one_user_and_the_next_one_learns_who() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = open_with(Files, folder.path(), "v1").err().unwrap();
    let holder = std::process::id();
    let wanted = format!(
        "`{}` is in use by process {holder}; stop that one first, two must never share a journal",
        folder.path().display()
    );
    assert!(matches!(refused, OpenError::Taken { .. }));
    assert_eq!(refused.to_string(), wanted);
    drop(first.store);
    assert!(open_with(Files, folder.path(), "v1").is_err(), "the keyring still uses the folder");
    drop(first.keyring);
    open(folder.path());
}

#[test]
fn nobody_else_may_look_into_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    drop(open(&root));
    let mode = |name: &str| root.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("journal"), 0o700);
    assert_eq!(mode("keys"), 0o600);
    assert_eq!(mode("journal/00000000000000000001.log"), 0o600);
}

#[tokio::test]
async fn a_key_store_that_is_gone_beside_a_journal_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path());
    std::fs::remove_file(folder.path().join("keys")).unwrap();
    drop(opened);
    let opened = open(folder.path());
    opened.store.append(entry(1), Vec::new()).await.unwrap();
    drop(opened);
    std::fs::remove_file(folder.path().join("keys")).unwrap();
    let refused = open_with(Files, folder.path(), "v1").err().unwrap();
    let wanted = "the key store could not be used: it is missing, and the journal names its keys; mend the disk or restore `keys` beside the journal";
    assert_eq!(refused.to_string(), wanted);
}

#[tokio::test]
async fn what_was_appended_before_the_store_is_dropped_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).store;
    let ending: Vec<_> = (1..=50).map(|place| store.append(entry(place), Vec::new())).collect();
    drop(store);
    assert_eq!(log(&*open(folder.path()).store), (1..=50).map(entry).collect::<Vec<_>>());
    for ended in ending {
        assert_eq!(ended.await, Ok(()));
    }
}
