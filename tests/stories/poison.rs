//! A stored event that ends the program whenever it is handled is set aside, in sight of everybody, and blocks nobody.

use folkops_world::{Browser, Hosted, SERVICE, until};

/// Handling is tried so often.
const TRIES: usize = 3;

#[tokio::test]
async fn a_comment_that_ends_the_program_three_times_is_set_aside_and_the_next_start_is_clean() {
    let mut hosted = Hosted::start().await;
    hosted.github.opens(&hosted.repository(41), 41, "mira");
    hosted.told(41, &["Welcome, mira"]).await;
    hosted.github.user("rex");
    // What ends it comes from outside, while it asks who Rex is, which it does to handle what he said.
    let asks = "/collaborators/rex/permission";
    hosted.github.kills(hosted.world.bot(), asks);
    let poison = hosted.says("rex", 41, "/whoami");
    hosted.world.until_killed().await;
    let behind = hosted.says("jo", 41, "/status");
    for _ in 1..TRIES {
        hosted.world.starts();
        hosted.github.kills(hosted.world.bot(), asks);
        hosted.world.until_killed().await;
    }

    hosted.world.restart().await;
    let told =
        hosted.told(41, &["could not be handled and is set aside", "ask an operator to look at the log"]);
    assert!(!told.await.body.contains("You are rex"));
    hosted.marked(41, poison, "-1").await;
    hosted.marked(41, behind, "+1").await;
    assert!(hosted.world.logged().contains("ended the program 3 times; it is set aside"));
    counts(&hosted, 1).await;

    let asked = times_asked(&hosted, asks);
    hosted.world.kill().await;
    hosted.world.restart().await;
    let again = hosted.says("jo", 41, "/whoami");
    hosted.marked(41, again, "+1").await;
    let journal = hosted.world.journal().await;
    let received = journal.every("request-received");
    let message = format!("gh-comment-{poison}");
    let request = received.iter().find(|record| record["body"]["message"] == *message).unwrap();
    let of = |kind: &str| {
        journal.every(kind).iter().filter(|of| of["body"]["request"] == request["body"]["id"]).count()
    };
    assert_eq!((of("request-failed"), of("request-ended"), of("operation-decided")), (TRIES - 1, 1, 0));
    assert_eq!(times_asked(&hosted, asks), asked, "it is not handled again");
    counts(&hosted, 1).await;
}

/// Waits until the operator's figures tell of so many that were set aside, and of none that is open.
async fn counts(hosted: &Hosted, number: usize) {
    until("the figures tell it", async || {
        let mut browser = Browser::new(hosted.world.setup().site);
        let figures = browser.opens(&format!("folkops.{SERVICE}"), "/metrics").await.body;
        let told = figures.contains(&format!("folkops_requests_set_aside {number}\n"));
        (told && figures.contains("folkops_requests_open 0\n")).then_some(())
    })
    .await;
}

fn times_asked(hosted: &Hosted, path: &str) -> usize {
    hosted.github.calls().iter().filter(|call| call.contains(path)).count()
}
