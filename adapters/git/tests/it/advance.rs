//! Moving the default branch.

use folkops_git::{AdvanceError, Advanced};

use crate::fixture::{Repo, web};

#[tokio::test]
async fn a_branch_advances_once_and_says_so_when_asked_again() {
    let repo = Repo::new();
    let forge = repo.forge().await;
    let next = repo.open(1, &[("a", "1\n")], "Next");
    let later = repo.commit(&[("a", "2\n")], &[&next], "Later");
    assert_eq!(forge.advance_default(&web(), &repo.first, &next).await.unwrap(), Advanced::Now);
    assert_eq!(forge.advance_default(&web(), &repo.first, &next).await.unwrap(), Advanced::Already);
    repo.point("refs/heads/main", later.as_str());
    assert_eq!(forge.advance_default(&web(), &repo.first, &next).await.unwrap(), Advanced::Already);
    assert_eq!(forge.default_head(&web()).await.unwrap().0, later);
}

#[tokio::test]
async fn a_branch_that_moved_meanwhile_stays_where_it_went() {
    let repo = Repo::new();
    let mine = repo.open(1, &[("a", "1\n")], "Mine");
    let other = repo.commit(&[("a", "2\n")], &[&repo.first], "Other");
    repo.point("refs/heads/main", other.as_str());
    let error = repo.forge().await.advance_default(&web(), &repo.first, &mine).await.unwrap_err();
    assert!(matches!(&error, AdvanceError::Moved { now } if *now == other), "{error}");
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), other.as_str());
}

#[tokio::test]
async fn a_branch_never_goes_back_or_aside() {
    let repo = Repo::new();
    let head = repo.commit(&[("a", "1\n")], &[&repo.first], "Head");
    let aside = repo.commit(&[("a", "2\n")], &[&repo.first], "Aside");
    repo.point("refs/heads/main", head.as_str());
    let error = repo.forge().await.advance_default(&web(), &head, &aside).await.unwrap_err();
    assert!(matches!(error, AdvanceError::Backward { .. }), "{error}");
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), head.as_str());
}

#[tokio::test]
async fn of_many_who_race_exactly_one_wins_and_the_others_learn_where_it_went() {
    let repo = Repo::new();
    let forge = std::sync::Arc::new(repo.forge().await);
    let racers = (0..8).map(|racer| {
        let new = repo.commit(&[("a", &racer.to_string())], &[&repo.first], "Racer");
        let (forge, first) = (forge.clone(), repo.first.clone());
        tokio::spawn(async move { (forge.advance_default(&web(), &first, &new).await, new) })
    });
    let mut winners = Vec::new();
    let mut places = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            (Ok(Advanced::Now), new) => winners.push(new),
            (Err(AdvanceError::Moved { now }), _) => places.push(now),
            (other, new) => panic!("{new}: {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(forge.default_head(&web()).await.unwrap().0, winners[0]);
    assert_eq!(places, vec![winners[0].clone(); 7]);
}
