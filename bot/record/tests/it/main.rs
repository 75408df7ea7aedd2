//! The record from outside: what its public face promises.

mod store;
