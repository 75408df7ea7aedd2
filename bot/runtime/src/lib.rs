//! Where the program is put together: configuration, wiring, telemetry, the loops that run by themselves, shutdown.
//!
//! Everything may be depended on from here, and nothing depends on it but the binary.

mod admin;
mod build;
mod cli;
mod config;
mod crowd;
mod demo;
mod edge;
mod forge;
mod github;
mod guide;
mod hands;
mod init;
mod metrics;
mod news;
mod offline;
mod people;
mod policy;
mod ports;
mod prompt;
mod reconcile;
mod rollouts;
mod serve;
mod telemetry;
mod usage;

pub use cli::main;
