//! The pipeline: receive, parse, authorise, decide, journal, act, reply, recover.
//!
//! One direction, each stage taking what the previous one returned. Commands are injected; this crate knows none of
//! them. It decides nothing about permission itself (an `Authority` does) and does nothing in the world itself
//! (`Hands` do), and neither is asked before the record that allows it is durable.

pub mod admission;
pub mod cards;
pub mod command;
pub mod desk;
pub mod folds;
pub mod pipeline;
pub mod ports;
pub mod registry;
pub mod rights;
pub mod text;

pub use command::{Alert, Ask, Call, Command, Matter, Plan, Private, Progress, Step, Work};
pub use desk::{Addresses, Desk, Judged, MintedCode, MintedLink, hash_of, hex};
pub use folds::{
    Offer, Operation, OperationState, Operations, Outbox, People, Person, RequestState, Rooms, Scanned,
    TimelineItem, TimelineKey,
};
pub use folkops_record::memory::MemoryStore;
pub use folkops_record::{
    AnyTable, Audience, Body, Draft, Due, End, Entry, Facts, Fold, Folds, Keyring, KeyringError, Ledger,
    Note, Position, Read, Reply, ReplyKey, RowChange, Rows, Store, StoreError, WaitsFor,
};
pub use pipeline::{Engine, EngineParts, Inbound, Receipt, Rejected};
pub use ports::{Hands, Lookout, ReplySink, Rights, RightsSource, Unavailable, Unposted};
pub use registry::Registry;
pub use rights::{Scope, Standing};
