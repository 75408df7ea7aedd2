//! The record as it is on disk, read from a copy, so that the program never notices.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use folkops_model::Sealed;
use folkops_model::ports::Entropy;
use folkops_record::Keyring;
use serde_json::Value;

/// What the journal holds.
pub struct Journal {
    /// Every record in order, as it is written: `sequence`, `operation`, `kind`, `body` and so on.
    pub records: Vec<Value>,
    /// Opens what people said.
    pub keyring: Arc<dyn Keyring>,
    _copy: tempfile::TempDir,
}

/// Reading draws nothing; whoever does gets no secret out of it.
struct NoDice;

impl Entropy for NoDice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Journal {
    /// Copies the record of a state folder and reads the copy.
    pub async fn copied(state: &Path) -> Self {
        let state = state.to_owned();
        tokio::task::spawn_blocking(move || Self::read(&state)).await.unwrap()
    }

    fn read(state: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        let (from, to) = (state.join("record"), copy.path().join("record"));
        fs::create_dir_all(to.join("journal")).unwrap();
        // The witness first and the keys last: what is copied later may hold more, never less, than it vouches for.
        copy_if_there(&from.join("synced"), &to.join("synced")).unwrap();
        for segment in fs::read_dir(from.join("journal")).unwrap() {
            let name = segment.unwrap().file_name();
            fs::copy(from.join("journal").join(&name), to.join("journal").join(&name)).unwrap();
        }
        copy_if_there(&from.join("keys"), &to.join("keys")).unwrap();
        let config =
            folkops_embedded::Config { folder: to, schema: "read".into(), entropy: Arc::new(NoDice) };
        let embedded = folkops_embedded::open(config).unwrap();
        let mut records = Vec::new();
        embedded
            .store
            .replay(0, &mut |entry| {
                records.extend(serde_json::from_slice::<Vec<Value>>(&entry.bytes).unwrap());
                Ok(())
            })
            .unwrap();
        Self { records, keyring: embedded.keyring, _copy: copy }
    }

    /// The records of one kind, such as `operation-decided`.
    pub fn every(&self, kind: &str) -> Vec<&Value> {
        self.records.iter().filter(|record| record["kind"] == kind).collect()
    }

    /// The records of one operation.
    pub fn of<'a>(&'a self, operation: &'a Value) -> impl Iterator<Item = &'a Value> {
        self.records.iter().filter(move |record| record["operation"] == *operation)
    }

    /// Words that a person said, from where they stand sealed.
    pub fn opened(&self, sealed: &Value) -> Option<String> {
        self.keyring.open(&serde_json::from_value::<Sealed>(sealed.clone()).ok()?)
    }
}

fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
