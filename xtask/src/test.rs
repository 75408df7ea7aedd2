//! `cargo xtask test`: everything that must hold, from a bare machine.
//!
//! Installs the tools once, checks, builds, and runs the tests last, so that a log ends with
//! cargo's own `test result:` lines. It must never be needed to prepare anything by hand.

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use crate::check;
use crate::places;
use crate::program::{self, cargo_in};
use crate::stages::{Stages, say};
use crate::tools::{self, Found, Reach, npm};
use crate::trouble::{Outcome, Trouble};

/// How far the long sweeps (crash points, push boundaries) go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    Sampled,
    Full,
}

/// What was asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    sweep: Sweep,
    /// Cargo's choice of packages: `--workspace`, or `-p CRATE` for each.
    selection: Vec<String>,
    /// Handed to the test programs as it is.
    filter: Vec<String>,
}

/// Runs all stages; fails if one of them failed.
pub fn run(arguments: &[String]) -> Outcome {
    let wanted = Wanted::parse(arguments)?;
    let target = places::test_target()?;
    let seed =
        env::var_os("FOLKOPS_SEED").map_or_else(fresh_seed, |seed| seed.to_string_lossy().into_owned());
    say("plan: tools, format, tidy, clippy, build, test");
    say(&format!(
        "build folder: {} · sweeps: {} · FOLKOPS_SEED={seed}",
        target.display(),
        wanted.sweep.name()
    ));

    let mut stages = Stages::default();
    let mut found = Found::new();
    stages.run("tools", || {
        found = tools::provide(tools::FOR_TESTS, Reach::System)?;
        found.extend(npm::provide(npm::FOR_TESTS, Reach::System)?);
        Ok(())
    });
    check::quick(&mut stages, &wanted.selection, &target);
    // The stories run the shipped program, which cargo builds for its own package's tests only.
    if wanted.has_stories() {
        stages.run("build", || {
            program::run(&mut cargo_in(&target, ["build", "--workspace", "--bin", "folkops"]))
        });
    }
    stages.run("test", || {
        let mut tests = cargo_in(&target, ["test", "--no-fail-fast"]);
        tests.args(&wanted.selection).arg("--").args(&wanted.filter).envs(found);
        tests.env("FOLKOPS_SWEEP", wanted.sweep.name()).env("FOLKOPS_SEED", &seed);
        program::run(tests.env("FOLKOPS_BIN", binary(&target)))
    });
    stages.end()
}

/// The program under test, as it ships but for the optimiser.
fn binary(target: &Path) -> PathBuf {
    target.join("debug/folkops")
}

fn fresh_seed() -> String {
    RandomState::new().build_hasher().finish().to_string()
}

impl Sweep {
    fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Full => "full",
        }
    }
}

impl Wanted {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut wanted = Self { sweep: Sweep::Sampled, selection: Vec::new(), filter: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--full" => wanted.sweep = Sweep::Full,
                "-p" | "--package" => {
                    let name = words
                        .next()
                        .ok_or_else(|| Trouble::new(format!("`{word}` wants the name of a crate")))?;
                    wanted.selection.extend(["--package".to_owned(), name.clone()]);
                }
                "--" => wanted.filter.extend(words.by_ref().cloned()),
                _ => {
                    return Err(Trouble::new(format!(
                        "`test` knows --full, -p CRATE and -- FILTER, not `{word}`"
                    )));
                }
            }
        }
        if wanted.selection.is_empty() {
            wanted.selection.push("--workspace".to_owned());
        }
        Ok(wanted)
    }

    fn has_stories(&self) -> bool {
        self.selection.iter().any(|word| word == "--workspace" || word == "folkops-tests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Wanted> {
        Wanted::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_arguments_everything_is_tested_and_sweeps_are_sampled() {
        let wanted = parse("").unwrap();
        assert_eq!(wanted.selection, ["--workspace"]);
        assert!(wanted.has_stories());
        assert_eq!(wanted.sweep, Sweep::Sampled);
    }

    #[test]
    fn packages_filter_and_full_are_understood() {
        let wanted = parse("--full -p one --package two -- name --exact").unwrap();
        assert_eq!(wanted.sweep, Sweep::Full);
        assert_eq!(wanted.selection, ["--package", "one", "--package", "two"]);
        assert!(!wanted.has_stories());
        assert_eq!(wanted.filter, ["name", "--exact"]);
    }

    #[test]
    fn an_unknown_word_is_named_with_what_is_known() {
        let said = parse("--fast").unwrap_err().to_string();
        assert_eq!(said, "`test` knows --full, -p CRATE and -- FILTER, not `--fast`");
        assert_eq!(parse("-p").unwrap_err().to_string(), "`-p` wants the name of a crate");
    }
}
