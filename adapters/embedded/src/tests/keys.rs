//! The key store: what is sealed opens until it is erased, through power cuts too, and no key seals twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use folkops_model::Sealed;
use folkops_record::{Keyring, KeyringError};

use super::recorder::{Event, Fault, Loss, Recorder, after, lay};
use super::world::Dice;
use crate::disk::{Disk, Files};
use crate::keys::Keys;

fn open_on(disk: &dyn Disk, folder: &Path) -> Result<Keys, KeyringError> {
    Keys::open(disk, folder, Arc::new(Dice::default()), None)
}

fn open(folder: &Path) -> Keys {
    open_on(&Files, folder).unwrap()
}

#[test]
fn a_sealed_text_opens_also_after_a_restart_and_never_after_it_was_erased() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let (mira, jo) = (keys.seal("Mira").unwrap(), keys.seal("Jo").unwrap());
    assert_eq!(keys.open(&mira).as_deref(), Some("Mira"));
    keys.erase(&mira).unwrap();
    keys.erase(&mira).unwrap();
    assert_eq!(keys.open(&mira), None);
    drop(keys);
    let keys = open(folder.path());
    assert_eq!(keys.open(&mira), None);
    assert_eq!(keys.open(&jo).as_deref(), Some("Jo"));
}

#[test]
fn an_erased_key_is_nowhere_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let sealed = keys.seal("Mira").unwrap();
    let slot = usize::try_from(sealed.key).unwrap() * 64;
    let before = fs::read(folder.path().join("keys")).unwrap();
    let key = before[slot..slot + 32].to_vec();
    keys.erase(&sealed).unwrap();
    let bytes = fs::read(folder.path().join("keys")).unwrap();
    assert!(bytes[slot..slot + 64].iter().all(|byte| *byte == 0));
    assert!(!bytes.windows(16).any(|window| window == &key[..16]));
}

#[test]
fn no_key_seals_two_texts_not_even_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = BTreeSet::new();
    for texts in [1, 63, 1, 200, 5] {
        let keys = open(folder.path());
        for _ in 0..texts {
            assert!(seen.insert(keys.seal("x").unwrap().key));
        }
    }
    assert_eq!(seen.len(), 270);
}

#[test]
fn many_threads_that_seal_at_once_share_syncs_and_get_different_keys() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::<()>::new(folder.path(), Fault::None);
    let keys = open_on(&disk, folder.path()).unwrap();
    let before = disk.events().len();
    let seal = || (0..100).map(|n| keys.seal(&n.to_string()).unwrap()).collect::<Vec<_>>();
    let sealed: Vec<Sealed> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(seal)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(sealed.iter().map(|sealed| sealed.key).collect::<BTreeSet<_>>().len(), 800);
    let syncs = disk.events()[before..].iter().filter(|event| matches!(event, Event::Synced(_))).count();
    assert_eq!(syncs, 4, "64, 128, 256, 512 keys at a time");
}

#[test]
fn a_text_sealed_with_one_key_does_not_open_with_another_or_when_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let (mira, jo) = (keys.seal("Mira").unwrap(), keys.seal("Mira").unwrap());
    assert_ne!(mira.text, jo.text);
    assert!(!mira.text.contains('='));
    let text = |text: &str| Sealed { key: mira.key, text: text.into() };
    for bad in [jo.text.as_str(), "", "AAAA", "not base64!", &mira.text[1..]] {
        assert_eq!(keys.open(&text(bad)), None, "{bad}");
    }
    for key in [0, jo.key, 10_000, u64::MAX] {
        assert_eq!(keys.open(&Sealed { key, text: mira.text.clone() }), None);
        keys.erase(&Sealed { key: key.max(5_000), text: String::new() }).unwrap();
    }
}

#[test]
fn a_damaged_slot_or_header_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    keys.seal("Mira").unwrap();
    drop(keys);
    let path = folder.path().join("keys");
    let whole = fs::read(&path).unwrap();
    for byte in 0..128 + 40 {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let wanted = match byte / 64 {
            0 => "the header of `keys` is damaged".to_owned(),
            slot => format!("key {slot} at byte {} of `keys` is damaged", slot * 64),
        };
        assert_eq!(open_on(&Files, folder.path()).err(), Some(KeyringError::Io(wanted)));
        assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it is");
    }
}

/// What was promised: that a text opens, or that it never does again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Promise {
    Opens(Sealed, String),
    Erased(Sealed),
}

fn run(fault: Fault) -> Vec<Event<Promise>> {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::new(folder.path(), fault);
    for start in [0, 100, 200] {
        let keys = open_on(&disk, folder.path()).unwrap();
        for n in start..start + 70 {
            let text = format!("person {n}");
            let sealed = keys.seal(&text).unwrap();
            disk.promised(Promise::Opens(sealed.clone(), text));
            if n % 10 == 3 {
                keys.erase(&sealed).unwrap();
                disk.promised(Promise::Erased(sealed));
            }
        }
    }
    disk.events()
}

fn cut_everywhere(trace: &[Event<Promise>]) -> Result<usize, String> {
    let mut images = 0;
    for moment in 0..=trace.len() {
        // Slots are whole sectors, so what a disk writes of them ends with one: 50 of 100 is such a place.
        for loss in [Loss::Everything, Loss::Nothing, Loss::Behind(50), Loss::Ahead(50)] {
            let erasing =
                matches!(trace[..moment].last(), Some(Event::Wrote { bytes, .. }) if bytes.len() <= 64);
            if erasing && matches!(loss, Loss::Behind(_) | Loss::Ahead(_)) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            lay(&after(&trace[..moment], loss, loss), folder.path());
            kept(folder.path(), &trace[..moment])
                .map_err(|error| format!("after {moment}, {loss:?}: {error}"))?;
            images += 1;
        }
    }
    Ok(images)
}

fn kept(folder: &Path, past: &[Event<Promise>]) -> Result<(), String> {
    let keys = open_on(&Files, folder).map_err(|error| error.to_string())?;
    let fresh = keys.seal("fresh").map_err(|error| error.to_string())?;
    let promises =
        || past.iter().filter_map(|event| if let Event::Promised(p) = event { Some(p) } else { None });
    let erased: Vec<&Sealed> = promises()
        .filter_map(|promise| if let Promise::Erased(sealed) = promise { Some(sealed) } else { None })
        .collect();
    let mut opening =
        promises().filter_map(|p| if let Promise::Opens(s, t) = p { Some((s, t)) } else { None }).peekable();
    while let Some((sealed, text)) = opening.next() {
        let seen = keys.open(sealed);
        // The last one may be under erasure when the power goes.
        let may_be_gone = opening.peek().is_none() && seen.is_none();
        let wanted = if erased.contains(&sealed) { None } else { Some(text.as_str()) };
        if seen.as_deref() != wanted && !may_be_gone {
            return Err(format!("key {} opens {seen:?}, not {wanted:?}", sealed.key));
        }
        if fresh.key == sealed.key {
            return Err(format!("key {} seals twice", fresh.key));
        }
    }
    Ok(())
}

#[test]
fn every_power_cut_leaves_the_keys_that_were_handed_out_and_none_that_was_erased() {
    let images = cut_everywhere(&run(Fault::None)).unwrap();
    assert!(images >= 500, "only {images} images");
}

#[test]
fn a_key_store_on_a_lying_disk_is_found_out() {
    for fault in [Fault::SyncsLate, Fault::ForgetsNames] {
        let error = cut_everywhere(&run(fault)).unwrap_err();
        assert!(error.contains("opens None") || error.contains("seals twice"), "{fault:?}: {error}");
    }
}
