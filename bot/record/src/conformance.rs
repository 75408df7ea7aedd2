//! The promises of a store, as claims that every store is held to.
//!
//! Each claim works on fresh storage and opens it as often as it likes; opening again stands for a restart after a
//! clean stop. What survives an unclean one, each store must show by its own means. A claim that does not hold is told
//! in words, never by a panic, since this is library code.

use std::sync::Arc;

use futures::future::join_all;

use crate::store::{Entry, Position, RowChange, Rows, Store, StoreError};

/// What a claim comes to: nothing, or what was seen instead.
pub type Claim = Result<(), String>;

/// Holds a store to every claim. `fresh` gives new, empty storage each time, as a function that opens it; whoever
/// opens it has dropped what was opened before.
pub async fn run<Open>(fresh: impl Fn() -> Open) -> Claim
where
    Open: Fn() -> Result<Arc<dyn Store>, StoreError>,
{
    let named = |name: &'static str| move |error: String| format!("{name}: {error}");
    empty_storage_is_at_zero(&fresh()).map_err(named("empty storage is at zero"))?;
    entries_come_back(&fresh()).await.map_err(named("entries come back whole, in order, after a place"))?;
    the_position_survives(&fresh()).await.map_err(named("the position survives a restart"))?;
    a_lower_epoch_is_refused(&fresh()).await.map_err(named("a lower epoch is refused"))?;
    gaps_are_refused(&fresh()).await.map_err(named("gaps and overlaps are refused"))?;
    a_refusal_changes_nothing(&fresh()).await.map_err(named("a refusal changes nothing"))?;
    concurrent_appends_keep_their_order(&fresh())
        .await
        .map_err(named("concurrent appends keep their order"))?;
    a_visitor_may_stop(&fresh()).await.map_err(named("a visitor may stop a replay"))?;
    the_projection_follows(&fresh()).await.map_err(named("the projection follows"))?;
    the_projection_can_be_replaced(&fresh()).await.map_err(named("the projection can be replaced"))
}

macro_rules! claim {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(format!($($said)+));
        }
    };
}

type Opener<'a> = &'a dyn Fn() -> Result<Arc<dyn Store>, StoreError>;

fn empty_storage_is_at_zero(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    claim!(store.position() == Position::default(), "its position is {:?}", store.position());
    claim!(log(&*store, 0)?.is_empty(), "there are entries");
    let (applied, rows) = said(store.projection())?;
    claim!(applied == 0 && rows.is_empty(), "the projection follows {applied} with {} rows", rows.len());
    Ok(())
}

async fn entries_come_back(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    let written = [entry(1, 3, 1), entry(4, 4, 1), entry(5, 9, 2)];
    for entry in written.clone() {
        said(store.append(entry, Vec::new()).await)?;
    }
    for after in 0..=9 {
        let wanted: Vec<Entry> = written.iter().filter(|entry| entry.last > after).cloned().collect();
        let seen = log(&*store, after)?;
        claim!(seen == wanted, "after record {after} came {seen:?}");
    }
    drop(store);
    let seen = log(&*opened(open)?, 0)?;
    claim!(seen == written, "after a restart came {seen:?}");
    Ok(())
}

async fn the_position_survives(open: Opener<'_>) -> Claim {
    for (first, last, epoch) in [(1, 2, 1), (3, 3, 4), (4, 8, 4)] {
        let store = opened(open)?;
        said(store.append(entry(first, last, epoch), Vec::new()).await)?;
        claim!(
            store.position() == Position { sequence: last, epoch },
            "it is {:?} at once",
            store.position()
        );
        drop(store);
        let seen = opened(open)?.position();
        claim!(seen == Position { sequence: last, epoch }, "it is {seen:?} after a restart");
    }
    Ok(())
}

async fn a_lower_epoch_is_refused(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    said(store.append(entry(1, 1, 5), Vec::new()).await)?;
    said(store.append(entry(2, 2, 5), Vec::new()).await)?;
    let seen = store.append(entry(3, 3, 4), Vec::new()).await;
    claim!(seen == Err(StoreError::Fenced { current: 5, ours: 4 }), "it gave {seen:?}");
    drop(store);
    let seen = opened(open)?.append(entry(3, 3, 4), Vec::new()).await;
    claim!(seen == Err(StoreError::Fenced { current: 5, ours: 4 }), "it gave {seen:?} after a restart");
    Ok(())
}

async fn gaps_are_refused(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    for (first, last) in [(2, 2), (0, 1)] {
        let seen = store.append(entry(first, last, 1), Vec::new()).await;
        claim!(matches!(seen, Err(StoreError::Write(_))), "{first} to {last} in empty storage gave {seen:?}");
    }
    said(store.append(entry(1, 3, 1), Vec::new()).await)?;
    for (first, last) in [(3, 4), (5, 5), (1, 3), (4, 3)] {
        let seen = store.append(entry(first, last, 1), Vec::new()).await;
        claim!(matches!(seen, Err(StoreError::Write(_))), "{first} to {last} after 3 gave {seen:?}");
    }
    Ok(())
}

