//! A stranger's change that is pushed to again and again, and what of it was allowed.
//!
//! Each commit carries a mark of its own into the program that is built from it, so that what ran is read from the
//! processes' own files and from every build that was ever kept, never from what the bot says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use folkops_demo::{Commit, push_fixup};
use folkops_world::{Journal, Setup};

/// The change's number.
pub(crate) const NUMBER: u32 = 41;
/// What a commit leaves in its program, before its own number.
const MARK: &str = "/* pushed ";

/// The change.
pub(crate) struct Change<'a> {
    setup: &'a Setup,
    /// The page's looks, as the change has them before anything is pushed.
    style: String,
    /// What it stands at.
    pub head: Pushed,
    /// The marks of the commits that somebody allowed.
    allowed: BTreeSet<u32>,
}

/// A commit that was pushed.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    /// What is found in the programs that are built from it.
    pub mark: u32,
    pub commit: Commit,
}

impl Pushed {
    /// As people read it.
    pub(crate) fn short(&self) -> &str {
        &self.commit.as_str()[..7]
    }
}

impl<'a> Change<'a> {
    /// The change, at a first commit with a mark.
    pub(crate) async fn marked(setup: &'a Setup) -> Self {
        let laid = setup.repositories.of_change(NUMBER).unwrap();
        let commit = laid.change(NUMBER).unwrap().clone();
        let style = git(&laid.path, &["show", &format!("{commit}:src/style.css")]);
        let mut change = Self { setup, style, head: Pushed { mark: 0, commit }, allowed: BTreeSet::new() };
        change.push().await;
        change
    }

    /// Its author pushes one more commit.
    pub(crate) async fn push(&mut self) {
        let mark = self.head.mark + 1;
        let style = format!("{}\n{MARK}{mark} */\n", self.style);
        let files: [(&str, &[u8]); 1] = [("src/style.css", style.as_bytes())];
        let commit = push_fixup(&self.repository(), NUMBER, "Mend it", &files).await.unwrap();
        self.head = Pushed { mark, commit };
    }

    /// A commit that nobody has allowed.
    pub(crate) async fn moves_to_unseen(&mut self) {
        if self.allowed.contains(&self.head.mark) {
            self.push().await;
        }
    }

    /// From now on what it stands at may run.
    pub(crate) fn allows(&mut self) {
        self.allowed.insert(self.head.mark);
    }

    /// The marks in the programs that run, by stack.
    pub(crate) fn runs(&self) -> BTreeSet<(String, u32)> {
        let running = self.setup.running().into_iter();
        let marked = running.flat_map(|one| {
            // A process that has ended meanwhile runs nothing.
            let program = fs::read(format!("/proc/{}/exe", one.pid)).unwrap_or_default();
            marks(&program).into_iter().map(move |mark| (one.stack.clone(), mark))
        });
        marked.collect()
    }

    /// Nothing that was not allowed runs, was ever built, or is on the default branch.
    pub(crate) fn runs_only_what_was_allowed(&self) {
        let strays = self.strays(&self.allowed);
        assert!(strays.is_empty(), "{strays:?} beside what was allowed: {:?}", self.allowed);
    }

    /// The marks of what runs, was ever built or is on the default branch, but for these.
    pub(crate) fn strays(&self, but: &BTreeSet<u32>) -> BTreeSet<u32> {
        let runs = self.runs().into_iter().map(|(_, mark)| mark);
        let merged = marks(git(&self.repository(), &["show", "main:src/style.css"]).as_bytes());
        runs.chain(self.built()).chain(merged).filter(|mark| !but.contains(mark)).collect()
    }

    /// The marks in every build that is kept; no process runs anything else.
    fn built(&self) -> BTreeSet<u32> {
        let builds = fs::read_dir(self.setup.state().join("run/builds")).unwrap();
        let programs = builds.filter_map(|build| fs::read(build.unwrap().path().join("potluck-web")).ok());
        programs.flat_map(|program| marks(&program)).collect()
    }

    /// What is in the record now.
    pub(crate) async fn journal(&self) -> Journal {
        Journal::copied(&self.setup.state()).await
    }

    fn repository(&self) -> PathBuf {
        self.setup.repositories.of_change(NUMBER).unwrap().path.clone()
    }
}

/// Every mark in a program or a text.
fn marks(bytes: &[u8]) -> BTreeSet<u32> {
    let found = bytes.windows(MARK.len()).enumerate().filter(|(_, part)| *part == MARK.as_bytes());
    let number = |at: usize| {
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    found.map(|(at, _)| number(at + MARK.len())).collect()
}

fn git(repository: &Path, words: &[&str]) -> String {
    let said = Command::new("git").arg("-C").arg(repository).args(words).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}
