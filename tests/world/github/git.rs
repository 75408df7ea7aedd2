//! The real repositories behind this world, and what GitHub does to them when it merges.
//!
//! git is given nothing of this machine but its executable: no configuration, no hook, no editor.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::pull::Method;

const ENVIRONMENT: [(&str, &str); 5] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_EDITOR", "true"),
    ("LC_ALL", "C"),
];

/// One bare repository.
#[derive(Debug, Clone)]
pub(crate) struct Bare(pub PathBuf);

/// Who commits, and when.
pub(crate) struct Committer {
    pub login: String,
    /// In seconds.
    pub at: i64,
}

/// A commit as the API tells it.
pub(crate) struct Commit {
    pub sha: String,
    pub tree: String,
    pub parents: Vec<String>,
    pub author: [String; 3],
    pub message: String,
}

impl Bare {
    /// Where something points, as a commit.
    pub fn commit_of(&self, name: &str) -> Option<String> {
        self.said(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).ok()
    }

    /// Every reference below a prefix, and the commit that it points to.
    pub fn references(&self, prefix: &str) -> Vec<(String, String)> {
        let said =
            self.said(&["for-each-ref", "--format=%(refname) %(objectname)", prefix]).unwrap_or_default();
        let pair = |line: &str| line.split_once(' ').map(|(name, sha)| (name.to_owned(), sha.to_owned()));
        said.lines().filter_map(pair).collect()
    }

    /// Points a reference somewhere.
    pub fn point(&self, reference: &str, to: &str) {
        self.said(&["update-ref", reference, to]).unwrap();
    }

    /// Takes a reference away.
    pub fn forget(&self, reference: &str) {
        self.said(&["update-ref", "-d", reference]).unwrap();
    }

    /// A file at a commit: the name of its content, and the content.
    pub fn file(&self, at: &str, path: &str) -> Option<(String, Vec<u8>)> {
        let sha = self.said(&["rev-parse", "--verify", "--quiet", &format!("{at}:{path}")]).ok()?;
        let mut command = self.command();
        command.args(["cat-file", "blob", &sha]);
        let done = command.output().ok().filter(|done| done.status.success())?;
        Some((sha, done.stdout))
    }

    /// What a change does to a file, as GitHub shows it: from the first hunk on.
    pub fn patch(&self, base: &str, head: &str, path: &str) -> Option<String> {
        let said = self.said(&["diff", &format!("{base}...{head}"), "--", path]).ok()?;
        said.find("@@").map(|at| said[at..].to_owned())
    }

