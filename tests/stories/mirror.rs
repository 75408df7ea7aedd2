//! What GitHub is told beside comments: deployments and check runs, one of each, whatever dies in between.

use folkops_world::{CheckRun, Deployed, Hosted, Verdict, until, until_within};
use std::time::Duration;

/// Building twice takes its time.
const BUILT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn previews_promotions_and_heads_are_told_to_github_once_though_the_bot_dies() {
    let mut hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    let head = hosted.head(41);
    let waits = check(&hosted, "Waits for one look").await;
    assert_eq!((waits.head.as_str(), waits.conclusion.as_deref()), (head.as_str(), Some("neutral")));
    assert_eq!(waits.actions, ["ok-to-test", "deploy-preview"]);

    // A button says its line as the one who presses it.
    hosted.github.presses(&web, waits.id, "jo", "ok-to-test");
    let free = check(&hosted, "May be tried").await;
    hosted.github.presses(&web, free.id, "mira", "deploy-preview");
    let up = check(&hosted, "Its preview is up").await;
    assert_eq!((up.id, up.actions.len()), (waits.id, 3));
    let preview = deployment(&hosted, |one| one.states.last().is_some_and(|state| state == "success")).await;
    assert!(preview.environment.starts_with("preview/p-") && preview.sha == head, "{preview:?}");
    assert!(preview.transient && !preview.production, "{preview:?}");
    let name = preview.environment.trim_start_matches("preview/").to_owned();
    assert!(preview.url.as_ref().is_some_and(|url| url.contains(&name)), "{preview:?}");

    // What GitHub did before the bot died is found again, and not done twice.
    hosted.world.kill().await;
    hosted.world.restart().await;
    hosted.github.reviews(&web, 41, "jo", Verdict::Approved, "");
    hosted.says("sam", 41, "/folkops promote");
    let live = deployment(&hosted, |one| {
        one.production && one.states.last().is_some_and(|state| state == "success")
    })
    .await;
    assert_eq!((live.environment.as_str(), live.sha.as_str()), ("production", head.as_str()));
    assert!(!live.transient, "{live:?}");

    hosted.says("jo", 41, "/rollback");
    let taken_back =
        |one: &Deployed| one.production && one.states.last().is_some_and(|state| state == "inactive");
    deployment(&hosted, taken_back).await;
    hosted.says("jo", 41, &format!("/stop-preview {name}"));
    let ended =
        |one: &Deployed| !one.production && one.states.last().is_some_and(|state| state == "inactive");
    deployment(&hosted, ended).await;
    let all = hosted.github.deployments(&web);
    assert_eq!(all.len(), 2, "{all:#?}");
    let again = |one: &Deployed| one.states.windows(2).any(|two| two[0] == two[1]);
    assert!(!all.iter().any(again), "nothing is said twice: {all:#?}");
    let heads = hosted.github.check_runs(&web).into_iter().filter(|run| run.head == head).count();
    assert_eq!(heads, 1);
}

#[tokio::test]
async fn a_push_has_a_check_run_of_its_own_that_waits_again_though_github_s_answers_are_lost() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    // The run is made, and the answer says that it was not.
    hosted.github.answers_blindly(1);
    hosted.github.opens(&web, 41, "mira");
    let first = check(&hosted, "Waits for one look").await;
    hosted.github.presses(&web, first.id, "jo", "ok-to-test");
    check(&hosted, "May be tried").await;
    let pushed = hosted.github.pushes(&web, 41, "mira", &[("NOTES", b"more\n")]).await;
    let second = until("the new head's run", async || {
        hosted.github.check_runs(&web).into_iter().find(|run| run.head == pushed.as_str())
    })
    .await;
    assert_eq!((second.title.as_str(), second.id != first.id), ("Waits for one look", true));
    assert_eq!(hosted.github.check_runs(&web).len(), 2);
}

async fn check(hosted: &Hosted, title: &str) -> CheckRun {
    let web = hosted.repository(41);
    until_within(BUILT, title, async || {
        hosted.github.check_runs(&web).into_iter().find(|run| run.title == title)
    })
    .await
}

async fn deployment(hosted: &Hosted, is: impl Fn(&Deployed) -> bool) -> Deployed {
    let web = hosted.repository(41);
    until_within(BUILT, "the deployment", async || hosted.github.deployments(&web).into_iter().find(&is))
        .await
}
