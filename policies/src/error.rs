//! What is wrong with policies, said with file, line and a sentence.

use std::fmt;

/// One thing that is wrong in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file's name as it was given.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and where it helps, what would be right.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.sentence)
    }
}

/// Why there is no judge, or why the old policies stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The declared commands make no schema, such as two of one name. A fault of the program, not of a file.
    #[error("the commands cannot be declared to policy: {0}")]
    Declarations(String),
    /// The policies are refused; nothing was replaced. At least one finding, in order of file and line.
    #[error("the policies are refused, and those in force stay; mend these and load again:\n{}", lines(.0))]
    Refused(Vec<Finding>),
}

impl PolicyError {
    pub(crate) fn declarations(error: impl fmt::Display) -> Self {
        Self::Declarations(error.to_string())
    }
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

/// The line of a byte offset, counted from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
