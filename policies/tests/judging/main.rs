//! What the judge promises, over the shipped policies and over bad ones.

#![cfg(test)]

mod declared;
mod laws;
mod refusals;
mod reloading;
mod table;
mod words;
