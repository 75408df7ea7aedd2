//! What the program says at the prompt.
//!
//! A reader who has seen enough, as `folkops export | head` has, is no error: what is left goes unsaid.

use std::io::{ErrorKind, Write};

/// Says a text, with a line's end behind it.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = said.as_ref()
        && error.kind() != ErrorKind::BrokenPipe
    {
        tracing::warn!(%error, "the prompt cannot be written to");
    }
}
