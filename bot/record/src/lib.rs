//! The only way into storage.
//!
//! What happens is written as records; everything else is a fold over them. One `Ledger` orders all appends, checks
//! that the facts a decision read still hold, applies the folds and hands the bytes to a `Store`; only when these are
//! durable does it give back a `Recorded`, and only a `Recorded` lets anybody act. `Permitted` is the matching proof
//! for the step before: an intent or an effect can be drafted from nothing else.

pub mod conformance;
pub mod draft;
pub mod facts;
pub mod fold;
pub mod kinds;
pub mod ledger;
pub mod memory;
pub mod permit;
pub mod record;
pub mod seal;
pub mod store;
pub mod table;

pub use draft::{Draft, Note, Work};
pub use facts::{Facts, Read};
pub use fold::{Fold, Folds};
pub use kinds::{Accepted, Audience, Body, Decided, End, Reply, ReplyKey, RequestEnd, Settled, WaitsFor};
pub use ledger::{AppendError, Ledger, OpenError, Pending};
pub use permit::{Permitted, Refused};
pub use record::{DecodeError, Due, Record, Recorded};
pub use seal::{Keyring, KeyringError};
pub use store::{Entry, Position, RowChange, RowKey, Rows, Store, StoreError};
pub use table::{AnyTable, Key, Table};
