//! The projection as kept in sled: rows, and a stamp that says what they are.
//!
//! sled may lose, damage or refuse what it was given, and may panic on it; none of that may matter. So every call to
//! it is fenced, and the rows are believed only when the stamp fits: written for the same schema, the same number of
//! rows, and the same sum over their checksums. Otherwise they are forgotten, a broken folder is moved aside, and the
//! rows come from the journal again.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use folkops_record::Rows;
use serde::{Deserialize, Serialize};
use sled::{Batch, Db};

use crate::follower::Gulp;

/// Where the stamp lies: before all rows, whose keys are text without a NUL.
const STAMP: &[u8] = b"\0stamp";
/// sled's cache in bytes; rows are read once, at start.
const CACHE: u64 = 8 << 20;
/// sled's write buffer in bytes.
const BUFFER: usize = 512 << 10;
/// How many rows are put at once when all are replaced.
const CHUNK: usize = 1024;
/// How many broken folders are kept for somebody to look at.
const BROKEN: usize = 3;

/// The kept rows.
pub(crate) struct Projection {
    folder: PathBuf,
    schema: String,
    view: View,
}

enum View {
    /// It has followed the journal up to the stamp.
    Following(Db, Stamp),
    /// What is there cannot be used.
    Unusable(Db),
    /// sled failed. There is no projection until the next start.
    GivenUp,
}

/// What the rows are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    schema: String,
    /// The last record that they follow from.
    applied: u64,
    /// How many.
    rows: u64,
    /// The sum of their checksums, modulo 2^64.
    sum: u64,
}

impl Projection {
    /// Opens what is there, moves it aside when it is broken, and makes a new one then.
    pub(crate) fn open(folder: PathBuf, schema: String) -> Self {
        let view = open(&folder, &schema).or_else(|error| {
            set_aside(&folder, &error);
            open(&folder, &schema)
        });
        let mut projection = Self { folder, schema, view: View::GivenUp };
        match view {
            Ok(view) => projection.view = view,
            Err(error) => projection.give_up(&error),
        }
        projection
    }

    /// The rows and how far they follow; 0 and none when they cannot be believed.
    pub(crate) fn read(&mut self) -> (u64, Rows) {
        let View::Following(db, stamp) = &self.view else { return (0, Rows::new()) };
        match fenced(|| read(db, stamp)) {
            Ok(rows) => (stamp.applied, rows),
            Err(error) => {
                self.replace(&error);
                (0, Rows::new())
            }
        }
    }

    /// Forgets what is there and takes these rows.
    pub(crate) fn reset(&mut self, applied: u64, rows: Rows) {
        let (View::Following(db, _) | View::Unusable(db)) = &self.view else { return };
        let mut stamp = Stamp { schema: self.schema.clone(), applied, ..Stamp::default() };
        match fenced(|| reset(db, &mut stamp, rows)) {
            Ok(()) => self.view = View::Following(db.clone(), stamp),
            Err(error) => self.give_up(&error),
        }
    }

    /// Applies changes, all or none. What cannot be used stays so until it is replaced, unless there is nothing in it
    /// and these changes are the first ones of all.
    pub(crate) fn apply(&mut self, gulp: &Gulp) {
        let (db, mut stamp) = match &self.view {
            View::Following(db, stamp) if stamp.applied < gulp.last => (db, stamp.clone()),
            View::Unusable(db) if gulp.first == 1 && fenced(|| Ok(db.is_empty())) == Ok(true) => {
                (db, Stamp { schema: self.schema.clone(), ..Stamp::default() })
            }
            _ => return,
        };
        match fenced(|| apply(db, &mut stamp, gulp)) {
            Ok(()) => self.view = View::Following(db.clone(), stamp),
            Err(error) => self.give_up(&error),
        }
    }

    /// Lets go of sled, which writes what it still holds.
    pub(crate) fn close(self) {
        let closed = fenced(move || {
            drop(self.view);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "the projection did not close well; it is checked at the next start");
        }
    }

    fn replace(&mut self, error: &str) {
        self.view = View::GivenUp;
        set_aside(&self.folder, error);
        match open(&self.folder, &self.schema) {
            Ok(view) => self.view = view,
            Err(error) => self.give_up(&error),
        }
    }

