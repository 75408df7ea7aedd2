//! Logs and metrics. Neither ever holds a name, a word of a person, a token or a key.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// Sends log lines to the standard error stream, as configured.
pub fn start(log: &Log) -> Result<(), String> {
    let filter = log.filter.as_deref().unwrap_or("info");
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("`log.filter` cannot be used: {error}"))?;
    // Colours are for a terminal; in a file or a journal they would be control characters.
    let colours = std::io::stderr().is_terminal();
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = match log.format {
        LogFormat::Human => lines.compact().try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}
