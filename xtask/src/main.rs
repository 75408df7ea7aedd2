//! The workbench: `cargo xtask check | test | tidy | bench` and `cargo demo`.
//!
//! A clean clone needs no other tool than cargo to be tried, tested and measured; what a command
//! lacks it fetches itself, or names in one sentence. Nothing of the product may live here, and the
//! product may not depend on it.

use std::process::ExitCode;

mod bench;
mod check;
mod demo;
mod places;
mod program;
mod stages;
mod test;
mod tidy;
mod tools;
mod trouble;

use trouble::{Outcome, Trouble};

const USAGE: &str = "\
usage: cargo xtask <command>
  test [--full] [-p CRATE]… [-- FILTER…]   install what the tests need, check, run every test
  check                                    formatting, clippy, tidy, cargo deny (where installed)
  tidy                                     the rules of the house: arrows, headers, lengths, links…
  bench [--list] [NAME…]                   build for release and measure beside the peers
  demo [ARGUMENT…]                         build the program and open the demonstration";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            stages::say(&format!("xtask: {trouble}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Outcome {
    let Some((command, rest)) = words.split_first() else { return Err(Trouble::new(USAGE)) };
    match command.as_str() {
        "test" => test::run(rest),
        "check" => check::run(rest),
        "tidy" => tidy::run(rest),
        "bench" => bench::run(rest),
        "demo" => demo::run(rest),
        "help" | "--help" | "-h" => {
            stages::say(USAGE);
            Ok(())
        }
        other => Err(Trouble::new(format!("there is no command `{other}`\n{USAGE}"))),
    }
}