    fn give_up(&mut self, error: &str) {
        tracing::error!(%error, "the projection stops until the next start, which reads the journal instead");
        self.view = View::GivenUp;
    }
}

impl Stamp {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(weight(key, value));
    }

    fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(weight(key, value));
    }
}

fn weight(key: &[u8], value: &[u8]) -> u64 {
    u64::from(crc32c::crc32c_append(crc32c::crc32c(key), value))
}

/// Runs something of sled's; whatever goes wrong in it, panics too, is an error in words.
fn fenced<T>(work: impl FnOnce() -> Result<T, Box<dyn std::error::Error>>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("sled has panicked".into()),
    }
}

fn open(folder: &Path, schema: &str) -> Result<View, String> {
    fenced(|| {
        await_release(folder)?;
        let config = sled::Config::new().path(folder).cache_capacity(CACHE).segment_size(BUFFER);
        let db = config.flush_every_ms(None).open()?;
        let stamp = match db.get(STAMP)? {
            Some(bytes) => serde_json::from_slice::<Stamp>(&bytes)?,
            None => return Ok(View::Unusable(db)),
        };
        Ok(if stamp.schema == schema { View::Following(db, stamp) } else { View::Unusable(db) })
    })
}

/// Waits until an earlier handle of this process is closed; sled closes its file a little after it says so. Other
/// processes are kept out by the folder's lock.
pub(crate) fn await_release(folder: &Path) -> std::io::Result<()> {
    match File::open(folder.join("db")) {
        Ok(file) => file.lock(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn read(db: &Db, stamp: &Stamp) -> Result<Rows, Box<dyn std::error::Error>> {
    let mut seen = Stamp { schema: stamp.schema.clone(), applied: stamp.applied, ..Stamp::default() };
    let mut rows = Rows::new();
    for row in db.iter() {
        let (key, value) = row?;
        if key.as_ref() != STAMP {
            seen.add(&key, &value);
            rows.insert(String::from_utf8(key.to_vec())?, value.to_vec());
        }
    }
    if seen == *stamp { Ok(rows) } else { Err("its rows are not the ones it was given".into()) }
}

fn reset(db: &Db, stamp: &mut Stamp, rows: Rows) -> Result<(), Box<dyn std::error::Error>> {
    // Without a stamp nothing is believed, so a crash from here on costs nothing but another reset.
    db.remove(STAMP)?;
    db.flush()?;
    db.clear()?;
    let mut batch = Batch::default();
    for (index, (key, value)) in rows.into_iter().enumerate() {
        stamp.add(key.as_bytes(), &value);
        batch.insert(key.into_bytes(), value);
        if index % CHUNK == CHUNK - 1 {
            db.apply_batch(std::mem::take(&mut batch))?;
        }
    }
    finish(db, batch, stamp)
}

fn apply(db: &Db, stamp: &mut Stamp, gulp: &Gulp) -> Result<(), Box<dyn std::error::Error>> {
    let mut batch = Batch::default();
    for (key, value) in &gulp.rows {
        if let Some(old) = db.get(key)? {
            stamp.remove(key.as_bytes(), &old);
        }
        match value {
            Some(value) => {
                stamp.add(key.as_bytes(), value);
                batch.insert(key.as_bytes(), value.as_slice());
            }
            None => batch.remove(key.as_bytes()),
        }
    }
    stamp.applied = gulp.last;
    finish(db, batch, stamp)
}

fn finish(db: &Db, mut batch: Batch, stamp: &Stamp) -> Result<(), Box<dyn std::error::Error>> {
    batch.insert(STAMP, serde_json::to_vec(stamp)?);
    db.apply_batch(batch)?;
    db.flush()?;
    Ok(())
}

/// Moves a broken folder out of the way; past the first few it is deleted instead.
fn set_aside(folder: &Path, error: &str) {
    let aside =
        (1..=BROKEN).map(|n| folder.with_extension(format!("broken-{n}"))).find(|path| !path.exists());
    let moved = match &aside {
        Some(path) => std::fs::rename(folder, path),
        None => std::fs::remove_dir_all(folder),
    };
    match moved {
        Ok(()) => {
            tracing::warn!(%error, ?aside, "the projection was broken and is made anew from the journal")
        }
        Err(failure) => {
            tracing::error!(%error, %failure, "the projection is broken and cannot be moved aside")
        }
    }
}
