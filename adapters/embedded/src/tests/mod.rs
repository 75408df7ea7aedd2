//! Tests against real files, traced files and lying disks.

mod contract;
mod damage;
mod full;
mod keys;
mod power;
mod recorder;
mod view;
mod world;
