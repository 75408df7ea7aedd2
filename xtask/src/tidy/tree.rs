//! What the rules look at: the files of the repository and the crates of its workspace.
//!
//! Read once, before the first rule. Build output and hidden folders are no part of it; links are
//! not followed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::source::Source;
use crate::places;
use crate::program::{self, cargo};
use crate::trouble::{Outcome, Trouble};

/// The files whose text is read; of all others only the path is known.
const TEXT: [&str; 7] = ["rs", "md", "toml", "cedar", "js", "css", "html"];
/// Folders that hold nothing written by hand. Names with a dot in front are left out anyway.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Everything a rule may know.
#[derive(Default)]
pub struct Tree {
    pub sources: Vec<Source>,
    /// Every file and folder from the root, `/` between names.
    pub paths: BTreeSet<String>,
    pub crates: Vec<Crate>,
}

/// One crate of the workspace.
pub struct Crate {
    pub name: String,
    /// Its folder from the root.
    pub folder: String,
    /// The crates of this workspace it depends on, in any way (also only for tests or building).
    pub needs: Vec<String>,
}

/// One place that a rule refuses.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// 1-based; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Tree {
    /// Reads the repository that this workbench belongs to.
    pub fn load() -> Outcome<Self> {
        let root = places::root();
        let mut tree = Self { crates: crates(&root)?, ..Self::default() };
        tree.walk(&root, "").map_err(Trouble::during("cannot read the repository"))?;
        Ok(tree)
    }

    /// The sources whose name ends so.
    pub fn ending(&self, end: &str) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(move |source| source.extension() == end)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else if TEXT.iter().any(|end| path.rsplit_once('.').is_some_and(|(_, found)| found == *end)) {
                self.sources.push(Source::new(path.clone(), fs::read_to_string(entry.path())?));
            }
            self.paths.insert(path);
        }
        Ok(())
    }
}

fn crates(root: &Path) -> Outcome<Vec<Crate>> {
    let printed =
        program::output(&mut cargo(["metadata", "--no-deps", "--format-version", "1", "--offline"]))?;
    let metadata: Value =
        serde_json::from_slice(&printed).map_err(Trouble::during("cannot read cargo's metadata"))?;
    let packages = metadata.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(packages.iter().filter_map(|package| one(package, root)).collect())
}

fn one(package: &Value, root: &Path) -> Option<Crate> {
    let manifest = Path::new(package.get("manifest_path")?.as_str()?);
    let folder = manifest.parent()?.strip_prefix(root).ok()?;
    let ours = |dependency: &&Value| dependency.get("path").is_some_and(Value::is_string);
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let needs = package.get("dependencies")?.as_array()?.iter().filter(ours).filter_map(name).collect();
    Some(Crate { name: name(package)?, folder: folder.to_string_lossy().into_owned(), needs })
}

impl Finding {
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }

    /// As a person and an editor read it.
    pub fn line(&self, rule: &str) -> String {
        let Self { path, line, message } = self;
        match line {
            0 => format!("{path}: {message} [{rule}]"),
            _ => format!("{path}:{line}: {message} [{rule}]"),
        }
    }
}

#[cfg(test)]
mod sample {
    use super::{Source, Tree};

    impl Tree {
        /// A small tree made of text, for the samples of the rules.
        pub fn of(files: &[(&str, &str)]) -> Self {
            let mut tree = Self::default();
            for (path, text) in files {
                tree.paths.insert((*path).to_owned());
                tree.sources.push(Source::new((*path).to_owned(), (*text).to_owned()));
            }
            tree
        }
    }
}
