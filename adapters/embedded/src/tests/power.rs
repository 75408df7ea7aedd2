//! The power goes, at every moment of a recorded run and in every way: nothing that was acknowledged is lost, nothing
//! that was not is in the way, and a disk that lies is found out.

use std::path::Path;
use std::sync::Arc;

use folkops_record::{Entry, Store};
use futures::future::join_all;

use super::recorder::{Event, Fault, Image, LOSSES, Loss, Recorder, after, lay};
use super::world::{SMALL, entry_of, open_with};
use crate::disk::{Disk, Files};
use crate::journal::{Journal, Place, replay};

/// A promise here is the place of a record that was acknowledged.
type Trace = Vec<Event<u64>>;

const RECORDS: u64 = 41;

fn entry(place: u64) -> Entry {
    entry_of(place, 1 + place / 20)
}

/// A run with appends one by one, many at once, a restart, and more of them, over several segments.
async fn run(fault: Fault) -> Trace {
    let folder = tempfile::tempdir().unwrap();
    let disk = Recorder::new(folder.path(), fault);
    append(open_with(disk.clone(), folder.path(), "v1").unwrap().store, &disk, 1..=9, 1).await;
    append(open_with(disk.clone(), folder.path(), "v1").unwrap().store, &disk, 10..=RECORDS, 8).await;
    disk.events()
}

async fn append(
    store: Arc<dyn Store>,
    disk: &Recorder<u64>,
    places: std::ops::RangeInclusive<u64>,
    at_once: usize,
) {
    let places: Vec<u64> = places.collect();
    for together in places.chunks(at_once) {
        let ended = join_all(together.iter().map(|place| store.append(entry(*place), Vec::new()))).await;
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        disk.promised(*together.last().unwrap());
    }
}

fn place(disk: impl Disk + 'static, root: &Path) -> Place {
    Place { disk: Arc::new(disk), root: root.to_owned(), segment: SMALL }
}

fn read(root: &Path, until: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    replay(&place(Files, root), 0, until, &mut |entry| {
        entries.push(entry);
        Ok(())
    })
    .unwrap();
    entries
}

/// Opens the journal of an image and holds it to what was promised; gives what it did to the disk meanwhile.
fn survives(root: &Path, promised: u64) -> Result<(u64, Trace), String> {
    let disk = Recorder::new(root, Fault::None);
    let opened = Journal::open(place(disk.clone(), root)).map_err(|error| error.to_string())?;
    let reached = opened.position().sequence;
    if reached < promised {
        return Err(format!("it ends with record {reached}, but {promised} was acknowledged"));
    }
    let written: Vec<Entry> = (1..=reached).map(entry).collect();
    if read(root, reached) != written {
        return Err(format!("other records than were appended, up to {reached}"));
    }
    Ok((reached, disk.events()))
}

/// Goes on after a recovery, and stops and starts once more.
fn goes_on(root: &Path, reached: u64) -> Result<(), String> {
    let mut journal = Journal::open(place(Recorder::<()>::new(root, Fault::None), root))
        .map_err(|error| error.to_string())?;
    let next = entry(reached + 1);
    let length = u32::try_from(next.bytes.len()).unwrap();
    journal.write([(&next, length)].into_iter()).map_err(|error| error.to_string())?;
    drop(journal);
    survives(root, reached + 1).map(|_| ())
}

/// Cuts the power after every event in every way, and counts the ways.
fn cut_everywhere(trace: &[Event<u64>]) -> Result<usize, String> {
    let mut images = 0;
    for moment in 0..=trace.len() {
        let past = &trace[..moment];
        let promised = past.iter().rev().find_map(|event| match event {
            Event::Promised(place) => Some(*place),
            _ => None,
        });
        let promised = promised.unwrap_or(0);
        for loss in LOSSES {
            for witness in [Loss::Everything, Loss::Nothing] {
                let folder = tempfile::tempdir().unwrap();
                lay(&after(past, loss, witness), folder.path());
                let told = |error| {
                    format!("after event {moment} of {}, {loss:?}, mark {witness:?}: {error}", trace.len())
                };
                let (reached, _) = survives(folder.path(), promised).map_err(told)?;
                goes_on(folder.path(), reached).map_err(told)?;
                images += 1;
            }
        }
    }
    Ok(images)
}

#[tokio::test]
async fn every_power_cut_leaves_all_that_was_acknowledged_and_a_journal_that_goes_on() {
    let trace = run(Fault::None).await;
    let segments =
        trace.iter().filter(|event| matches!(event, Event::Named(path) if path.starts_with("journal/")));
    assert!(segments.count() >= 4, "the run is long enough to roll");
    let images = cut_everywhere(&trace).unwrap();
    assert!(images >= 1400, "only {images} images");
}

#[tokio::test]
async fn a_disk_that_acknowledges_before_it_syncs_is_found_out() {
    let error = cut_everywhere(&run(Fault::SyncsLate).await).unwrap_err();
    assert!(error.contains("was acknowledged"), "{error}");
}

#[tokio::test]
async fn a_disk_that_forgets_to_sync_the_folder_is_found_out() {
    let error = cut_everywhere(&run(Fault::ForgetsNames).await).unwrap_err();
    assert!(error.contains("was acknowledged"), "{error}");
}

#[tokio::test]
async fn a_second_power_cut_during_recovery_takes_nothing_that_the_first_one_left() {
    let trace = run(Fault::None).await;
    let mut images = 0;
    for moment in trace.len() - 40..=trace.len() {
        for first in [Loss::Nothing, Loss::Behind(50), Loss::Ahead(50)] {
            let folder = tempfile::tempdir().unwrap();
            let image = after(&trace[..moment], first, Loss::Everything);
            lay(&image, folder.path());
            let (reached, recovery) = survives(folder.path(), 0).unwrap();
            // After a mere crash of the process, what was not synced still is not; after a power cut, what is
            // there is there for good.
            let before = if let Loss::Nothing = first { trace[..moment].to_vec() } else { settled(&image) };
            for done in 0..=recovery.len() {
                let past = [before.as_slice(), &recovery[..done]].concat();
                for second in [Loss::Everything, Loss::Behind(50)] {
                    let folder = tempfile::tempdir().unwrap();
                    lay(&after(&past, second, Loss::Everything), folder.path());
                    let promised = if done == recovery.len() { reached } else { 0 };
                    let told =
                        |error| format!("after event {moment}, {first:?}, then {done}, {second:?}: {error}");
                    survives(folder.path(), promised).map_err(told).unwrap();
                    images += 1;
                }
            }
        }
    }
    assert!(images >= 1000, "only {images} images");
}

/// The files of an image as events that made them durable.
fn settled(image: &Image) -> Trace {
    let files = image.iter().flat_map(|(path, content)| {
        let named = Event::Named(path.clone());
        let wrote = content.clone().map(|bytes| Event::Wrote { path: path.clone(), offset: 0, bytes });
        let synced = Event::Synced(path.clone());
        let folder = Event::FolderSynced(path.parent().unwrap().to_owned());
        [Some(named), wrote, Some(synced), Some(folder)].into_iter().flatten()
    });
    files.collect()
}
