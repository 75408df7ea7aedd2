//! The local target with the real wall and real processes.
//!
//! `bwrap` is taken from `$FOLKOPS_BWRAP` or from `PATH`; a machine without it fails these tests and says so.

#![cfg(test)]

mod building;
mod hostile;
mod running;
mod stacks;
mod world;
