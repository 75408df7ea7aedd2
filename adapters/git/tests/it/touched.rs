//! Which paths a change touches, and which file the default branch has first.

use crate::fixture::{Repo, web};

#[tokio::test]
async fn a_change_touches_what_it_made_took_away_and_renamed_under_both_names() {
    let repo = Repo::new();
    let head = repo.open(
        1,
        &[("README.md", "# Web\n"), ("lib/main.rs", "one\ntwo\nthree\n"), ("a b/\u{e9}", "x")],
        "D",
    );
    let touched = repo.forge().await.touched(&web(), (&repo.main(), &head)).await.unwrap();
    assert_eq!(
        touched.iter().map(String::as_str).collect::<Vec<_>>(),
        ["a b/\u{e9}", "lib/main.rs", "src/main.rs"]
    );
}

#[tokio::test]
async fn what_came_to_the_default_branch_meanwhile_is_not_the_change_s() {
    let repo = Repo::new();
    let head = repo.open(1, &[("README.md", "# Other\n"), ("src/main.rs", "one\ntwo\nthree\n")], "D");
    let later = repo.commit(&[("README.md", "# Web\n"), ("later", "x")], &[&repo.first], "Later");
    repo.point("refs/heads/main", later.as_str());
    let touched = repo.forge().await.touched(&web(), (&repo.main(), &head)).await.unwrap();
    assert_eq!(Vec::from_iter(touched), ["README.md"]);
}

#[tokio::test]
async fn the_first_place_with_a_plain_file_on_the_default_branch_counts() {
    let repo = Repo::new();
    let places = [".github/O", "O", "docs/O"];
    let first = async || repo.forge().await.first_file((&web(), &repo.main()), &places, 10).await.unwrap();
    repo.open(1, &[("O", "a change's")], "D");
    assert_eq!(first().await, None);
    let blob = |text: &str| repo.blob(text.as_bytes());
    let place = |tree| repo.point("refs/heads/main", repo.commit_tree(&tree, &[&repo.first], "O").as_str());
    place(repo.tree(&[("docs/O", "third")]));
    assert_eq!(first().await.as_deref(), Some("third"));
    place(repo.tree(&[("O", "second"), ("docs/O", "third")]));
    assert_eq!(first().await.as_deref(), Some("second"));
    place(repo.tree(&[("O", "more than that"), ("docs/O", "third")]));
    assert_eq!(first().await.as_deref(), Some(""), "too large is empty, and the next place does not count");
    place(repo.raw_tree(&[("120000", b"O", &blob("docs/O"))]));
    assert_eq!(first().await, None, "a link is no file");
}
