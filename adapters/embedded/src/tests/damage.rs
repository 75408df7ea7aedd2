//! Damage: whatever was acknowledged and is not whole any more stops the start, names its place, and is not touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use folkops_record::StoreError;

use super::world::{SMALL, entry, entry_of, log, open, open_with};
use crate::OpenError;
use crate::disk::Files;
use crate::frame;
use crate::journal::{Journal, Place};

fn place(root: &Path) -> Place {
    Place { disk: Arc::new(Files), root: root.to_owned(), segment: SMALL }
}

/// Writes batches of so many records each.
fn write(root: &Path, batches: &[u64]) {
    let mut journal = Journal::open(place(root)).unwrap();
    for records in batches {
        let next = journal.position().sequence + 1;
        let entries: Vec<_> = (next..next + records).map(entry).collect();
        let lengths = entries.iter().map(|entry| (entry, u32::try_from(entry.bytes.len()).unwrap()));
        journal.write(lengths).unwrap();
    }
}

fn reopen(root: &Path) -> Result<u64, StoreError> {
    Journal::open(place(root)).map(|journal| journal.position().sequence)
}

fn corrupt(root: &Path) -> String {
    match reopen(root) {
        Err(StoreError::Corrupt(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(root.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

fn length_of(place: u64) -> usize {
    frame::HEAD + entry(place).bytes.len()
}

#[test]
fn one_flipped_byte_anywhere_stops_the_start_and_names_file_byte_and_record() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[1, 3, 2, 4, 1, 5, 2, 1]);
    let files = files(folder.path());
    assert!(files.len() >= 3);
    for (path, bytes) in &files {
        for byte in 0..bytes.len() {
            flip(path, byte);
            let text = corrupt(folder.path());
            assert!(text.contains(&format!("`{}`, byte ", path.display())), "{text}");
            let named = if byte < 24 {
                "the segment's header is not whole"
            } else {
                "was acknowledged, and is not whole"
            };
            assert!(text.contains(named), "byte {byte}: {text}");
            assert!(
                text.ends_with("restore the whole folder from a backup, or from a copy of this disk"),
                "{text}"
            );
            flip(path, byte);
        }
    }
    assert_eq!(reopen(folder.path()), Ok(19), "and nothing was changed meanwhile");
}

#[test]
fn the_message_leads_to_the_place() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[1, 1, 1]);
    let segment = folder.path().join("journal/00000000000000000001.log");
    let second = 24 + length_of(1);
    flip(&segment, second + 50);
    let wanted = format!(
        "the journal is damaged: `{}`, byte {second}: record 2 was acknowledged, and is not whole or does not match its checksum; nothing was changed; restore the whole folder from a backup, or from a copy of this disk",
        segment.display()
    );
    let error = open_with(Files, folder.path(), "v1").err().unwrap();
    assert!(matches!(error, OpenError::Store(StoreError::Corrupt(_))));
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn without_the_mark_later_batches_still_attest_all_but_the_last() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[2, 2]);
    fs::remove_file(folder.path().join("synced")).unwrap();
    let segment = folder.path().join("journal/00000000000000000001.log");
    let last_batch = 24 + length_of(1) + length_of(2);
    for byte in 24..last_batch {
        flip(&segment, byte);
        corrupt(folder.path());
        let _mark = fs::remove_file(folder.path().join("synced"));
        flip(&segment, byte);
    }
}

#[test]
fn a_torn_batch_is_cut_where_its_first_bad_frame_begins_also_when_a_later_one_of_it_is_whole() {
    for (torn, left) in [(3, 2), (4, 3), (5, 4)] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        write(folder.path(), &[2]);
        let mark = fs::read(folder.path().join("synced")).unwrap();
        write(folder.path(), &[3]);
        fs::write(folder.path().join("synced"), mark).unwrap();
        let segment = folder.path().join("journal/00000000000000000001.log");
        let start = 24 + (1..torn).map(length_of).sum::<usize>();
        flip(&segment, start + 45);
        assert_eq!(reopen(folder.path()), Ok(left));
        assert_eq!(fs::read(&segment).unwrap().len(), start, "all from there on is cut");
        write(folder.path(), &[4]);
        assert_eq!(log(&*open(folder.path()).store), (1..=left + 4).map(entry).collect::<Vec<_>>());
    }
}

