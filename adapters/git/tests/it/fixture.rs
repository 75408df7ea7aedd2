//! A bare repository in a temporary folder, filled through git's plumbing, and a forge that serves it.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use folkops_git::{Limits, LocalForge, Settings, Signature};
use folkops_model::{ChangeNumber, ComponentName, Sha, TreeId};
use tempfile::TempDir;

/// A repository of the component `web` whose default branch holds one commit.
pub struct Repo {
    pub dir: TempDir,
    pub path: PathBuf,
    /// The first commit of the default branch.
    pub first: Sha,
}

/// The files of a commit: path and content.
pub type Files<'a> = &'a [(&'a str, &'a str)];

pub const FIRST: Files<'static> = &[("README.md", "# Web\n"), ("src/main.rs", "one\ntwo\nthree\n")];

pub fn web() -> ComponentName {
    ComponentName::parse("web").unwrap()
}

pub fn sha(text: &str) -> Sha {
    Sha::parse(text).unwrap()
}

impl Repo {
    pub fn new() -> Self {
        Self::with_branch("main")
    }

    pub fn with_branch(branch: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("web.git");
        let mut repo = Self { dir, path, first: sha(&"0".repeat(40)) };
        let path = repo.path.clone();
        repo.run(["init", "--quiet", "--bare", path.to_str().unwrap()], b"");
        repo.git(["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
        repo.first = repo.commit(FIRST, &[], "First");
        repo.point(&format!("refs/heads/{branch}"), repo.first.as_str());
        repo
    }

    pub async fn forge(&self) -> LocalForge {
        self.forge_with(Limits::ORDINARY).await
    }

    pub async fn forge_with(&self, limits: Limits) -> LocalForge {
        LocalForge::open(Settings { limits, ..self.settings() }).await.unwrap()
    }

    pub fn settings(&self) -> Settings {
        Settings {
            repositories: [(web(), self.path.clone())].into(),
            private: self.dir.path().join("private"),
            search_path: search_path(),
            deadline: Duration::from_secs(60),
            limits: Limits::ORDINARY,
            signature: Signature { name: "FolkOps".to_owned(), email: "folkops@example.org".to_owned() },
        }
    }

    /// Runs git on the repository, as a person with rights on it would; its output without the line's end.
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> String {
        self.feed(arguments, b"")
    }

    pub fn feed<const N: usize>(&self, arguments: [&str; N], input: &[u8]) -> String {
        let repository = format!("--git-dir={}", self.path.display());
        self.run([repository.as_str()].into_iter().chain(arguments), input)
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>, input: &[u8]) -> String {
        let mut command = self.command();
        let mut child = command.args(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.dir.path())
            .current_dir(self.dir.path());
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Mira")
                .env(format!("GIT_{role}_EMAIL"), "Mira@Example.org");
            command.env(format!("GIT_{role}_DATE"), "@1700000000 +0000");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn blob(&self, content: &[u8]) -> String {
        self.feed(["hash-object", "-w", "--stdin"], content)
    }

    /// A tree of exactly these entries, whatever git thinks of them: `(mode, name, id)`.
    pub fn raw_tree(&self, entries: &[(&str, &[u8], &str)]) -> TreeId {
        let mut body = Vec::new();
        for (mode, name, id) in entries {
            body.extend_from_slice(mode.as_bytes());
            body.push(b' ');
            body.extend_from_slice(name);
            body.push(0);
            body.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
        }
        let id = self.feed(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &body);
        TreeId::parse(&id).unwrap()
    }

    /// The tree of these ordinary files.
    pub fn tree(&self, files: Files<'_>) -> TreeId {
        let index = self.dir.path().join("index");
        let _ = std::fs::remove_file(&index);
        let entries: String = files
            .iter()
            .map(|(path, text)| format!("100644 {}\t{path}\n", self.blob(text.as_bytes())))
            .collect();
        let mut update = self.command();
        update.env("GIT_INDEX_FILE", &index).env("GIT_DIR", &self.path);
        let mut child = update.args(["update-index", "--add", "--index-info"]).spawn().unwrap();
        child.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        let mut write = self.command();
        write.env("GIT_INDEX_FILE", &index).env("GIT_DIR", &self.path).arg("write-tree");
        TreeId::parse(String::from_utf8(write.output().unwrap().stdout).unwrap().trim_end()).unwrap()
    }

    pub fn commit(&self, files: Files<'_>, parents: &[&Sha], message: &str) -> Sha {
        let tree = self.tree(files);
        self.commit_tree(&tree, parents, message)
    }

    pub fn commit_tree(&self, tree: &TreeId, parents: &[&Sha], message: &str) -> Sha {
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let person = "Mira <Mira@Example.org> 1700000000 +0000";
        self.raw_commit(&format!("tree {tree}\n{parents}author {person}\ncommitter {person}\n\n{message}"))
    }

    pub fn raw_commit(&self, text: &str) -> Sha {
        sha(&self.feed(["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes()))
    }

    /// Where the default branch stands.
    pub fn main(&self) -> Sha {
        Sha::parse(self.git(["rev-parse", "refs/heads/main"]).trim()).unwrap()
    }

    pub fn point(&self, reference: &str, to: &str) {
        self.git(["update-ref", reference, to]);
    }

    /// Opens a change of these files on the first commit.
    pub fn open(&self, number: u32, files: Files<'_>, message: &str) -> Sha {
        let head = self.commit(files, &[&self.first], message);
        self.point(&format!("refs/pull/{number}/head"), head.as_str());
        head
    }

    pub fn tree_of(&self, commit: &Sha) -> TreeId {
        TreeId::parse(&self.git(["rev-parse", &format!("{commit}^{{tree}}")])).unwrap()
    }

    /// A path inside the temporary folder where nothing is yet.
    pub fn fresh(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

pub fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

pub fn number(number: u32) -> ChangeNumber {
    ChangeNumber(number)
}

/// All paths below a folder, sorted, relative to it.
pub fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
