//! One person, two accounts: proven from both sides, to nobody but whom they agreed to.

use folkops_world::{Card, Hosted};

#[tokio::test]
async fn somebody_of_the_web_room_links_their_account_on_github_and_what_it_says_there_is_said_by_them() {
    let hosted = Hosted::start().await;
    let (web, github, world) = (hosted.repository(41), &hosted.github, &hosted.world);
    world.joins("Ana", &["--group", "user", "--owner", "ana"]).await;
    github.opens(&web, 41, "mira");
    let (hers, eve) = (github.user("ana-of-github"), github.user("eve"));

    // Eve hears a code and says it first. Ana is asked about Eve by number, and does not agree.
    let overheard = code(&hosted).await;
    hosted.says("eve", 41, &overheard);
    let warned = hosted.told(41, &["Are you Ana?", "they speak, and vouch, as you"]).await;
    let (_, ana) = warned.body.split_once("/link --yes=").expect("whom to name");
    let as_ana = format!("/link --yes={}", ana.split('`').next().unwrap());
    let agreeing = |line: &str| line.replacen("/link", &as_ana, 1);
    hosted.says("eve", 41, &agreeing(&overheard));
    hosted.told(41, &["eve said the code", "Nothing is linked before they agree"]).await;
    let asked = world.card_matching("ana", "is this account yours?").await;
    assert_eq!(asked.row("Account"), format!("github-{eve}"), "{asked}");
    hosted.says("ana-of-github", 41, &overheard);
    hosted.told(41, &["That is no code that works"]).await;

    let fresh = code(&hosted).await;
    hosted.says("ana-of-github", 41, &agreeing(&fresh));
    hosted.told(41, &["ana-of-github said the code"]).await;
    let asked = world.until_card("ana", "her own account", |card: &Card| {
        card.title.contains("is this account yours?") && card.row("Account") == format!("github-{hers}")
    });
    asked.await;
    let linked = world.presses("ana", "Yes, it is mine").await;
    assert!(linked.title.contains("ana-of-github is Ana from now on"), "{linked}");
    hosted.told(41, &["This account is Ana’s from now on"]).await;

    hosted.says("ana-of-github", 41, "/whoami");
    hosted.told(41, &["You are Ana, here as **user**", &format!("github-{hers}")]).await;
    hosted.says("eve", 41, "/whoami");
    hosted.told(41, &["You are eve"]).await;

    world.says("ana", &format!("/unlink github-{hers}")).await;
    hosted.says("ana-of-github", 41, "/whoami");
    hosted.told(41, &["You are ana-of-github, here as **stranger**"]).await;
}

/// Ana asks for a code in the web room; gives the line that says it, as only she sees it.
async fn code(hosted: &Hosted) -> String {
    let world = &hosted.world;
    let asked = world.says("ana", "/link").await;
    assert!(!asked.private && !asked.to_string().contains("/link "), "{asked}");
    let place = |card: &Card| card.private && card.title == "Your code";
    let private = world.until_card("ana", "her code", place).await;
    private.body.iter().find(|line| line.starts_with("/link ")).expect("a line to say").clone()
}

#[tokio::test]
async fn on_a_pull_request_no_code_is_shown_but_where_it_is_to_be_seen() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    hosted.says("mira", 41, "/link");
    let told = hosted.told(41, &["mira wants another account to count as theirs", "/room/web-41"]).await;
    assert!(!told.body.contains("Your code") && !told.body.contains("/link "), "{}", told.body);
}
