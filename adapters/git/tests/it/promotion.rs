//! Merging for everyone, through the port that the program uses.

use folkops_git::LocalForge;
use folkops_model::{Failure, FailureKind, Sha};
use folkops_previews::ports::{Forge, Merge, MergeTree, Merged};

use crate::fixture::{Repo, number, web};

/// The merge of a change as tested on the first commit.
async fn tested(repo: &Repo, forge: &LocalForge, head: &Sha) -> Merge {
    let merged = Forge::merge_tree(forge, &web(), &repo.first, head).await.unwrap();
    let MergeTree::Clean(tree) = merged else { panic!("{merged:?}") };
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    Merge {
        change: number(1),
        expected: repo.first.clone(),
        head: head.clone(),
        tree,
        message: "Merge #1".to_owned(),
        at,
    }
}

async fn merge(forge: &LocalForge, merge: &Merge) -> Merged {
    Forge::merge(forge, &web(), merge).await.unwrap()
}

#[tokio::test]
async fn the_tested_tree_becomes_the_default_branch_and_the_change_is_no_longer_open() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    let wanted = tested(&repo, &forge, &head).await;
    let merged = merge(&forge, &wanted).await;
    let (now, tree) = Forge::default_head(&forge, &web()).await.unwrap();
    assert_eq!((merged, tree), (Merged::At(now), wanted.tree));
    assert_eq!(Forge::head(&forge, &web(), number(1)).await.unwrap(), None);
    assert_eq!(Forge::changes(&forge, &web()).await.unwrap(), []);
}

#[tokio::test]
async fn asked_again_after_a_crash_it_finds_its_merge_whatever_time_it_is_and_whatever_came_after() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    let wanted = tested(&repo, &forge, &head).await;
    let Merged::At(commit) = merge(&forge, &wanted).await else { panic!("it was not merged") };
    let again = Merge { at: "2026-01-02T03:09:00Z".parse().unwrap(), ..wanted };
    assert_eq!(merge(&forge, &again).await, Merged::At(commit.clone()));
    let later = repo.commit(&[("a", "2\n")], &[&commit], "Later");
    repo.point("refs/heads/main", later.as_str());
    assert_eq!(merge(&forge, &again).await, Merged::At(commit));
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), later.as_str());
}

#[tokio::test]
async fn what_somebody_merged_by_hand_is_taken_only_if_it_is_the_tested_tree() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    let wanted = tested(&repo, &forge, &head).await;
    repo.point("refs/heads/main", head.as_str());
    assert_eq!(merge(&forge, &wanted).await, Merged::At(head.clone()));
    let more = repo.commit(&[("a", "1\n"), ("untested", "x\n")], &[&head], "More");
    repo.point("refs/heads/main", more.as_str());
    assert_eq!(merge(&forge, &wanted).await, Merged::Moved(more));
}

#[tokio::test]
async fn a_branch_that_moved_is_left_alone() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    let wanted = tested(&repo, &forge, &head).await;
    let other = repo.commit(&[("b", "2\n")], &[&repo.first], "Other");
    repo.point("refs/heads/main", other.as_str());
    assert_eq!(merge(&forge, &wanted).await, Merged::Moved(other.clone()));
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), other.as_str());
}

#[tokio::test]
async fn another_tree_than_the_tested_one_is_never_merged() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    let smuggled = Merge { tree: repo.tree(&[("a", "smuggled\n")]), ..tested(&repo, &forge, &head).await };
    let error = Forge::merge(&forge, &web(), &smuggled).await.unwrap_err().to_string();
    assert!(error.contains("as tested; test it again"), "{error}");
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), repo.first.as_str());
}

#[tokio::test]
async fn a_refused_tree_is_the_authors_to_mend_and_a_damaged_one_the_operators() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let link = repo.raw_tree(&[("120000", b"link", &repo.blob(b"/etc/passwd"))]);
    let into = repo.fresh("source");
    std::fs::create_dir(&into).unwrap();
    let Failure { kind, sentence, .. } = Forge::materialise(&forge, &web(), &link, &into).await.unwrap_err();
    assert_eq!(kind, FailureKind::BuildFailed);
    assert_eq!(
        sentence,
        "`link` cannot be used: it is a link to an absolute path; take it out of the change"
    );
    let lost = repo.raw_tree(&[("100644", b"a/b", &repo.blob(b"x"))]);
    let Failure { kind, .. } = Forge::materialise(&forge, &web(), &lost, &into).await.unwrap_err();
    assert_eq!(kind, FailureKind::Broken);
}

#[tokio::test]
async fn what_somebody_merged_is_told_by_where_its_head_stands_whatever_came_after() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    assert_eq!(Forge::landed(&forge, &web(), number(1)).await.unwrap(), None);
    let open = Forge::changes(&forge, &web()).await.unwrap();
    let wanted = tested(&repo, &forge, &head).await;
    let Merged::At(commit) = merge(&forge, &wanted).await else { panic!("it was not merged") };
    let later = repo.commit(&[("a", "2\n")], &[&commit], "Later");
    repo.point("refs/heads/main", later.as_str());

    let landed = Forge::landed(&forge, &web(), number(1)).await.unwrap().unwrap();
    assert_eq!((landed.landing.head, landed.landing.commit), (head, commit.clone()));
    assert_eq!(landed.change.as_ref(), open.first(), "as it was when it was open");
    let (_, tree) = Forge::default_head(&forge, &web()).await.unwrap();
    assert_eq!(Forge::holding(&forge, &web(), &later, &commit).await.unwrap(), Some(tree));
    assert_eq!(Forge::holding(&forge, &web(), &repo.first, &commit).await.unwrap(), None);
}

#[tokio::test]
async fn a_branch_that_was_moved_to_a_change_s_head_was_brought_it_by_that_head() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    repo.point("refs/heads/main", head.as_str());
    let landed = async || Forge::landed(&forge, &web(), number(1)).await.unwrap().unwrap().landing;
    assert_eq!(landed().await.commit, head);
    let later = repo.commit(&[("a", "2\n")], &[&head], "Later");
    repo.point("refs/heads/main", later.as_str());
    assert_eq!(landed().await.commit, head);
}

#[tokio::test]
async fn a_change_that_was_closed_was_not_merged() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let head = repo.open(1, &[("a", "1\n")], "One");
    repo.point("refs/heads/main", head.as_str());
    repo.point("refs/pull/1/closed", head.as_str());
    assert_eq!(Forge::landed(&forge, &web(), number(1)).await.unwrap(), None);
}
