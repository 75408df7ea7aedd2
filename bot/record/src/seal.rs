//! The port to the key store: seals personal text, opens it, and destroys keys.

use folkops_model::Sealed;

/// The key store cannot be trusted any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Reading or writing failed.
    #[error("the key store could not be used: {0}; mend the disk or restore `keys` beside the journal")]
    Io(String),
}

/// Seals and opens personal text, each item with a key of its own.
pub trait Keyring: Send + Sync {
    /// Seals a text with a fresh key. The key is durable before this returns, so that no record can name a key that
    /// a crash takes away.
    fn seal(&self, text: &str) -> Result<Sealed, KeyringError>;
    /// Opens a sealed text; `None` when its key was destroyed.
    fn open(&self, sealed: &Sealed) -> Option<String>;
    /// Destroys the key of an item: the text is gone, everywhere and for ever.
    fn erase(&self, sealed: &Sealed) -> Result<(), KeyringError>;
}
