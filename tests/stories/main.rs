//! Stories: the program as it ships, driven through its surfaces and watched from outside.

mod allowing;
mod deadlines;
mod deploys;
mod evidence;
mod failures;
mod github_guide;
mod guided_path;
mod hostile_lines;
mod links;
mod mirror;
mod news;
mod outages;
mod owners;
mod patch;
mod poison;
mod pull_requests;
mod release_branches;
mod starting;
mod two_people;
mod walls;

#[path = "../faults/mod.rs"]
mod faults;
