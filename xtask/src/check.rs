//! `cargo xtask check`: what a machine can say about the code without running it.

use std::path::Path;
use std::process::Command;

use crate::places;
use crate::program::{self, cargo, cargo_in};
use crate::stages::{Stages, say};
use crate::tidy;
use crate::trouble::{Outcome, Trouble};

/// Formatting, tidy, clippy and cargo-deny, all of them even if one fails.
pub fn run(arguments: &[String]) -> Outcome {
    if let Some(word) = arguments.first() {
        return Err(Trouble::new(format!("`check` takes no argument, and `{word}` is one")));
    }
    let mut stages = Stages::default();
    quick(&mut stages, &["--workspace".into()], &places::test_target()?);
    stages.run("deny", deny);
    stages.end()
}

/// The stages that `test` runs too; `selection` is cargo's own choice of packages.
pub fn quick(stages: &mut Stages, selection: &[String], target: &Path) {
    stages.run("format", format);
    stages.run("tidy", || tidy::run(&[]));
    stages.run("clippy", || {
        let mut clippy = cargo_in(target, ["clippy", "--all-targets"]);
        program::run(clippy.args(selection).args(["--", "--deny", "warnings"]))
    });
}

/// The commands are declared by a macro, through which `cargo fmt` does not see their files.
fn format() -> Outcome {
    let root = places::root();
    let seen = program::run(&mut cargo(["fmt", "--all", "--check"]));
    let files = std::fs::read_dir(root.join("commands/src"));
    let files = files.map_err(Trouble::during("cannot read the commands"))?.flatten().map(|file| file.path());
    let mut unseen = Command::new("rustfmt");
    program::run(unseen.arg("--check").args(files).current_dir(&root)).and(seen)
}

/// Licences, advisories and sources as `deny.toml` wants them.
fn deny() -> Outcome {
    if !program::succeeds(&mut cargo(["deny", "--version"])) {
        say(
            "cargo-deny is not installed, so licences and advisories go unchecked; `cargo install cargo-deny` adds it",
        );
        return Ok(());
    }
    program::run(&mut cargo(["deny", "check"]))
}
