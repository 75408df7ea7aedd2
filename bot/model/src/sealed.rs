//! Personal text at rest: sealed with a key of its own, so that destroying the key erases the text everywhere.
//!
//! The journal, the projections and the audit proofs hold only this form. Opening one needs the keyring; once the
//! key is gone, what remains is noise that still hashes the same.

use serde::{Deserialize, Serialize};

/// One sealed item of personal text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sealed {
    /// Which key in the key store opens it.
    pub key: u64,
    /// The ciphertext in unpadded base64 (ChaCha20-Poly1305; each key seals one item, so the nonce is zero).
    pub text: String,
}