#[test]
fn the_same_tear_stops_the_start_when_the_mark_says_that_it_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[2, 3]);
    let segment = folder.path().join("journal/00000000000000000001.log");
    let whole = fs::read(&segment).unwrap();
    for length in 24 + length_of(1)..whole.len() {
        fs::write(&segment, &whole[..length]).unwrap();
        corrupt(folder.path());
    }
    let last = whole.len() - length_of(5);
    fs::write(&segment, &whole[..last]).unwrap();
    let text = corrupt(folder.path());
    assert!(text.starts_with("it ends with record 4, but record 5 was acknowledged"), "{text}");
    assert!(text.ends_with("or delete the file `synced` to go on without the lost records"), "{text}");
    fs::remove_file(folder.path().join("synced")).unwrap();
    assert_eq!(reopen(folder.path()), Ok(4));
}

#[test]
fn a_missing_doubled_or_swapped_segment_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[4; 12]);
    let files = files(folder.path());
    let paths: Vec<_> = files.keys().collect();
    assert!(paths.len() >= 4);
    for path in &paths {
        fs::remove_file(path).unwrap();
        let text = corrupt(folder.path());
        assert!(text.contains("comes next and is missing") || text.contains("was acknowledged"), "{text}");
        fs::write(path, &files[*path]).unwrap();
    }
    for (to, from) in [(1, 2), (2, 1), (3, 0)] {
        fs::write(paths[to], &files[paths[from]]).unwrap();
        assert!(corrupt(folder.path()).contains("the segment's header is not whole"));
        fs::write(paths[to], &files[paths[to]]).unwrap();
    }
    fs::write(paths[0], &files[paths[0]][..files[paths[0]].len() - length_of(1)]).unwrap();
    assert!(
        corrupt(folder.path()).contains("comes next and is missing"),
        "the end of an old segment is missing"
    );
}

#[test]
fn a_segment_that_never_came_to_be_is_begun_again() {
    for longer in [SMALL, SMALL * 4] {
        for header in [&b""[..], &b"FOLKJR"[..], &[0; 24][..]] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &[8]);
            fs::write(folder.path().join("journal/00000000000000000009.log"), header).unwrap();
            let place = || Place { segment: longer, ..place(folder.path()) };
            let mut journal = Journal::open(place()).unwrap();
            let next = entry(9);
            journal.write([(&next, u32::try_from(next.bytes.len()).unwrap())].into_iter()).unwrap();
            drop(journal);
            assert_eq!(Journal::open(place()).unwrap().position().sequence, 9);
        }
    }
}

#[test]
fn a_whole_frame_out_of_order_or_of_an_older_epoch_stops_the_start() {
    let before = [entry_of(1, 4)];
    for (wrong, said) in [
        (entry_of(3, 4), "records 3 to 3 stand where record 2 comes next"),
        (entry_of(1, 4), "records 1 to 1 stand where record 2 comes next"),
        (entry_of(2, 3), "record 2 has epoch 3 after epoch 4"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[]);
        let segment = folder.path().join("journal/00000000000000000001.log");
        let mut bytes = fs::read(&segment).unwrap();
        for entry in before.iter().chain([&wrong]) {
            frame::write(&mut bytes, entry, u32::try_from(entry.bytes.len()).unwrap(), 0);
        }
        fs::write(&segment, bytes).unwrap();
        let text = corrupt(folder.path());
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_segment_of_a_newer_format_is_not_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[1]);
    let segment = folder.path().join("journal/00000000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 2;
    let checksum = crc32c::crc32c(&bytes[..20]);
    bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&segment, bytes).unwrap();
    let Err(StoreError::Read(text)) = reopen(folder.path()) else { panic!() };
    assert!(text.ends_with("has format 2; start the newer program that wrote it"), "{text}");
}

#[test]
fn damage_that_happens_while_the_program_runs_stops_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    write(folder.path(), &[3]);
    let store = open(folder.path()).store;
    flip(&folder.path().join("journal/00000000000000000001.log"), 24 + length_of(1) + 50);
    let mut seen = 0;
    let ended = store.replay(0, &mut |_| {
        seen += 1;
        Ok(())
    });
    let Err(StoreError::Corrupt(text)) = ended else { panic!("{ended:?}") };
    assert!(text.contains("record 2 was whole at the start and is not now"), "{text}");
    assert_eq!(seen, 1);
}
