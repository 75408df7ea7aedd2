//! Named stages, each with its time; one that fails does not hide what the next would have said.
//!
//! Everything is said on standard error, so that standard output holds what the programs we start
//! print (CI reads the `test result:` lines there).

use std::time::{Duration, Instant};

use crate::trouble::{Outcome, Trouble};

/// Prints one line for the person at the terminal.
#[expect(clippy::print_stderr, reason = "the one place where the workbench speaks")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// Runs stages and remembers which ones failed.
#[derive(Default)]
pub struct Stages {
    failed: Vec<String>,
}

impl Stages {
    /// Runs one stage, prints its name before and its time after, and notes a failure.
    pub fn run(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        say(&format!("── {name}"));
        let (outcome, took) = timed(work);
        let seconds = took.as_secs_f64();
        match outcome {
            Ok(()) => say(&format!("── {name}: fine, {seconds:.1} s")),
            Err(trouble) => {
                say(&format!("── {name}: FAILED after {seconds:.1} s: {trouble}"));
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Trouble if any stage failed, with the names of all that did.
    pub fn end(self) -> Outcome {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(Trouble::new(format!("failed: {} (each says why above)", self.failed.join(", "))))
    }
}

/// Does the work and says how long it took.
#[expect(clippy::disallowed_methods, reason = "a stopwatch for a person; no decision hangs on it")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_is_named_at_the_end_and_the_next_one_still_runs() {
        let mut stages = Stages::default();
        let mut ran = false;
        stages.run("first", || Err(Trouble::new("broken")));
        stages.run("second", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert_eq!(stages.end().unwrap_err().to_string(), "failed: first (each says why above)");
    }

    #[test]
    fn without_a_failed_stage_the_end_is_fine() {
        let mut stages = Stages::default();
        stages.run("only", || Ok(()));
        assert!(stages.end().is_ok());
    }
}
