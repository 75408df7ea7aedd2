//! The whole story from pull-request comments: comment in, comment out.

use folkops_world::{Hosted, Protection, Verdict, Way};

#[tokio::test]
async fn a_fork_s_change_is_looked_at_by_a_review_previewed_and_promoted_by_a_second_maintainer() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");

    let asked = hosted.says("mira", 41, "/deploy-preview\n\nIt scales the recipe.");
    let head = hosted.head(41);
    let waits = hosted.told(41, &["#41 by mira waits for one look", "first-look"]).await;
    assert!(waits.body.contains(&format!("```\n/ok-to-test {head}\n```")), "{}", waits.body);
    hosted.marked(41, asked, "eyes").await;

    hosted.github.reviews(&web, 41, "jo", Verdict::Approved, "Looks right.");
    hosted.told(41, &["Preview of #41 is up"]).await;
    hosted.marked(41, asked, "rocket").await;

    let promoted = hosted.says("sam", 41, "/folkops promote");
    hosted.told(41, &["🎉", "live for everyone"]).await;
    hosted.marked(41, promoted, "rocket").await;
    assert!(hosted.github.is_merged(&web, 41));
    hosted.world.until_release(2).await;

    assert_eq!(hosted.ours(41).len(), 1, "one comment of ours, edited in place");
    assert_eq!(hosted.ours(41)[0].id, waits.id);
}

#[tokio::test]
async fn beside_another_bot_that_answers_the_same_words_only_the_qualified_form_counts_and_that_is_said_once()
{
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    hosted.github.bot("deployer[bot]");
    for text in ["Say `/promote` to deploy", "/promote", "Done. Say `/promote` again"] {
        hosted.github.comments(&web, 41, "deployer[bot]", text);
    }
    let told = hosted.told(41, &["Another bot here answers the same words", "/folkops promote"]).await;
    assert_eq!(told.body.matches("Another bot here").count(), 1, "{}", told.body);

    hosted.says("sam", 41, "/status");
    let asked = hosted.says("sam", 41, "/folkops status");
    hosted.marked(41, asked, "+1").await;
    let journal = hosted.world.journal().await;
    let said = journal.every("request-received");
    let said: Vec<&str> = said.iter().filter_map(|record| record["body"]["message"].as_str()).collect();
    assert_eq!(said.iter().filter(|message| message.starts_with("gh-")).count(), 1, "{said:?}");

    // What is offered counts, so it is offered in the form that does.
    hosted.says("mira", 41, "/folkops deploy-preview");
    let offered = format!("\n/folkops ok-to-test {}\n", hosted.head(41));
    hosted.told(41, &["waits for one look", &offered]).await;
}

#[tokio::test]
async fn a_change_waits_for_its_required_check_and_is_promoted_once_that_is_green() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    let head = hosted.head(41);
    let protection = Protection { checks: vec!["test".into()], reviews: 0, way: Way::Ruleset };
    hosted.github.protects(&web, "main", protection);
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {head}"));
    hosted.marked(41, looked, "+1").await;

    let early = hosted.says("sam", 41, "/promote");
    hosted.told(41, &["once every required check of its commit is green"]).await;
    hosted.marked(41, early, "-1").await;
    assert!(!hosted.github.is_merged(&web, 41));

    hosted.github.checks(&web, &head, "test", Some("success"));
    hosted.says("sam", 41, "/promote");
    hosted.told(41, &["🎉", "live for everyone"]).await;
    assert!(hosted.github.is_merged(&web, 41));
}
