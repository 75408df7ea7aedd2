//! What `folkops policy check` and `folkops policy test` say: findings, each with its place, and one line of sum.

use std::fmt;

use folkops_model::CommandSpec;

use crate::error::{Finding, PolicyError};
use crate::load::load;
use crate::read::Source;
use crate::schema::Vocabulary;

/// The outcome of a check or of a table of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in order of file and line.
    pub findings: Vec<Finding>,
    /// The sum of it in one line.
    pub summary: String,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        f.write_str(&self.summary)
    }
}

/// Whether these policies could be put in force beside these commands. Nothing is.
///
/// # Errors
/// `Declarations` when the commands make no schema.
pub fn check(specs: &[CommandSpec], sources: &[Source]) -> Result<Report, PolicyError> {
    let vocabulary = Vocabulary::declare(specs)?;
    match load(&vocabulary, sources) {
        Ok(loaded) => {
            let (rules, files) = (loaded.rules.len(), sources.len());
            let summary =
                format!("{rules} policies in {files} files are in order; policy set {}", loaded.hash);
            Ok(Report { findings: Vec::new(), summary })
        }
        Err(PolicyError::Refused(findings)) => {
            let found =
                if findings.len() == 1 { "1 finding".into() } else { format!("{} findings", findings.len()) };
            let summary = format!("{found}: these policies would be refused");
            Ok(Report { findings, summary })
        }
        Err(other) => Err(other),
    }
}