    pub fn commit(&self, name: &str) -> Option<Commit> {
        let sha = self.commit_of(name)?;
        let said = self.said(&["show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%B", &sha]).ok()?;
        let mut lines = said.splitn(6, '\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        Some(Commit {
            sha,
            tree: line(),
            parents: line().split_whitespace().map(str::to_owned).collect(),
            author: [line(), line(), line()],
            message: line(),
        })
    }

    /// The files between two commits' common ancestor and the second: status, lines added and taken, path.
    pub fn files(&self, base: &str, head: &str) -> Vec<(char, u64, u64, String)> {
        let range = format!("{base}...{head}");
        let diff = |how: &str| self.said(&["diff", "--no-renames", how, &range]).unwrap_or_default();
        let (status, count) = (diff("--name-status"), diff("--numstat"));
        let file = |(status, count): (&str, &str)| {
            let mut words = count.split('\t');
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let (added, taken) = (number(), number());
            (status.chars().next().unwrap(), added, taken, words.next().unwrap_or_default().to_owned())
        };
        status.lines().zip(count.lines()).map(file).collect()
    }

    /// Whether the two can be merged without a conflict.
    pub fn merges(&self, base: &str, head: &str) -> bool {
        self.said(&["merge-tree", "--write-tree", base, head]).is_ok()
    }

    /// Whether the second is behind the first or the same.
    pub fn contains(&self, later: &str, earlier: &str) -> bool {
        self.said(&["merge-base", "--is-ancestor", earlier, later]).is_ok()
    }

    /// Where two parted.
    pub fn common(&self, one: &str, other: &str) -> Option<String> {
        self.said(&["merge-base", one, other]).ok()
    }

    /// The commits after one, up to another, oldest first.
    pub fn since(&self, one: &str, other: &str) -> Vec<String> {
        let said = self.said(&["rev-list", "--reverse", &format!("{one}..{other}")]).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    /// Merges a head into a branch as GitHub does; the branch's new commit, or nothing where it conflicts.
    pub fn merge(
        &self,
        (branch, head): (&str, &str),
        method: Method,
        message: &str,
        by: &Committer,
    ) -> Option<String> {
        let base = self.commit_of(&format!("refs/heads/{branch}"))?;
        let merged = match method {
            Method::Rebase => self.rebased(&base, head, by)?,
            Method::Merge => self.united(&[&base, head], (&base, head), message, by)?,
            Method::Squash => self.united(&[&base], (&base, head), message, by)?,
        };
        self.said(&["update-ref", &format!("refs/heads/{branch}"), &merged, &base]).ok()?;
        Some(merged)
    }

    fn united(
        &self,
        parents: &[&str],
        (base, head): (&str, &str),
        message: &str,
        by: &Committer,
    ) -> Option<String> {
        let tree = self.said(&["merge-tree", "--write-tree", base, head]).ok()?;
        let mut command = by.commits(self.command());
        command.args(["commit-tree", &tree, "-m", message]);
        command.args(parents.iter().flat_map(|parent| ["-p", parent]));
        answer(command).ok()
    }

    fn rebased(&self, base: &str, head: &str, by: &Committer) -> Option<String> {
        self.worked(head, by, |_, git| git(&["rebase", "--quiet", base]))
    }

    /// Puts a file on a branch; the branch's new commit.
    pub fn put(&self, branch: &str, (path, text): (&str, &str), by: &Committer) -> String {
        let before = self.commit_of(&format!("refs/heads/{branch}")).expect("a branch");
        let put = self.worked(&before, by, |work, git| {
            let file = work.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
            git(&["add", "--", path])?;
            git(&["commit", "--quiet", "-m", &format!("Write {path}")])
        });
        let put = put.expect("a commit");
        self.point(&format!("refs/heads/{branch}"), &put);
        put
    }

    /// Some things want a work tree; they have one of their own for a moment. Gives the commit that it ends at.
    fn worked(
        &self,
        at: &str,
        by: &Committer,
        work: impl FnOnce(&Path, &dyn Fn(&[&str]) -> Result<String, String>) -> Result<String, String>,
    ) -> Option<String> {
        let folder = TempDir::new().unwrap();
        let place = folder.path().join("work");
        self.said(&["worktree", "add", "--quiet", "--detach", place.to_str()?, at]).ok()?;
        let inside = |arguments: &[&str]| {
            let mut command = by.commits(plain());
            command.arg("-C").arg(&place).args(arguments);
            answer(command)
        };
        let done = work(&place, &inside).and_then(|_| inside(&["rev-parse", "HEAD"])).ok();
        self.said(&["worktree", "remove", "--force", place.to_str()?]).unwrap();
        done
    }

    fn said(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command();
        command.args(arguments);
        answer(command)
    }

    fn command(&self) -> Command {
        let mut command = plain();
        command.env("GIT_DIR", &self.0);
        command
    }

    /// Its folder's name without `.git`.
    pub fn name(&self) -> &str {
        Path::new(&self.0).file_stem().and_then(|name| name.to_str()).unwrap()
    }
}

impl Committer {
    fn commits(&self, mut command: Command) -> Command {
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), &self.login);
            command.env(format!("GIT_{role}_EMAIL"), format!("{}@users.noreply.github.example", self.login));
            command.env(format!("GIT_{role}_DATE"), format!("@{} +0000", self.at));
        }
        command
    }
}

fn plain() -> Command {
    let mut command = Command::new("git");
    command.envs(ENVIRONMENT).env_remove("GIT_DIR").stdin(Stdio::null());
    command.args(["-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"]);
    command
}

fn answer(mut command: Command) -> Result<String, String> {
    let done = command.output().expect("git is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}
