//! Merges as trees and commits.

use folkops_git::{MergeCommit, MergeError, Signature};
use folkops_model::Sha;

use crate::fixture::{Repo, sha, web};

fn two_sides(repo: &Repo) -> (Sha, Sha) {
    let ours = repo.commit(
        &[("README.md", "# Web\nours\n"), ("src/main.rs", "one\ntwo\nthree\n")],
        &[&repo.first],
        "O",
    );
    let theirs = repo.open(1, &[("README.md", "# Web\n"), ("src/main.rs", "zero\none\ntwo\nthree\n")], "T");
    (ours, theirs)
}

#[tokio::test]
async fn a_clean_merge_has_the_changes_of_both_sides() {
    let repo = Repo::new();
    let (ours, theirs) = two_sides(&repo);
    let tree = repo.forge().await.merge_tree(&web(), &ours, &theirs).await.unwrap();
    let expected = repo.tree(&[("README.md", "# Web\nours\n"), ("src/main.rs", "zero\none\ntwo\nthree\n")]);
    assert_eq!(tree, expected);
}

#[tokio::test]
async fn a_conflict_names_the_files_without_tricks() {
    let repo = Repo::new();
    let ours = repo.commit(&[("a\u{202e}b", "1\n"), ("same", "x\n")], &[&repo.first], "Ours");
    let theirs = repo.open(1, &[("a\u{202e}b", "2\n"), ("same", "x\n")], "Theirs");
    let error = repo.forge().await.merge_tree(&web(), &ours, &theirs).await.unwrap_err();
    assert!(matches!(&error, MergeError::Conflict { files } if *files == ["ab"]), "{error}");
    assert_eq!(
        error.to_string(),
        "both sides changed `ab`; the author must merge the default branch into the change"
    );
}

#[tokio::test]
async fn merging_what_is_contained_already_changes_nothing() {
    let repo = Repo::new();
    let head = repo.open(1, &[("a", "1\n")], "One");
    let tree = repo.forge().await.merge_tree(&web(), &head, &repo.first).await.unwrap();
    assert_eq!(tree, repo.tree_of(&head));
    assert_eq!(repo.forge().await.merge_tree(&web(), &head, &head).await.unwrap(), tree);
}

#[tokio::test]
async fn unrelated_histories_and_absent_commits_are_told_apart() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let unrelated = repo.commit(&[("a", "1\n")], &[], "Unrelated");
    let error = forge.merge_tree(&web(), &repo.first, &unrelated).await.unwrap_err();
    assert!(matches!(error, MergeError::Unrelated), "{error}");
    let error = forge.merge_tree(&web(), &repo.first, &sha(&"ab".repeat(20))).await.unwrap_err();
    assert!(error.to_string().contains("has no commit `abab"), "{error}");
}

#[tokio::test]
async fn the_same_merge_is_the_same_commit_and_moves_nothing() {
    let repo = Repo::new();
    let (ours, theirs) = two_sides(&repo);
    let forge = repo.forge().await;
    let merge = MergeCommit {
        tree: forge.merge_tree(&web(), &ours, &theirs).await.unwrap(),
        onto: ours.clone(),
        theirs: theirs.clone(),
        message: "Merge #1: größer\n\nAllowed by Jo.\n".to_owned(),
        by: Signature { name: "FolkOps".to_owned(), email: "folkops@example.org".to_owned() },
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    let references = repo.git(["for-each-ref"]);
    let commit = forge.commit_merge(&web(), &merge).await.unwrap();
    assert_eq!(forge.commit_merge(&web(), &merge).await.unwrap(), commit);
    assert_eq!(repo.git(["for-each-ref"]), references);
    let person = "FolkOps <folkops@example.org> 1767323045 +0000";
    assert_eq!(
        repo.git(["cat-file", "commit", commit.as_str()]),
        format!(
            "tree {}\nparent {ours}\nparent {theirs}\nauthor {person}\ncommitter {person}\n\n\
             Merge #1: größer\n\nAllowed by Jo.",
            merge.tree
        )
    );
}
