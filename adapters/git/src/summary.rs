//! How large a change is and what kinds of files it touches, so that a maintainer knows what a look will cost.
//!
//! The kind is guessed from the path. Where several fit, the one that a reviewer must not miss wins, so that a
//! workflow under `docs/` is not taken for prose.

use std::collections::BTreeSet;

use folkops_model::{DiffSummary, Sha, Touched};

use crate::error::GitError;
use crate::repository::Repository;

/// Bytes of git's list that are read; beyond, the change is too large to be summed up.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

/// Files that name what is fetched from elsewhere.
const DEPENDENCIES: [&str; 28] = [
    "cargo.toml",
    "cargo.lock",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "deno.json",
    "deno.lock",
    "go.mod",
    "go.sum",
    "pyproject.toml",
    "poetry.lock",
    "uv.lock",
    "pipfile",
    "pipfile.lock",
    "gemfile",
    "gemfile.lock",
    "composer.json",
    "composer.lock",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "flake.nix",
    "flake.lock",
    "mix.exs",
    ".gitmodules",
];

/// Files that are run while building or testing.
const SCRIPTS: [&str; 11] = [
    "makefile",
    "justfile",
    "dockerfile",
    "containerfile",
    "build.rs",
    "setup.py",
    "rakefile",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".envrc",
    "cmakelists.txt",
];

/// Files and folders that a forge or a build service obeys.
const CI: [&str; 14] = [
    ".github",
    ".gitlab",
    ".gitlab-ci.yml",
    ".circleci",
    ".forgejo",
    ".gitea",
    ".woodpecker",
    ".woodpecker.yml",
    ".buildkite",
    ".ci",
    ".travis.yml",
    "jenkinsfile",
    "azure-pipelines.yml",
    ".drone.yml",
];

impl Repository<'_> {
    /// Sums up what lies between two commits. Renames count as one file.
    pub(crate) async fn summary(&self, base: &Sha, head: &Sha) -> Result<DiffSummary, GitError> {
        let options = ["diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-ext-diff", "--no-textconv"];
        let arguments = options.into_iter().chain([base.as_str(), head.as_str()]);
        let output = self.output(self.objects(arguments).limit(LIST_LIMIT)).await?;
        Ok(sum(&String::from_utf8_lossy(&output)))
    }
}

/// One file of the list.
struct File<'a> {
    mode: &'a str,
    path: &'a str,
    /// Where it was before a rename.
    old_path: Option<&'a str>,
}

/// Reads `--raw --numstat -z`: first `:old-mode new-mode old-id new-id status` and the path for each file; then
/// `added TAB removed TAB path`. A rename gives two paths, in the second list after an empty one.
fn sum(list: &str) -> DiffSummary {
    let mut summary = DiffSummary::default();
    let mut files = Vec::new();
    let mut binary = BTreeSet::new();
    let mut fields = list.split('\0').filter(|field| !field.is_empty());
    while let Some(field) = fields.next() {
        if let Some(raw) = field.strip_prefix(':') {
            files.push(file(raw, &mut fields));
            continue;
        }
        let mut columns = field.splitn(3, '\t');
        let (added, removed) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let path = columns.next().filter(|path| !path.is_empty()).or_else(|| fields.by_ref().nth(1));
        if added == "-" {
            binary.insert(path.unwrap_or_default());
        }
        summary.added = summary.added.saturating_add(added.parse().unwrap_or(0));
        summary.removed = summary.removed.saturating_add(removed.parse().unwrap_or(0));
    }
    summary.files = u32::try_from(files.len()).unwrap_or(u32::MAX);
    summary.touched = files.iter().flat_map(|file| kinds(file, binary.contains(file.path))).collect();
    summary
}

/// A file of the first list, whose paths follow its header.
fn file<'a>(raw: &'a str, paths: &mut impl Iterator<Item = &'a str>) -> File<'a> {
    let mut columns = raw.split(' ');
    let mode = columns.nth(1).unwrap_or_default();
    let renamed = columns.nth(2).is_some_and(|status| status.starts_with(['R', 'C']));
    let first = paths.next().unwrap_or_default();
    let second = if renamed { paths.next() } else { None };
    match second {
        Some(path) => File { mode, path, old_path: Some(first) },
        None => File { mode, path: first, old_path: None },
    }
}

/// What a reviewer wants to know about one file, under its new and its old name.
fn kinds(file: &File<'_>, binary: bool) -> impl Iterator<Item = Touched> {
    let by_path = [Some(file.path), file.old_path].into_iter().flatten().map(|path| kind(path, file.mode));
    let by_path: Vec<Touched> = by_path.filter(|kind| !binary || *kind != Touched::Code).collect();
    by_path.into_iter().chain(binary.then_some(Touched::Binary))
}

fn kind(path: &str, mode: &str) -> Touched {
    let path = path.to_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let within = |names: &[&str]| parts.iter().any(|part| names.contains(part));
    match extension {
        _ if within(&CI) => Touched::Ci,
        _ if mode == "160000" || DEPENDENCIES.contains(&name) => Touched::Dependencies,
        "txt" if name.starts_with("requirements") => Touched::Dependencies,
        "sql" => Touched::Migrations,
        _ if within(&["migrations", "migration", "migrate"]) => Touched::Migrations,
        "sh" | "bash" | "zsh" | "fish" | "ps1" | "bat" | "cmd" | "mk" => Touched::Scripts,
        _ if mode == "100755" || within(&SCRIPTS) || within(&[".cargo", ".husky"]) => Touched::Scripts,
        "md" | "rst" | "adoc" | "txt" => Touched::Docs,
        "" if ["readme", "license", "licence", "copying", "notice", "authors"].contains(&name) => {
            Touched::Docs
        }
        _ => Touched::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_sorted_by_what_a_reviewer_must_not_miss() {
        for (path, mode, expected) in [
            ("src/main.rs", "100644", Touched::Code),
            ("docs/guide.md", "100644", Touched::Docs),
            ("README", "100644", Touched::Docs),
            ("docs/conf.py", "100644", Touched::Code),
            (".github/workflows/readme.md", "100644", Touched::Ci),
            ("web/package.json", "100644", Touched::Dependencies),
            ("requirements-dev.txt", "100644", Touched::Dependencies),
            ("vendor/thing", "160000", Touched::Dependencies),
            ("db/migrations/0001.py", "100644", Touched::Migrations),
            ("notes.md", "100755", Touched::Scripts),
            ("build.rs", "100644", Touched::Scripts),
            (".CARGO/config.toml", "100644", Touched::Scripts),
            ("tools/run.sh", "100644", Touched::Scripts),
        ] {
            assert_eq!(kind(path, mode), expected, "{path} {mode}");
        }
    }
}
