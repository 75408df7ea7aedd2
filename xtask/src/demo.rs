//! `cargo demo`: from a clean clone to the demonstration in one command.
//!
//! Makes sure of git and of the wall around strangers' code, builds the program without its heavy
//! adapters, and becomes it. It must never need root, change the system, or wait for a test build.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::places;
use crate::program;
use crate::stages::{say, timed};
use crate::tools::{self, Reach};
use crate::trouble::{Outcome, Trouble};

/// The heavy adapters (chat networks, clusters) are default features of the program.
const BUILD: [&str; 4] = ["build", "--package", "folkops", "--no-default-features"];

/// Builds, then turns this process into `folkops demo ARGUMENT…`; returns only if that fails.
pub fn run(arguments: &[String]) -> Outcome {
    if !program::succeeds(Command::new("git").arg("--version")) {
        return Err(Trouble::new(
            "the demo keeps its changes in git repositories: install `git`, then run it again",
        ));
    }
    let found = tools::provide(&[tools::BWRAP], Reach::Cache)?;
    let target = places::demo_target();
    say("building folkops (the first time this takes minutes, later seconds)");
    let (built, took) = timed(|| program::run(&mut program::cargo_in(&target, BUILD)));
    built?;
    say(&format!("built in {:.1} s", took.as_secs_f64()));

    // Replacing ourselves hands over the terminal: Ctrl-C reaches the program and nobody else.
    let wall = found.values().flat_map(|path| ["--bwrap".into(), path.clone().into_os_string()]);
    let error = Command::new(target.join("debug/folkops")).arg("demo").args(wall).args(arguments).exec();
    Err(Trouble::new(format!("cannot start the program that was just built: {error}")))
}
