//! From what somebody typed to a command's name and arguments, and nothing else.

pub mod grammar;
pub mod hygiene;

pub use grammar::{Line, Misread, Reading, read};
