//! What lies between a commit that was allowed and the one where the change stands.

use folkops_model::{Difference, Sha, Touched};

use crate::fixture::{Repo, sha, web};

async fn between(repo: &Repo, from: &Sha, to: &Sha) -> Difference {
    repo.forge().await.compare(&web(), &repo.first, (from, to)).await.unwrap().unwrap()
}

fn paths(difference: &Difference) -> Vec<&str> {
    difference.paths.iter().flatten().map(String::as_str).collect()
}

#[tokio::test]
async fn a_rewritten_history_is_compared_tree_by_tree() {
    let repo = Repo::new();
    let allowed = repo.open(1, &[("README.md", "# Web\n"), ("src/main.rs", "one\nTWO\nthree\n")], "One");
    let files: &[(&str, &str)] = &[
        ("README.md", "# Web\n"),
        ("src/main.rs", "one\nTWO\nfour\n"),
        ("deploy/nginx/site.conf", "listen 80;\n"),
    ];
    let pushed = repo.open(1, files, "Another history");
    let difference = between(&repo, &allowed, &pushed).await;
    assert_eq!((&difference.from, &difference.to), (&allowed, &pushed));
    assert_eq!((difference.diff.files, difference.diff.lines()), (2, 3));
    assert_eq!(difference.diff.touched, [Touched::Code, Touched::Network].into());
    assert_eq!(paths(&difference), ["deploy/nginx/site.conf", "src/main.rs"]);
    assert!(difference.straight);
}

#[tokio::test]
async fn a_merge_within_the_change_is_no_straight_line_whatever_its_tree() {
    let repo = Repo::new();
    let allowed = repo.open(1, &[("a", "1")], "One");
    let main = repo.commit(&[("README.md", "later\n")], &[&repo.first], "Later");
    let pushed = repo.commit(&[("a", "1")], &[&allowed, &main], "Says that it took main in");
    let difference = between(&repo, &allowed, &pushed).await;
    assert_eq!((difference.diff.files, difference.straight), (0, false));
}

#[tokio::test]
async fn a_commit_that_is_gone_is_compared_with_nothing() {
    let repo = Repo::new();
    let pushed = repo.open(1, &[("a", "1")], "One");
    let gone = sha(&"9".repeat(40));
    let compared = repo.forge().await.compare(&web(), &repo.first, (&gone, &pushed)).await.unwrap();
    assert_eq!(compared, None);
}

#[tokio::test]
async fn what_is_no_file_or_too_much_is_not_named() {
    let repo = Repo::new();
    let allowed = repo.open(1, &[("a", "1")], "One");
    let link = repo.raw_tree(&[("120000", b"a", &repo.blob(b"/etc/passwd"))]);
    let link = repo.commit_tree(&link, &[&allowed], "A link");
    assert_eq!(between(&repo, &allowed, &link).await.paths, None);
    let names: Vec<String> = (0..51).map(|number| format!("docs/{number:02}.md")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let many = repo.commit(&many, &[&allowed], "Many");
    assert_eq!(between(&repo, &allowed, &many).await.paths, None);
}
