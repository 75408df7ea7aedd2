//! A repository whose owner set every trap that git offers. Each trap would leave a canary file; none ever appears.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use folkops_git::{MergeCommit, Signature};
use folkops_model::Sha;

use crate::fixture::{Repo, below, number, search_path, web};

/// A repository with its traps, and two sides that touch the same file in different places.
struct Trapped {
    repo: Repo,
    canary: PathBuf,
    ours: Sha,
    theirs: Sha,
}

const ATTRIBUTES: &str = "* diff=evil merge=evil filter=evil ident text eol=crlf\n";

impl Trapped {
    fn new() -> Self {
        let repo = Repo::new();
        let canary = repo.fresh("canary");
        let base = [(".gitattributes", ATTRIBUTES), ("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")];
        let base = repo.commit(&base, &[&repo.first], "Base");
        let side =
            |text, message| repo.commit(&[(".gitattributes", ATTRIBUTES), ("f", text)], &[&base], message);
        let ours = side("one\n2\n3\n4\n5\n6\n7\n8\n9\n", "Ours");
        let theirs = side("1\n2\n3\n4\n5\n6\n7\n8\nnine\n", "Theirs");
        repo.point("refs/heads/main", ours.as_str());
        repo.point("refs/pull/1/head", theirs.as_str());
        let trapped = Self { repo, canary, ours, theirs };
        trapped.set_traps();
        trapped
    }

