//! Stories: the program as it ships, driven through its surfaces and watched from outside.

mod failures;
mod guided_path;
mod patch;
mod two_people;

#[path = "../faults/mod.rs"]
mod faults;
