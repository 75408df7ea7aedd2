//! Tests against real files, traced files and lying disks.

mod contract;
mod world;
