//! Taking a merged change back out, through the port that the program uses.

use folkops_git::LocalForge;
use folkops_model::{ChangeNumber, Sha};
use folkops_previews::ports::{Forge, Revert, Reverted, Withdrawn};

use crate::fixture::{FIRST, Files, Repo, number, web};

const README: (&str, &str) = FIRST[0];
const CHANGED: Files<'static> = &[README, ("src/main.rs", "one\ntwo\nTHREE\n")];

/// The files of #1 are merged onto the first commit; its head and the merge.
fn merged(repo: &Repo, files: Files<'_>) -> (Sha, Sha) {
    let head = repo.open(1, files, "One");
    let merge = repo.commit(files, &[&repo.first, &head], "Merge #1");
    repo.point("refs/heads/main", merge.as_str());
    (head, merge)
}

fn wanted(onto: &Sha, head: &Sha) -> Revert {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    let (onto, head) = (onto.clone(), head.clone());
    let (message, why) = ("Revert #1".to_owned(), String::new());
    Revert { change: number(1), onto, head, landed: None, least: number(2), message, why, at }
}

async fn revert(forge: &LocalForge, wanted: &Revert) -> Reverted {
    Forge::revert(forge, &web(), wanted).await.unwrap()
}

fn opened(reverted: Reverted) -> (ChangeNumber, Sha) {
    let Reverted::Open(number, commit) = reverted else { panic!("{reverted:?}") };
    (number, commit)
}

#[tokio::test]
async fn a_revert_is_an_open_change_with_the_files_of_before_and_the_branch_stays() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let (number, commit) = opened(revert(&forge, &wanted(&merge, &head)).await);
    assert_eq!(number, ChangeNumber(2));
    assert_eq!(repo.tree_of(&commit), repo.tree(FIRST));
    let open = Forge::changes(&forge, &web()).await.unwrap();
    let [change] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!((change.number, &change.head, &change.base), (number, &commit, &merge));
    assert_eq!((change.title.as_str(), change.author_name.as_str()), ("Revert #1", "FolkOps"));
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), merge.as_str());
}

#[tokio::test]
async fn what_came_later_stays() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let other = repo.commit(&[README, CHANGED[1], ("b", "2\n")], &[&merge], "Other");
    let later = repo.commit(&[README, CHANGED[1], ("b", "2\n"), ("c", "3\n")], &[&merge, &other], "Merge #7");
    repo.point("refs/heads/main", later.as_str());
    let (_, commit) = opened(revert(&forge, &wanted(&later, &head)).await);
    assert_eq!(repo.tree_of(&commit), repo.tree(&[README, FIRST[1], ("b", "2\n"), ("c", "3\n")]));
}

#[tokio::test]
async fn later_lines_in_the_same_place_are_a_conflict_that_names_the_file_and_opens_nothing() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let later = repo.commit(&[README, ("src/main.rs", "one\ntwo\nthird\n")], &[&merge], "Later");
    repo.point("refs/heads/main", later.as_str());
    let reverted = revert(&forge, &wanted(&later, &head)).await;
    assert_eq!(reverted, Reverted::Conflict(vec!["src/main.rs".to_owned()]));
    assert_eq!(Forge::changes(&forge, &web()).await.unwrap(), []);
}

#[tokio::test]
async fn asked_again_it_finds_its_change_and_a_number_that_is_taken_stays_whose_it_is() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    repo.open(2, &[("b", "2\n")], "Two");
    repo.point("refs/pull/3/closed", merge.as_str());
    repo.point(&format!("refs/pull/{}/head", u32::MAX), head.as_str());
    let first = opened(revert(&forge, &wanted(&merge, &head)).await);
    assert_eq!(first.0, ChangeNumber(4));
    let again = Revert { least: number(9), ..wanted(&merge, &head) };
    assert_eq!(opened(revert(&forge, &again).await), first);
    assert_eq!(repo.git(["for-each-ref", "--points-at", first.1.as_str()]).lines().count(), 1);
}

#[tokio::test]
async fn what_was_never_merged_or_is_out_already_is_told_and_opens_nothing() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let stranger = repo.commit(&[("b", "2\n")], &[&repo.first], "Not merged");
    assert_eq!(revert(&forge, &wanted(&merge, &stranger)).await, Reverted::NotMerged);
    let back = repo.commit(FIRST, &[&merge], "By hand");
    assert_eq!(revert(&forge, &wanted(&back, &head)).await, Reverted::Gone);
    assert_eq!(Forge::changes(&forge, &web()).await.unwrap(), []);
}

#[tokio::test]
async fn a_merge_is_known_by_its_parents_and_not_by_what_it_says() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let other = repo.commit(&[README, CHANGED[1], ("b", "2\n")], &[&repo.first], "Other");
    let says = format!("Merge #1 at {head}");
    let lies = repo.commit(&[README, CHANGED[1], ("b", "2\n")], &[&merge, &other], &says);
    let (_, commit) = opened(revert(&forge, &wanted(&lies, &head)).await);
    assert_eq!(repo.tree_of(&commit), repo.tree(&[README, FIRST[1], ("b", "2\n")]));
}

