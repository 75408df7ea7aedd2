//! What the judge promises, over the shipped policies and over bad ones.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests: what cannot be had fails them")]

mod declared;
mod laws;
mod refusals;
mod reloading;
mod table;
mod words;
