//! Starts other programs and says in a sentence which one failed.
//!
//! Programs get an argument list, never a shell line.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::places;
use crate::trouble::{Outcome, Trouble};

/// The cargo that started us, in the root of the repository.
pub fn cargo<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.current_dir(places::root());
    command
}

/// As [`cargo`], building into `target`.
pub fn cargo_in<S: AsRef<str>>(target: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = cargo(arguments);
    command.env("CARGO_TARGET_DIR", target);
    command
}

/// Runs with our terminal; anything but success is trouble.
pub fn run(command: &mut Command) -> Outcome {
    let line = shown(command);
    let status = command.status().map_err(Trouble::during(format!("cannot start `{line}`")))?;
    if status.success() { Ok(()) } else { Err(Trouble::new(format!("`{line}` failed ({status})"))) }
}

/// Runs and returns what it printed; its errors go to our terminal.
pub fn output(command: &mut Command) -> Outcome<Vec<u8>> {
    let line = shown(command);
    let done = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(Trouble::during(format!("cannot start `{line}`")))?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(Trouble::new(format!("`{line}` failed ({})", done.status)))
    }
}

/// Whether it starts and succeeds; whatever it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