async fn a_refusal_changes_nothing(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    said(store.append(entry(1, 1, 2), vec![put("t/a", "kept")]).await)?;
    for bad in [entry(3, 3, 2), entry(2, 2, 1)] {
        let seen = store.append(bad, vec![put("t/a", "lost")]).await;
        claim!(seen.is_err(), "it was taken");
    }
    said(store.append(entry(2, 2, 2), vec![put("t/b", "kept")]).await)?;
    said(store.settle().await)?;
    let seen = log(&*store, 0)?;
    claim!(seen == [entry(1, 1, 2), entry(2, 2, 2)], "the log is {seen:?}");
    let seen = said(store.projection())?;
    claim!(seen == (2, rows(&[("t/a", "kept"), ("t/b", "kept")])), "the projection is {seen:?}");
    Ok(())
}

async fn concurrent_appends_keep_their_order(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    let written: Vec<Entry> = (1..=200).map(|first| entry(first, first, 1)).collect();
    let pending: Vec<_> = written.iter().map(|entry| store.append(entry.clone(), Vec::new())).collect();
    for ended in join_all(pending).await {
        said(ended)?;
    }
    let seen = log(&*store, 0)?;
    claim!(seen == written, "{} entries came back, or in another order", seen.len());
    drop(store);
    let seen = log(&*opened(open)?, 0)?;
    claim!(seen == written, "{} entries came back after a restart, or in another order", seen.len());
    Ok(())
}

async fn a_visitor_may_stop(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    for first in 1..=3 {
        said(store.append(entry(first, first, 1), Vec::new()).await)?;
    }
    let mut visited = 0;
    let stop = || StoreError::Read("enough".into());
    let ended = store.replay(0, &mut |entry| {
        visited += 1;
        if entry.last == 2 { Err(stop()) } else { Ok(()) }
    });
    claim!(ended == Err(stop()) && visited == 2, "it saw {visited} entries and ended with {ended:?}");
    Ok(())
}

async fn the_projection_follows(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    said(store.append(entry(1, 2, 1), vec![put("t/a", "1"), put("t/b", "1"), put("u/c", "")]).await)?;
    said(store.append(entry(3, 3, 1), vec![put("t/a", "2"), gone("t/b"), gone("t/never")]).await)?;
    said(store.settle().await)?;
    let wanted = (3, rows(&[("t/a", "2"), ("u/c", "")]));
    let seen = said(store.projection())?;
    claim!(seen == wanted, "it is {seen:?} at once");
    drop(store);
    let store = opened(open)?;
    let seen = said(store.projection())?;
    claim!(seen == wanted, "it is {seen:?} after a restart");
    said(store.append(entry(4, 4, 1), vec![put("t/b", "3")]).await)?;
    said(store.settle().await)?;
    let seen = said(store.projection())?;
    claim!(seen == (4, rows(&[("t/a", "2"), ("t/b", "3"), ("u/c", "")])), "it is {seen:?} after going on");
    Ok(())
}

async fn the_projection_can_be_replaced(open: Opener<'_>) -> Claim {
    let store = opened(open)?;
    said(store.append(entry(1, 4, 1), vec![put("t/a", "old"), put("t/b", "old")]).await)?;
    said(store.settle().await)?;
    said(store.reset_projection(4, rows(&[("t/a", "new"), ("t/c", "new")])))?;
    let wanted = (4, rows(&[("t/a", "new"), ("t/c", "new")]));
    let seen = said(store.projection())?;
    claim!(seen == wanted, "it is {seen:?} at once");
    drop(store);
    let seen = said(opened(open)?.projection())?;
    claim!(seen == wanted, "it is {seen:?} after a restart");
    Ok(())
}

fn opened(open: Opener<'_>) -> Result<Arc<dyn Store>, String> {
    said(open())
}

fn said<T>(result: Result<T, StoreError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn log(store: &dyn Store, after: u64) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    said(store.replay(after, &mut |entry| {
        entries.push(entry);
        Ok(())
    }))?;
    Ok(entries)
}

/// An entry whose bytes tell where it belongs; among them are the ones that text formats stumble over.
fn entry(first: u64, last: u64, epoch: u64) -> Entry {
    let bytes = [format!("records {first} to {last}").as_bytes(), &[0, b'\n', 0xff, b'"']].concat();
    Entry { first, last, epoch, bytes }
}

fn put(key: &str, value: &str) -> RowChange {
    RowChange { key: key.into(), value: Some(value.into()) }
}

fn gone(key: &str) -> RowChange {
    RowChange { key: key.into(), value: None }
}

fn rows(rows: &[(&str, &str)]) -> Rows {
    rows.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}
