//! The key store: one key for each sealed text, in the file `keys` beside the journal.
//!
//! The file is an array of slots of 64 bytes, `key [32] · checksum u32 · zeros`, behind a header of the same size. A
//! slot never straddles a sector of the disk, so it is either written or not; one that is neither empty nor whole is
//! damage. Keys are drawn and synced many at a time before they are needed, so that most texts cost no sync; those
//! that a stop leaves unused are never used.
//!
//! Erasing overwrites the slot with zeros and syncs. It must never keep a key anywhere else; what a file system or a
//! disk keeps of old blocks, and backups, are the operator's to expire.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use folkops_model::Sealed;
use folkops_model::ports::Entropy;
use folkops_record::{Keyring, KeyringError};

use crate::disk::{Disk, DiskFile, FromOffset};
use crate::lock::Lock;

/// The name of the file.
pub(crate) const NAME: &str = "keys";
const SLOT: usize = 64;
const HEADER: &[u8; SLOT] = b"FOLKKEYS 1: one slot of 64 bytes for each key; zeros are erased\n";
/// How many keys are drawn the first time; each time after that twice as many, up to `MOST`.
const FEWEST: u64 = 64;
const MOST: u64 = 1024;

type Key = [u8; 32];
const ERASED: Key = [0; 32];

/// The keys of a folder.
pub(crate) struct Keys {
    entropy: Arc<dyn Entropy>,
    /// Every durable key, at its slot's number less one.
    keys: RwLock<Vec<Key>>,
    file: Mutex<KeyFile>,
    _lock: Option<Arc<Lock>>,
}

struct KeyFile {
    file: Box<dyn DiskFile>,
    /// Durable and not handed out.
    free: Range<u64>,
    /// How many to draw next.
    next: u64,
    failed: Option<KeyringError>,
}

impl Keys {
    /// Opens the key store, or makes an empty one, and checks every slot.
    pub(crate) fn open(
        disk: &dyn Disk,
        folder: &Path,
        entropy: Arc<dyn Entropy>,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self, KeyringError> {
        let file = disk.open(&folder.join(NAME)).map_err(failed)?;
        let bytes = FromOffset { file: file.as_ref(), offset: 0 }.rest().map_err(failed)?;
        if bytes.len() <= SLOT && bytes != HEADER {
            file.write_at(HEADER, 0).and_then(|()| file.sync()).map_err(failed)?;
        }
        disk.sync_folder(folder).map_err(failed)?;
        let keys = check(&bytes)?;
        let end = keys.len() as u64;
        let file = KeyFile { file, free: end..end, next: FEWEST, failed: None };
        Ok(Self { entropy, keys: RwLock::new(keys), file: Mutex::new(file), _lock: lock })
    }

    /// Hands out a key that is durable and was never handed out.
    fn draw(&self) -> Result<(u64, Key), KeyringError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.free.is_empty() {
            self.fill(&mut file)?;
        }
        let index = file.free.next().ok_or_else(|| KeyringError::Io("no key could be drawn".into()))?;
        Ok((index + 1, self.key(index + 1).unwrap_or(ERASED)))
    }

    fn fill(&self, file: &mut KeyFile) -> Result<(), KeyringError> {
        let mut fresh = vec![ERASED; usize::try_from(file.next).unwrap_or_default()];
        fresh.iter_mut().for_each(|key| self.entropy.fill(key));
        let start = file.free.end;
        file.write(&fresh.iter().flat_map(slot).collect::<Vec<u8>>(), start + 1)?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        file.free = start..start + file.next;
        file.next = (file.next * 2).min(MOST);
        Ok(())
    }

    /// The key of a slot; none when it was erased or never was.
    fn key(&self, slot: u64) -> Option<Key> {
        let index = usize::try_from(slot.checked_sub(1)?).ok()?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(index).copied().filter(|key| *key != ERASED)
    }
}

impl Keyring for Keys {
    fn seal(&self, text: &str) -> Result<Sealed, KeyringError> {
        let (slot, key) = self.draw()?;
        // INVARIANT: a key seals one text only, so the nonce may be constant.
        let sealed = ChaCha20Poly1305::new(&key.into()).encrypt(&Nonce::default(), text.as_bytes());
        let sealed = sealed.map_err(|_| KeyringError::Io("the text is too long to be sealed".into()))?;
        Ok(Sealed { key: slot, text: BASE64.encode(sealed) })
    }

    fn open(&self, sealed: &Sealed) -> Option<String> {
        let key = self.key(sealed.key)?;
        let bytes = BASE64.decode(&sealed.text).ok()?;
        let text = ChaCha20Poly1305::new(&key.into()).decrypt(&Nonce::default(), bytes.as_slice()).ok()?;
        String::from_utf8(text).ok()
    }

    fn erase(&self, sealed: &Sealed) -> Result<(), KeyringError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if self.key(sealed.key).is_none() {
            return Ok(());
        }
        file.write(&[0; SLOT], sealed.key)?;
        let index = usize::try_from(sealed.key - 1).unwrap_or(usize::MAX);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.get_mut(index).into_iter().for_each(|key| *key = ERASED);
        Ok(())
    }
}

impl KeyFile {
    /// Writes whole slots durably. After the first error nothing more is written.
    fn write(&mut self, bytes: &[u8], slot: u64) -> Result<(), KeyringError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let written = self.file.write_at(bytes, slot * SLOT as u64).and_then(|()| self.file.sync());
        written.map_err(|error| self.failed.insert(failed(error)).clone())
    }
}

fn failed(error: std::io::Error) -> KeyringError {
    KeyringError::Io(error.to_string())
}

fn slot(key: &Key) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    let fields = key.iter().copied().chain(crc32c::crc32c(key).to_le_bytes());
    bytes.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
    bytes
}

/// The keys of all whole slots. What is left over at the end is the beginning of a slot that was never handed out.
fn check(bytes: &[u8]) -> Result<Vec<Key>, KeyringError> {
    let mut slots = bytes.chunks_exact(SLOT);
    if slots.next().is_some_and(|header| header != HEADER) && bytes.len() > SLOT {
        return Err(KeyringError::Io("the header of `keys` is damaged".into()));
    }
    let keys = slots.enumerate().map(|(index, bytes)| {
        let key = bytes.first_chunk().copied().unwrap_or(ERASED);
        let whole = bytes == slot(&key) || bytes.iter().all(|byte| *byte == 0);
        whole.then_some(key).ok_or_else(|| {
            let (number, place) = (index + 1, (index + 1) * SLOT);
            KeyringError::Io(format!("key {number} at byte {place} of `keys` is damaged"))
        })
    });
    keys.collect()
}
