//! How large a change is and what kinds of files it touches, so that a maintainer knows what a look will cost.
//!
//! The kind is guessed from the path. Where several fit, the one that a reviewer must not miss wins, so that a
//! workflow under `docs/` is not taken for prose.

use std::collections::BTreeSet;

use folkops_model::{DiffSummary, Sha, Touched};

use crate::error::GitError;
use crate::repository::Repository;
use crate::text;

/// Bytes of git's list that are read; beyond, the change is too large to be summed up.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

/// The most paths that are named.
const MOST_PATHS: usize = 50;

/// Characters of the longest path that is named.
const LONGEST_PATH: usize = 200;

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

/// Files and folders that say what listens, is reached or is let through.
const NETWORK: [&str; 16] = [
    "nginx",
    "nginx.conf",
    "caddyfile",
    "haproxy.cfg",
    "envoy",
    "envoy.yaml",
    "traefik",
    "traefik.toml",
    "ingress",
    "ingress.yaml",
    "network",
    "networkpolicy.yaml",
    "networking",
    "firewall",
    "dns",
    "hosts",
];

/// Files and folders in which keys, passwords and tokens are kept.
const SECRETS: [&str; 16] = [
    ".env",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".ssh",
    ".aws",
    ".sops.yaml",
    "vault",
    "secret",
    "secrets",
    "credentials",
    "id_rsa",
    "id_ed25519",
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
        Ok(self.listed(base, head).await?.summary)
    }

    /// The same, with the paths where they are few enough to be named.
    pub(crate) async fn listed(&self, base: &Sha, head: &Sha) -> Result<Listed, GitError> {
        let options = ["diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-ext-diff", "--no-textconv"];
        let arguments = options.into_iter().chain([base.as_str(), head.as_str()]);
        let output = self.output(self.objects(arguments).limit(LIST_LIMIT)).await?;
        Ok(sum(&String::from_utf8_lossy(&output)))
    }
}

/// What lies between two commits.
pub(crate) struct Listed {
    pub(crate) summary: DiffSummary,
    /// Old names and new ones; nothing where there are more than [`MOST_PATHS`], one that cannot be written, or something
    /// other than a file.
    pub(crate) paths: Option<BTreeSet<String>>,
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
fn sum(list: &str) -> Listed {
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
    Listed { summary, paths: named(&files) }
}

/// The paths of these files, where all of them can be named.
fn named(files: &[File<'_>]) -> Option<BTreeSet<String>> {
    let all = || files.iter().flat_map(|file| [Some(file.path), file.old_path]).flatten();
    let plain = |path: &str| !path.contains('\u{fffd}') && text::line(path, LONGEST_PATH) == path;
    // What was removed has no mode any more.
    let are_files = files.iter().all(|file| ["100644", "100755", "000000"].contains(&file.mode));
    let few = are_files && all().count() <= MOST_PATHS && all().all(plain);
    few.then(|| all().map(str::to_owned).collect())
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
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let within = |names: &[&str]| parts.iter().any(|part| names.contains(part));
    match extension {
        _ if within(&CI) => Touched::Ci,
        _ if mode == "160000" || DEPENDENCIES.contains(&name) => Touched::Dependencies,
        "txt" if name.starts_with("requirements") => Touched::Dependencies,
        "pem" | "key" | "p12" | "pfx" | "jks" | "keystore" | "kdbx" | "age" | "gpg" => Touched::Secrets,
        _ if within(&SECRETS) || SECRETS.contains(&stem) || name.starts_with(".env.") => Touched::Secrets,
        "sql" => Touched::Migrations,
        _ if within(&["migrations", "migration", "migrate"]) => Touched::Migrations,
        "sh" | "bash" | "zsh" | "fish" | "ps1" | "bat" | "cmd" | "mk" => Touched::Scripts,
        _ if within(&NETWORK) || name.starts_with("docker-compose.") || name.starts_with("compose.y") => {
            Touched::Network
        }
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
            ("deploy/nginx/site.conf", "100644", Touched::Network),
            ("docker-compose.override.yml", "100644", Touched::Network),
            ("k8s/ingress.yaml", "100644", Touched::Network),
            (".env.production", "100644", Touched::Secrets),
            ("config/secrets.yaml", "100644", Touched::Secrets),
            ("tls/server.pem", "100644", Touched::Secrets),
            ("keys.rs", "100644", Touched::Code),
            ("notes.md", "100755", Touched::Scripts),
            ("build.rs", "100644", Touched::Scripts),
            (".CARGO/config.toml", "100644", Touched::Scripts),
            ("tools/run.sh", "100644", Touched::Scripts),
        ] {
            assert_eq!(kind(path, mode), expected, "{path} {mode}");
        }
    }
}