    fn set_traps(&self) {
        let trap = self.repo.fresh("trap");
        let script = format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", self.canary.display());
        let executable = |path: &PathBuf| {
            fs::write(path, &script).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        executable(&trap);
        let hooks = self.repo.path.join("hooks");
        fs::create_dir_all(&hooks).unwrap();
        for hook in
            ["reference-transaction", "update", "post-update", "post-merge", "pre-commit", "commit-msg"]
        {
            executable(&hooks.join(hook));
        }
        let info = self.repo.path.join("info");
        fs::create_dir_all(&info).unwrap();
        fs::write(info.join("attributes"), ATTRIBUTES).unwrap();
        let config = fs::read_to_string(self.repo.path.join("config")).unwrap();
        let traps = TRAPS.replace("TRAP", trap.to_str().unwrap());
        let folders = format!("[core]\n\thooksPath = {}\n", hooks.display());
        fs::write(self.repo.path.join("config"), config + &folders + &traps).unwrap();
    }

    fn sprung(&self) -> bool {
        self.canary.exists()
    }

    /// What git does in this repository when nobody takes care.
    fn careless(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.env_clear().env("PATH", search_path()).env("GIT_DIR", &self.repo.path).args(arguments);
        git.output().unwrap();
    }
}

const TRAPS: &str = r#"
[core]
    fsmonitor = TRAP
    pager = TRAP
    sshCommand = TRAP
    gitProxy = TRAP
    editor = TRAP
    askPass = TRAP
    alternateRefsCommand = TRAP
[diff]
    external = TRAP
[diff "evil"]
    command = TRAP
    textconv = TRAP
[merge]
    default = evil
    renames = false
[merge "evil"]
    driver = TRAP %A
[filter "evil"]
    clean = TRAP
    smudge = TRAP
    process = TRAP
    required = true
[alias]
    for-each-ref = !TRAP
    cat-file = !TRAP
    merge-tree = !TRAP
[commit]
    gpgSign = true
[gpg]
    program = TRAP
[log]
    showSignature = true
[credential]
    helper = TRAP
[protocol]
    allow = always
[protocol "ext"]
    allow = always
[remote "origin"]
    url = ext::TRAP
    promisor = true
    uploadpack = TRAP
[extensions]
    partialClone = origin
[fetch]
    recurseSubmodules = true
"#;

#[test]
fn the_traps_work_on_a_careless_git() {
    for arguments in [
        &["diff", "refs/heads/main", "refs/pull/1/head"][..],
        &["merge-tree", "--write-tree", "refs/heads/main", "refs/pull/1/head"],
        &["update-ref", "refs/heads/x", "refs/heads/main"],
        &["cat-file", "-p", "abababababababababababababababababababab"],
        &["cat-file", "--textconv", "refs/heads/main:f"],
    ] {
        let trapped = Trapped::new();
        trapped.careless(arguments);
        assert!(trapped.sprung(), "{arguments:?} sprang nothing, so this trap proves nothing");
    }
}

#[tokio::test]
async fn no_trap_is_sprung_and_every_answer_is_the_plain_one() {
    let trapped = Trapped::new();
    let Trapped { repo, ours, theirs, .. } = &trapped;
    let forge = repo.forge().await;

    let seen = forge.changes(&web()).await.unwrap();
    assert_eq!((seen.changes.len(), seen.refused.len()), (1, 0));
    assert_eq!(forge.head(&web(), number(1)).await.unwrap().as_ref(), Some(theirs));
    let diff = forge.diff(&web(), &seen.changes[0].base, theirs, 10_000).await.unwrap();
    assert!(diff.contains("\n-9\n+nine\n"), "{diff}");
    let tree = forge.merge_tree(&web(), ours, theirs).await.unwrap();
    let into = repo.fresh("source");
    forge.materialise(&web(), &tree, &into).await.unwrap();
    assert_eq!(below(&into), [".gitattributes", "f"]);
    assert_eq!(fs::read_to_string(into.join("f")).unwrap(), "one\n2\n3\n4\n5\n6\n7\n8\nnine\n");
    let by = Signature { name: "FolkOps".to_owned(), email: "folkops@example.org".to_owned() };
    let (onto, theirs) = (ours.clone(), theirs.clone());
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    let merge = MergeCommit { onto, theirs, tree, message: "Merge #1".to_owned(), by, at };
    let commit = forge.commit_merge(&web(), &merge).await.unwrap();
    forge.advance_default(&web(), ours, &commit).await.unwrap();
    assert_eq!(forge.default_head(&web()).await.unwrap().0, commit);

    assert!(!trapped.sprung(), "{}", fs::read_to_string(&trapped.canary).unwrap());
}

#[tokio::test]
async fn a_missing_object_is_an_error_and_is_not_fetched() {
    let trapped = Trapped::new();
    let repo = &trapped.repo;
    let absent = "ab".repeat(20);
    let tree = repo.raw_tree(&[("100644", b"a", &absent)]);
    let head = repo.raw_commit(&format!(
        "tree {tree}\nparent {}\nauthor M <m@x> 1 +0000\ncommitter M <m@x> 1 +0000\n\nLazy\n",
        trapped.ours
    ));
    fs::create_dir_all(repo.path.join("refs/pull/2")).unwrap();
    fs::write(repo.path.join("refs/pull/2/head"), format!("{head}\n")).unwrap();
    fs::create_dir_all(repo.path.join("refs/pull/3")).unwrap();
    fs::write(repo.path.join("refs/pull/3/head"), format!("{absent}\n")).unwrap();

    let forge = repo.forge().await;
    let seen = forge.changes(&web()).await.unwrap();
    assert_eq!(seen.changes.len(), 1);
    assert_eq!(seen.refused.len(), 2, "{:?}", seen.refused);
    assert!(forge.materialise(&web(), &tree, &repo.fresh("source")).await.is_err());
    assert!(!trapped.sprung(), "{}", fs::read_to_string(&trapped.canary).unwrap());
}

#[tokio::test]
async fn replaced_and_grafted_objects_deceive_nobody() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let honest = repo.open(1, &[("a", "honest\n")], "Honest");
    let evil = repo.commit(&[("a", "evil\n")], &[&repo.first], "Evil");
    let (tree, before) = (repo.tree_of(&honest), forge.changes(&web()).await.unwrap());
    repo.git(["replace", honest.as_str(), evil.as_str()]);
    repo.git(["replace", tree.as_str(), repo.tree_of(&evil).as_str()]);
    let old = repo.commit(&[("a", "old\n")], &[], "Pretended parent");
    fs::create_dir_all(repo.path.join("info")).unwrap();
    fs::write(repo.path.join("info/grafts"), format!("{honest} {old}\n")).unwrap();
    fs::write(repo.path.join("shallow"), format!("{honest}\n")).unwrap();

    assert_eq!(forge.changes(&web()).await.unwrap(), before);
    assert!(!forge.contains(&web(), &honest, &old).await.unwrap());
    assert!(forge.contains(&web(), &honest, &repo.first).await.unwrap());
    let into = repo.fresh("source");
    forge.materialise(&web(), &tree, &into).await.unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "honest\n");
}
