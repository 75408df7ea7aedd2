//! What a person reads before allowing a change.

use crate::fixture::{Repo, web};

#[tokio::test]
async fn a_diff_shows_the_lines_and_spells_out_what_would_be_invisible() {
    let repo = Repo::new();
    let head = repo.open(
        1,
        &[("README.md", "# Web\n"), ("src/main.rs", "one\nif \u{202e}admin\u{1b}[0m\nthree\n")],
        "D",
    );
    let diff = repo.forge().await.diff(&web(), &repo.first, &head, 10_000).await.unwrap();
    assert!(diff.starts_with("diff --git a/src/main.rs b/src/main.rs\n"), "{diff}");
    assert!(diff.contains("\n-two\n+if <U+202E>admin<U+001B>[0m\n three\n"), "{diff}");
}

#[tokio::test]
async fn a_long_diff_is_cut_after_a_line_and_says_so() {
    let repo = Repo::new();
    let long: String = (0..100_000).map(|line| format!("line {line}\n")).collect();
    let head = repo.open(1, &[("big", &long)], "Big");
    let diff = repo.forge().await.diff(&web(), &repo.first, &head, 1000).await.unwrap();
    assert!(diff.ends_with("\n[cut here: the diff is longer than 1000 bytes]\n"), "{diff}");
    assert!(diff.len() < 1100, "{}", diff.len());
    assert!(diff.lines().rev().nth(1).unwrap().starts_with("+line "), "{diff}");
}
