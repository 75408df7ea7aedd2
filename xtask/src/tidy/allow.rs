//! The written exceptions: `xtask/tidy-allow.toml`.
//!
//! An exception names one thing in one file and says why it must be so. One without a reason is
//! refused, and so is one that nothing needs any more.

use super::tree::{Finding, Tree};

/// Where exceptions are written.
pub const FILE: &str = "xtask/tidy-allow.toml";
/// A reason shorter than this (in bytes) is no sentence.
const SHORTEST_REASON: usize = 20;

/// One `[[allow]]`.
#[derive(Debug, PartialEq, Eq)]
pub struct Allowed {
    pub path: String,
    /// The function's name, or `file`.
    pub what: String,
}

/// The exceptions, and what is wrong with the file that lists them.
pub fn read(tree: &Tree) -> (Vec<Allowed>, Vec<Finding>) {
    let Some(source) = tree.sources.iter().find(|source| source.path == FILE) else {
        return Default::default();
    };
    let table = match source.text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => return (Vec::new(), vec![Finding::new(FILE, 0, error.to_string())]),
    };
    let entries = table.get("allow").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let (mut allowed, mut wrong) = (Vec::new(), Vec::new());
    for entry in &entries {
        match parse(entry) {
            Some(exception) => allowed.push(exception),
            None => wrong.push(Finding::new(
                FILE,
                0,
                format!("`{entry}` wants path, what and a reason in a sentence"),
            )),
        }
    }
    (allowed, wrong)
}

fn parse(entry: &toml::Value) -> Option<Allowed> {
    let text = |key: &str| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    text("reason").filter(|reason| reason.len() >= SHORTEST_REASON)?;
    Some(Allowed { path: text("path")?, what: text("what")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_read_and_one_without_a_reason_is_refused() {
        let text = "[[allow]]\npath = 'a.rs'\nwhat = 'f'\nreason = 'a table reads best in one piece'\n\
                    [[allow]]\npath = 'b.rs'\nwhat = 'g'\nreason = 'long'";
        let (allowed, wrong) = read(&Tree::of(&[(FILE, text)]));
        assert_eq!(allowed, [Allowed { path: "a.rs".into(), what: "f".into() }]);
        assert_eq!(wrong.len(), 1);
    }
}
