//! What goes wrong on the workbench: a sentence for the person at the terminal.
//!
//! Nobody handles these by kind, so there is one kind. It must always say what to do next where
//! there is something to do.

use std::fmt;

/// The result of a command of the workbench.
pub type Outcome<T = ()> = Result<T, Trouble>;

/// One sentence: what failed, and the next step.
#[derive(Debug)]
pub struct Trouble(String);

impl Trouble {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For `map_err`: puts what was being done in front of what the system said.
    pub fn during<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{doing}: {error}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