const LATER: (&str, &str) = ("z", "9\n");

/// A commit of these files by somebody at a moment.
fn written(repo: &Repo, files: Files<'_>, parent: &Sha, (who, at): (&str, u32)) -> Sha {
    let person = format!("{who} <{who}@example.org> {at} +0000");
    let tree = repo.tree(files);
    repo.raw_commit(&format!("tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nWork"))
}

/// #1 has two commits by Lee, and Jo moved the branch meanwhile: the head, and where the branch stands.
fn two_commits(repo: &Repo) -> (Sha, Sha) {
    let one = written(repo, &[README, FIRST[1], ("b", "2\n")], &repo.first, ("lee", 1));
    let head = written(repo, &[README, CHANGED[1], ("b", "2\n")], &one, ("lee", 2));
    repo.point("refs/pull/1/head", head.as_str());
    (head, written(repo, &[README, FIRST[1], LATER], &repo.first, ("jo", 3)))
}

/// What is open once the branch has moved on from where #1 landed.
async fn taken_back(repo: &Repo, head: &Sha, landed: &Sha) -> Reverted {
    let files: Files<'_> = &[README, CHANGED[1], ("b", "2\n"), LATER, ("later", "too\n")];
    let main = written(repo, files, landed, ("jo", 8));
    repo.point("refs/heads/main", main.as_str());
    let wanted = Revert { landed: Some(landed.clone()), ..wanted(&main, head) };
    revert(&repo.forge().await, &wanted).await
}

#[tokio::test]
async fn a_squash_is_taken_back_as_the_one_commit_that_it_is() {
    let repo = Repo::new();
    let (head, main) = two_commits(&repo);
    let squash = written(&repo, &[README, CHANGED[1], ("b", "2\n"), LATER], &main, ("lee", 7));
    let (_, commit) = opened(taken_back(&repo, &head, &squash).await);
    assert_eq!(repo.tree_of(&commit), repo.tree(&[README, FIRST[1], LATER, ("later", "too\n")]));
}

#[tokio::test]
async fn a_rebase_is_taken_back_with_every_commit_that_it_put_on_the_branch() {
    let repo = Repo::new();
    let (head, main) = two_commits(&repo);
    let one = written(&repo, &[README, FIRST[1], ("b", "2\n"), LATER], &main, ("lee", 1));
    let two = written(&repo, &[README, CHANGED[1], ("b", "2\n"), LATER], &one, ("lee", 2));
    let (_, commit) = opened(taken_back(&repo, &head, &two).await);
    assert_eq!(repo.tree_of(&commit), repo.tree(&[README, FIRST[1], LATER, ("later", "too\n")]));
}

#[tokio::test]
async fn what_landed_in_another_form_is_not_guessed_at() {
    let repo = Repo::new();
    let (head, main) = two_commits(&repo);
    // Jo's commit stands between the two of a rebase.
    let one = written(&repo, &[README, FIRST[1], ("b", "2\n"), LATER], &main, ("lee", 1));
    let jo = written(&repo, &[README, FIRST[1], ("b", "2\n"), LATER, ("c", "3\n")], &one, ("jo", 5));
    let two = written(&repo, &[README, CHANGED[1], ("b", "2\n"), LATER, ("c", "3\n")], &jo, ("lee", 2));
    assert_eq!(taken_back(&repo, &head, &two).await, Reverted::NotMerged);
    // A commit that holds more than the change.
    let more = written(&repo, &[README, CHANGED[1], ("b", "2\n"), LATER, ("c", "3\n")], &main, ("lee", 7));
    assert_eq!(taken_back(&repo, &head, &more).await, Reverted::NotMerged);
}

#[tokio::test]
async fn a_revert_is_closed_where_it_was_opened_and_left_alone_where_somebody_pushed_to_it() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let (head, merge) = merged(&repo, CHANGED);
    let (number, commit) = opened(revert(&forge, &wanted(&merge, &head)).await);
    let name = format!("refs/pull/{number}/head");
    let withdraw = async || Forge::withdraw(&forge, &web(), number, &commit).await.unwrap();

    let pushed = repo.commit(&[README, FIRST[1], ("b", "2\n")], &[&commit], "Mend it");
    repo.point(&name, pushed.as_str());
    assert_eq!(withdraw().await, Withdrawn::NotOurs);
    assert_eq!(Forge::head(&forge, &web(), number).await.unwrap(), Some(pushed));

    repo.point(&name, commit.as_str());
    for _ in 0..2 {
        assert_eq!(withdraw().await, Withdrawn::Closed);
        assert_eq!(Forge::head(&forge, &web(), number).await.unwrap(), None);
    }
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), merge.as_str());
}
