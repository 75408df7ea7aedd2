//! The disk by itself: how often a second it can make a small write durable, and how long one takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::watch::Watch;

/// About the size of a small record.
const WRITE: [u8; 200] = [b'x'; 200];

/// What the disk does by itself.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// Small appends, each made durable before the next, in a second.
    pub syncs: f64,
    /// The middle one's time in milliseconds.
    pub median_ms: f64,
}

/// Where benches keep what they write: on the disk that the person's cache is on, never in memory.
#[expect(clippy::disallowed_methods, reason = "a bench reads its environment itself")]
pub fn cache() -> PathBuf {
    let base = std::env::var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|_| std::env::var("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .expect("HOME or XDG_CACHE_HOME is set");
    let folder = base.join("folkops/bench");
    std::fs::create_dir_all(&folder).expect("the cache can be written");
    folder
}

/// Appends and syncs small writes to a file of its own in this folder, for this long.
pub fn probe(folder: &Path, lasting: Duration) -> Disk {
    let path = folder.join("probe");
    let file = File::create(&path).expect("the folder can be written");
    let began = Watch::start();
    let mut took = Vec::new();
    while began.shows() < lasting {
        let one = Watch::start();
        file.write_all_at(&WRITE, (took.len() * WRITE.len()) as u64).expect("the disk has room");
        file.sync_data().expect("the disk syncs");
        took.push(one.ms());
    }
    let syncs = took.len() as f64 / began.seconds();
    std::fs::remove_file(&path).expect("our own file can be removed");
    took.sort_by(f64::total_cmp);
    Disk { syncs, median_ms: took[took.len() / 2] }
}
