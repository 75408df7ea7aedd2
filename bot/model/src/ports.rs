//! The ports that every crate may need: clocks and randomness.
//!
//! They are parameters, never globals, so that a test or a replay decides what time it is and which dice fall.

use std::time::Duration;

use jiff::Timestamp;

/// Wall and monotonic time.
pub trait Clock: Send + Sync {
    /// Wall time in UTC; may jump.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment of this process; never goes back. For timeouts and rates.
    fn monotonic(&self) -> Duration;
}

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// Lower-case base32 without look-alikes (Crockford's alphabet), five bits a letter.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm',
    'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// Draws a word of `letters` random letters, five bits of entropy each.
pub fn random_word(entropy: &dyn Entropy, letters: usize) -> String {
    let mut bytes = vec![0u8; letters];
    entropy.fill(&mut bytes);
    bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).collect()
}
