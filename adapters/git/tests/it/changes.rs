//! Which changes are seen, what is said about them, and which references are left alone.

use folkops_git::{GitError, author_id};
use folkops_model::{ObservedChange, Touched};

use crate::fixture::{FIRST, Repo, number, sha, web};

async fn only(repo: &Repo) -> ObservedChange {
    let seen = repo.forge().await.changes(&web()).await.unwrap();
    assert_eq!(seen.refused, []);
    let [change] = <[ObservedChange; 1]>::try_from(seen.changes).unwrap();
    change
}

#[tokio::test]
async fn an_open_change_is_described_by_its_head_commit_and_its_diff() {
    let repo = Repo::new();
    let head =
        repo.open(41, &[("README.md", "# Web\nmore\n"), ("src/main.rs", "one\ntwo\n")], "Say more\n\nbody");
    let later = repo.commit(&[("README.md", "other\n")], &[&repo.first], "Later");
    repo.point("refs/heads/main", later.as_str());

    let change = only(&repo).await;
    assert_eq!((change.number, &change.head, &change.base), (number(41), &head, &repo.first));
    assert_eq!(change.tree, repo.tree_of(&head));
    assert_eq!((change.author_name.as_str(), change.title.as_str()), ("Mira", "Say more"));
    assert_eq!((change.diff.files, change.diff.added, change.diff.removed), (2, 1, 1));
    assert_eq!(change.diff.touched, [Touched::Code, Touched::Docs].into());
}

#[tokio::test]
async fn merged_and_closed_changes_are_not_listed() {
    let repo = Repo::new();
    let merged = repo.open(1, &[("README.md", "merged\n")], "Merged");
    repo.open(2, &[("README.md", "closed\n")], "Closed");
    repo.point("refs/pull/2/closed", repo.first.as_str());
    repo.open(3, &[("README.md", "open\n")], "Open");
    repo.point("refs/pull/3/merge", repo.first.as_str());
    repo.point("refs/heads/main", merged.as_str());
    assert_eq!(only(&repo).await.number, number(3));
}

#[tokio::test]
async fn a_head_is_read_fresh_after_every_push() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let before = repo.open(7, &[("a", "1")], "One");
    assert_eq!(forge.head(&web(), number(7)).await.unwrap(), Some(before));
    let after = repo.open(7, &[("a", "2")], "Two");
    assert_eq!(forge.head(&web(), number(7)).await.unwrap(), Some(after));
    assert_eq!(forge.head(&web(), number(8)).await.unwrap(), None);
}

#[tokio::test]
async fn a_title_full_of_tricks_is_shown_as_plain_words() {
    let repo = Repo::new();
    repo.open(
        1,
        &[("a", "1")],
        "  \u{202e}fix\u{2066} <b>`the`</b> \u{1b}[31mpage\u{200b} @everyone\r\nbody\n",
    );
    assert_eq!(only(&repo).await.title, "fix <b>`the`</b> [31mpage @everyone");
    repo.open(1, &[("a", "2")], &"長".repeat(500));
    assert_eq!(only(&repo).await.title.chars().count(), 200);
}

#[tokio::test]
async fn an_author_has_one_id_however_the_mail_is_spelled_and_it_is_not_the_mail() {
    let repo = Repo::new();
    repo.open(1, &[("a", "1")], "One");
    let author = only(&repo).await.author;
    assert_eq!(author, author_id("mira@example.org"));
    assert_eq!(author.len(), 64);
    assert!(!author.contains("mira"));
}

#[tokio::test]
async fn dates_in_the_future_change_nothing() {
    let repo = Repo::new();
    let tree = repo.tree(&[("a", "1")]);
    let person = "Mira <mira@example.org> 4102444800 +0000";
    let (parent, message) = (&repo.first, "From 2100");
    let text = format!("tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\n{message}\n");
    let future = repo.raw_commit(&text);
    let head = repo.commit(&[("a", "2")], &[&future], "Older than its parent");
    repo.point("refs/pull/1/head", head.as_str());
    let forge = repo.forge().await;
    assert_eq!(only(&repo).await.base, repo.first);
    assert!(forge.contains(&web(), &head, &future).await.unwrap());
    assert!(!forge.contains(&web(), &future, &head).await.unwrap());
    repo.point("refs/heads/main", head.as_str());
    assert_eq!(forge.changes(&web()).await.unwrap().changes, []);
}

#[tokio::test]
async fn a_rename_is_one_file_of_both_its_kinds_and_a_picture_has_no_lines() {
    let repo = Repo::new();
    let long: String = (0..50).map(|line| format!("line {line}\n")).collect();
    let base = repo.commit(&[(".github/deploy.yml", &long), ("src/a.rs", "a\n")], &[&repo.first], "Base");
    repo.point("refs/heads/main", base.as_str());
    let head =
        repo.commit(&[("deploy.yml", &long), ("src/a.rs", "a\n"), ("x.png", "\0png")], &[&base], "Move");
    repo.point("refs/pull/1/head", head.as_str());
    let diff = only(&repo).await.diff;
    assert_eq!((diff.files, diff.added, diff.removed), (2, 0, 0));
    assert_eq!(diff.touched, [Touched::Code, Touched::Ci, Touched::Binary].into());
}

