//! Deploying by pull request: production follows a release branch, and what is merged into it goes to everybody.

use std::time::Duration;

use folkops_world::{Comment, Hosted, Verdict, until_within};

const SOON: Duration = Duration::from_secs(120);

/// A world whose web follows `production`; #41 is open against the default branch and was looked at.
async fn following(deploy: &'static str) -> (Hosted, String) {
    let hosted = Hosted::before_the_first_release(|config| {
        let components = config["component"].as_array_mut().unwrap().iter_mut();
        for component in components.filter_map(toml::Value::as_table_mut) {
            if component["name"].as_str() == Some("web") {
                component.insert("release_branch".into(), "production".into());
                component.insert("deploy".into(), deploy.into());
            }
        }
    })
    .await;
    let web = hosted.repository(41);
    hosted.github.branches(&web, "production");
    hosted.world.until_release(1).await;
    hosted.github.opens(&web, 41, "mira");
    looked_at(&hosted, &hosted.head(41)).await;
    (hosted, web)
}

/// Jo looks at a commit, and says so on #41.
async fn looked_at(hosted: &Hosted, head: &str) {
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {head}"));
    hosted.marked(41, looked, "+1").await;
}

/// Our comment on a pull request of the repository, once it says all of this.
async fn told(hosted: &Hosted, web: &str, number: u64, words: &[&str]) -> Comment {
    let found = async || {
        let comments = hosted.github.comments_on(web, number);
        let ours = comments.into_iter().find(|comment| comment.author.ends_with("[bot]"));
        ours.filter(|comment| words.iter().all(|word| comment.body.contains(word)))
    };
    until_within(SOON, &format!("#{number} is told {words:?}"), found).await
}

#[tokio::test]
async fn a_pull_request_into_the_release_branch_is_the_promotion_and_nothing_goes_past_it() {
    let (hosted, web) = following("asked").await;
    let production = hosted.github.branch(&web, "production");

    // A change against the default branch is tried as ever, and is not promoted past the release branch.
    hosted.says("mira", 41, "/deploy-preview");
    hosted.told(41, &["Preview of #41 is up"]).await;
    let asked = hosted.says("sam", 41, "/promote");
    let way =
        ["release-branch", "production follows `production`", "Open a pull request from the default branch"];
    hosted.told(41, &way).await;
    hosted.marked(41, asked, "confused").await;
    hosted.github.merges(&web, 41, "sam");
    hosted.says("sam", 41, "/folkops promote web#41");
    hosted.told(41, &["#41 was merged into the default branch"]).await;
    assert!(!hosted.github.is_merged_into(&web, 41, "production"));
    assert_eq!(hosted.world.release().await, Some(1));

    // The pull request that brings it there has a number like any other, and is said in a refusal.
    let release = hosted.github.proposes(&web, ("main", "production"), "sam");
    hosted.says("sam", 41, "/promote");
    hosted.told(41, &["holds this change", &format!("/promote web#{release}")]).await;
    looked_at(&hosted, &hosted.github.head(&web, release)).await;
    hosted.github.comments(&web, release, "sam", "/promote");
    told(&hosted, &web, release, &["is live for everyone"]).await;
    hosted.world.until_release(2).await;
    assert!(hosted.github.is_merged_into(&web, release, "production"));
    assert_ne!(hosted.github.branch(&web, "production"), production);

    // The way back opens its revert into the branch that production follows.
    hosted.github.comments(&web, release, "jo", "/rollback");
    told(&hosted, &web, release, &["takes #", "a person merges it"]).await;
    let open = hosted.github.open(&web);
    let [(revert, ..)] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!(hosted.github.base(&web, *revert), "production");
}

#[tokio::test]
async fn what_a_person_merges_into_the_release_branch_is_promoted_by_itself_and_only_if_policy_permits() {
    let (hosted, web) = following("asked").await;
    hosted.github.merges(&web, 41, "sam");
    let release = hosted.github.proposes(&web, ("main", "production"), "sam");
    hosted.github.merges(&web, release, "sam");
    // Nobody looked at the commit that was merged, so it is told why it does not go on, and goes on once somebody has.
    told(&hosted, &web, release, &["first-look", "Unlooked"]).await;
    assert_eq!(hosted.world.release().await, Some(1));
    looked_at(&hosted, &hosted.github.head(&web, release)).await;
    told(&hosted, &web, release, &["is live for everyone", "FolkOps by itself promoted it"]).await;
    hosted.world.until_release(2).await;

    // By itself it is not promoted again after it was rolled back.
    hosted.github.comments(&web, release, "jo", "/rollback");
    told(&hosted, &web, release, &["takes #"]).await;
    let journal = hosted.world.journal().await;
    let begun =
        journal.every("intended").into_iter().filter(|it| it["body"]["intent"] == "pin-promotion").count();
    assert_eq!(begun, 1);
}

#[tokio::test]
async fn an_open_pull_request_is_merged_once_policy_holds_and_never_at_a_head_that_was_pushed_just_before() {
    let (hosted, web) = following("when-policy-holds").await;
    hosted.github.merges(&web, 41, "sam");
    let release = hosted.github.proposes(&web, ("main", "production"), "sam");
    let reviewed = hosted.github.head(&web, release);
    hosted.github.reviews(&web, release, "jo", Verdict::Approved, "Ship it.");
    // While it is being built, somebody pushes: the head that was judged is not the one that would be merged.
    let begun = async || {
        let journal = hosted.world.journal().await;
        let pinned = journal.every("intended").into_iter().any(|it| it["body"]["intent"] == "pin-promotion");
        pinned.then_some(())
    };
    until_within(SOON, "it is promoted by itself", begun).await;
    hosted.github.writes(&web, "jo", "NOTE", "pushed just before the merge");
    let pushed = hosted.github.head(&web, release);
    assert_ne!(pushed, reviewed);
    told(&hosted, &web, release, &["could not be brought up"]).await;
    assert!(!hosted.github.is_merged_into(&web, release, "production"));
    assert_eq!(hosted.world.release().await, Some(1));

    hosted.github.reviews(&web, release, "jo", Verdict::Approved, "Now with the note.");
    told(&hosted, &web, release, &["is live for everyone", "FolkOps by itself promoted it"]).await;
    assert!(hosted.github.is_merged_into(&web, release, "production"));
    hosted.world.until_release(2).await;
}

#[tokio::test]
async fn a_pull_request_against_another_branch_is_none_of_ours() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.branches(&web, "feature");
    hosted.github.opens_into(&web, 41, "mira", "feature");
    let asked = hosted.says("sam", 41, &format!("/ok-to-test {}", hosted.head(41)));
    hosted.told(41, &["No open change stands at"]).await;
    hosted.marked(41, asked, "confused").await;
    hosted.says("sam", 41, "/promote");
    hosted.told(41, &["There is no open change"]).await;
    assert!(!hosted.github.is_merged(&web, 41));
}
