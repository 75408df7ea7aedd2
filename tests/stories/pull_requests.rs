//! The whole story from pull-request comments: comment in, comment out.

use std::time::Duration;

use folkops_world::{Chromium, Hosted, Protection, Verdict, Way, until_within};

/// A reply and the marks around it, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
const SOUP: &str = "/red-lentil-soup";

#[tokio::test]
async fn a_fork_s_change_is_looked_at_by_a_review_tried_by_its_author_alone_and_promoted_by_a_second_maintainer()
 {
    let hosted = Hosted::with_sign_in().await;
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

    mira_alone_has_it(&hosted).await;

    let promoted = hosted.says("sam", 41, "/folkops promote");
    hosted.told(41, &["🎉", "live for everyone"]).await;
    hosted.marked(41, promoted, "rocket").await;
    assert!(hosted.github.is_merged(&web, 41));
    hosted.world.until_release(2).await;
    let everybody = hosted.world.visits(&mut hosted.world.visitor(), "ben", SOUP).await;
    assert_eq!(hosted.world.behind(&everybody.body), hosted.world.running_digests("release-2"));

    assert_eq!(hosted.ours(41).len(), 1, "one comment of ours, edited in place");
    assert_eq!(hosted.ours(41)[0].id, waits.id);
}

/// She signs in with GitHub, so that the service knows whose data is hers; all she says is said on the pull request.
async fn mira_alone_has_it(hosted: &Hosted) {
    let world = &hosted.world;
    let early = hosted.says("mira", 41, "/opt-in");
    let sign_in = format!("{}/sign-in/github", hosted.site());
    hosted.told(41, &["not known which account in the service is yours", &sign_in]).await;
    hosted.marked(41, early, "confused").await;

    hosted.github.sits_down("mira");
    let browser = Chromium::start().await;
    browser.opens(&sign_in).await;
    browser.presses("Continue to GitHub").await;
    browser.until_sees(&["kitchen"]).await;

    hosted.says("mira", 41, "/opt-in");
    let consent = hosted.told(41, &["Try #41 on your own account?", "may read and change the data of"]).await;
    let agreed = consent.body.lines().find(|line| line.starts_with("/opt-in")).expect("a line to copy");
    hosted.says("mira", 41, agreed);
    let told = hosted.told(41, &["mix now has", "🔑 For mira alone, after signing in"]).await;
    assert!(!told.body.contains("Tie this browser"), "the link is hers alone: {}", told.body);
    // That somebody tries it now is told by itself, behind what was answered.
    let figures = ["No evidence yet on #41", "1 person on their own account"];
    let told = hosted.told(41, &figures).await;
    let places = (told.body.find("mix now has"), told.body.find(figures[0]));
    assert!(places.0 < places.1, "{}", told.body);

    browser.opens(&format!("{}/room/web-41", hosted.site())).await;
    browser.until_sees(&["potluck/web#41 on GitHub"]).await;
    browser.presses_into_new_tab("Open github-").await;
    browser.presses("Use it in this browser").await;
    let hers = browser.until_sees(&["#41"]).await;
    let others = world.visits(&mut world.visitor(), "ben", SOUP).await;
    assert_eq!(world.behind(&others.body), world.running_digests("release-1"));
    assert_ne!(world.behind(&hers), world.running_digests("release-1"), "{hers}");
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

#[tokio::test]
async fn an_answer_that_github_will_never_take_is_set_aside_and_the_next_start_is_clean() {
    let mut hosted = Hosted::start().await;
    let (locked, open) = (hosted.repository(41), hosted.repository(52));
    // Maintainers are not welcomed: the answer is all that is owed there.
    hosted.github.opens(&locked, 41, "sam");
    hosted.github.opens(&open, 52, "sam");
    hosted.github.locks(&locked, 41);
    let asked = hosted.says("sam", 41, "/status");
    let message = format!("gh-comment-{asked}");
    let refused = async || {
        let journal = hosted.world.journal().await;
        let owed =
            journal.every("reply-owed").into_iter().find(|record| record["body"]["answers"] == message)?;
        let refused = journal.every("reply-refused");
        refused.iter().any(|record| record["body"]["key"] == owed["body"]["key"]).then_some(())
    };
    until_within(SOON, "the refused answer is on record", refused).await;
    assert_eq!(hosted.ours(41), [], "a locked conversation is left alone");

    hosted.world.kill().await;
    let before = hosted.world.logged().len();
    hosted.world.restart().await;
    let next = hosted.says("sam", 52, "/status");
    hosted.marked(52, next, "+1").await;
    let since = hosted.world.logged().split_off(before);
    assert!(!since.contains("could not be posted") && !since.contains("set aside"), "{since}");
    let journal = hosted.world.journal().await;
    let said = journal.every("request-received");
    let heard = said.iter().filter(|record| record["body"]["message"] == message);
    assert_eq!(heard.count(), 1, "it is in the record, once");
    assert_eq!(journal.every("reply-refused").len(), 1);
}
