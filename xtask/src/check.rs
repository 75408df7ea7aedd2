//! `cargo xtask check`: what a machine can say about the code without running it.

use std::path::Path;

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
    stages.run("format", || program::run(&mut cargo(["fmt", "--all", "--check"])));
    stages.run("tidy", || tidy::run(&[]));
    stages.run("clippy", || {
        let mut clippy = cargo_in(target, ["clippy", "--all-targets"]);
        program::run(clippy.args(selection).args(["--", "--deny", "warnings"]))
    });
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
