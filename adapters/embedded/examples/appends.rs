//! How many durable appends a second, beside how many `fdatasync` a second the same disk does in the same minute.
//!
//! `cargo run --release -p folkops-embedded --example appends -- [folder]`. It measures and claims nothing; the figure
//! to look at is the ratio, since a disk's syncs vary with its neighbours.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use folkops_embedded::{Config, open};
use folkops_model::ports::Entropy;
use folkops_record::{Entry, RowChange, Store};
use futures::future::BoxFuture;
use tokio::sync::Mutex;

type Failed = Box<dyn std::error::Error>;

/// Bytes of one entry: about five small records.
const ENTRY: usize = 1500;
const SPAN: Duration = Duration::from_secs(2);

struct Dice(AtomicU64);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        let throw = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(throw.into_iter().cycle()).for_each(|(byte, random)| *byte = random);
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent)?;
    let mut out = std::io::stdout().lock();
    for clients in [1, 8, 64] {
        let before = probe(folder.path())?;
        let (appends, at) = appends(folder.path(), clients).await?;
        let after = probe(folder.path())?;
        let syncs = (before + after) / 2.0;
        writeln!(
            out,
            "{clients:>3} clients: {appends:>7.0} appends/s, {syncs:>6.0} fdatasync/s beside: {:.1}x ({at} records)",
            appends / syncs
        )?;
    }
    let began = now();
    let store = open(config(folder.path()))?.store;
    let checked = began.elapsed();
    writeln!(out, "opened {} records in {checked:.0?}", store.position().sequence)?;
    Ok(())
}

/// How often a second an append of one entry's size can be synced, by itself.
fn probe(folder: &Path) -> Result<f64, Failed> {
    let path = folder.join("probe");
    let file: File = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let (began, mut syncs) = (now(), 0u32);
    while began.elapsed() < SPAN / 2 {
        file.write_all_at(&[b'x'; ENTRY], u64::from(syncs) * ENTRY as u64)?;
        file.sync_data()?;
        syncs += 1;
    }
    std::fs::remove_file(path)?;
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

async fn appends(folder: &Path, clients: usize) -> Result<(f64, u64), Failed> {
    let store = open(config(folder))?.store;
    let last = Arc::new(Mutex::new(store.position().sequence));
    let (began, start) = (now(), store.position().sequence);
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(store.clone(), last.clone()))).collect();
    for task in tasks {
        task.await??;
    }
    let appends = (store.position().sequence - start) as f64 / began.elapsed().as_secs_f64();
    Ok((appends, store.position().sequence))
}

async fn client(store: Arc<dyn Store>, last: Arc<Mutex<u64>>) -> Result<(), folkops_record::StoreError> {
    let began = now();
    while began.elapsed() < SPAN {
        let appended = submit(store.as_ref(), &mut *last.lock().await);
        appended.await?;
    }
    Ok(())
}

fn submit(store: &dyn Store, last: &mut u64) -> BoxFuture<'static, Result<(), folkops_record::StoreError>> {
    *last += 1;
    let entry = Entry { first: *last, last: *last, epoch: 1, bytes: vec![b'x'; ENTRY] };
    let row = |n: u64| RowChange { key: format!("operations/{n}"), value: Some(vec![b'y'; 300]) };
    store.append(entry, vec![row(*last), row(*last / 2)])
}

fn config(folder: &Path) -> Config {
    Config {
        folder: folder.join("state"),
        schema: "bench".into(),
        entropy: Arc::new(Dice(AtomicU64::new(1))),
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the time that really passes")]
fn now() -> Instant {
    Instant::now()
}