#[tokio::test]
async fn references_that_are_not_plain_commits_are_reported_and_never_followed() {
    let repo = Repo::new();
    let good = repo.open(1, &[("a", "1")], "Good");
    repo.git(["symbolic-ref", "refs/pull/2/head", "refs/heads/main"]);
    repo.point("refs/pull/3/head", &repo.blob(b"a blob"));
    repo.git(["tag", "-a", "-m", "a tag", "v1", good.as_str()]);
    repo.point("refs/pull/4/head", &repo.git(["rev-parse", "refs/tags/v1"]));
    repo.point("refs/pull/007/head", good.as_str());
    std::fs::create_dir_all(repo.path.join("refs/pull/5")).unwrap();
    std::fs::write(repo.path.join("refs/pull/5/head"), "not an id\n").unwrap();
    std::fs::create_dir_all(repo.path.join("refs/pull/6")).unwrap();
    std::fs::write(repo.path.join("refs/pull/6/head"), format!("{}\n", "ab".repeat(20))).unwrap();
    let unrelated = repo.commit(&[("a", "1")], &[], "Unrelated");
    repo.point("refs/pull/8/head", unrelated.as_str());

    let forge = repo.forge().await;
    let seen = forge.changes(&web()).await.unwrap();
    assert_eq!(seen.changes.iter().map(|change| change.number).collect::<Vec<_>>(), [number(1)]);
    let mut refused: Vec<_> = seen.refused.iter().map(|one| format!("{}: {}", one.name, one.why)).collect();
    refused.sort();
    assert_eq!(
        refused,
        [
            "refs/pull/007/head: it is malformed",
            "refs/pull/2/head: it points to another reference",
            "refs/pull/3/head: it names no commit",
            "refs/pull/4/head: it names no commit",
            "refs/pull/5/head: it is malformed",
            "refs/pull/6/head: it names no commit",
            "refs/pull/8/head: it shares no history with the default branch",
        ]
    );
    for bad in [2, 3, 4, 5, 6] {
        let error = forge.head(&web(), number(bad)).await.unwrap_err();
        assert!(matches!(error, GitError::Reference { .. }), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_default_branch_named_like_a_command_is_only_a_name() {
    let branch = "$(touch${IFS}pwned);`touch\u{b4}pwned`|&'\"-rf";
    let repo = Repo::with_branch(branch);
    repo.open(1, &[("a", "1")], "One");
    let head = only(&repo).await.head;
    let forge = repo.forge().await;
    forge.advance_default(&web(), &repo.first, &head).await.unwrap();
    assert_eq!(forge.default_head(&web()).await.unwrap().0, head);
    assert_eq!(repo.git(["rev-parse", &format!("refs/heads/{branch}")]), head.as_str());
    assert!(!crate::fixture::below(repo.dir.path()).iter().any(|path| path.ends_with("pwned")));
}

#[tokio::test]
async fn a_default_branch_behind_an_alias_is_the_branch_itself() {
    let repo = Repo::new();
    repo.git(["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    repo.git(["symbolic-ref", "HEAD", "refs/heads/alias"]);
    let head = repo.open(1, &[("a", "1")], "One");
    let forge = repo.forge().await;
    forge.advance_default(&web(), &repo.first, &head).await.unwrap();
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), head.as_str());
    assert_eq!(repo.git(["symbolic-ref", "refs/heads/alias"]), "refs/heads/main");
}

#[tokio::test]
async fn a_repository_without_a_default_branch_is_an_error() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    repo.git(["symbolic-ref", "HEAD", "refs/heads/alias"]);
    let error = forge.default_head(&web()).await.unwrap_err().to_string();
    assert!(error.contains("its default branch has no commit yet"), "{error}");
    repo.git(["update-ref", "--no-deref", "HEAD", repo.first.as_str()]);
    let error = forge.default_head(&web()).await.unwrap_err().to_string();
    assert!(error.contains("its HEAD names no branch"), "{error}");
}

#[tokio::test]
async fn a_missing_or_damaged_repository_is_an_error_and_never_an_empty_list() {
    let repo = Repo::new();
    repo.open(1, FIRST, "One");
    let forge = repo.forge().await;
    std::fs::write(repo.path.join("config"), "[core\nnonsense").unwrap();
    let error = forge.changes(&web()).await.unwrap_err();
    assert!(matches!(&error, GitError::Repository { .. }), "{error}");
    assert!(!error.to_string().contains(repo.dir.path().to_str().unwrap()), "{error}");

    std::fs::remove_dir_all(&repo.path).unwrap();
    assert_eq!(
        forge.changes(&web()).await.unwrap_err().to_string(),
        "the repository of component `web` cannot be used: there is no bare repository at its path; \
         mend it or restore it from a copy"
    );
    let other = folkops_model::ComponentName::parse("api").unwrap();
    assert_eq!(
        forge.changes(&other).await.unwrap_err().to_string(),
        "component `api` has no repository; add its path to the configuration"
    );
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named() {
    let repo = Repo::new();
    let absent = sha(&"ab".repeat(20));
    let error = repo.forge().await.contains(&web(), &repo.first, &absent).await.unwrap_err();
    assert!(matches!(&error, GitError::NoCommit { commit, .. } if *commit == absent), "{error}");
}

#[tokio::test]
async fn a_huge_file_counts_as_binary_so_that_nobody_loads_it_to_compare_lines() {
    let repo = Repo::new();
    repo.open(1, &[("README.md", "# Web\n"), ("src/main.rs", &"line\n".repeat(4_000_000))], "Huge");
    let diff = only(&repo).await.diff;
    assert_eq!((diff.files, diff.added), (1, 0));
    assert_eq!(diff.touched, [Touched::Binary].into());
}
