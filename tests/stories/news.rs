//! A contributor's way: the welcome on a first pull request, and what became of a change, told where it stands.

use folkops_world::{Hosted, until};

#[tokio::test]
async fn a_first_pull_request_is_welcomed_once_and_no_maintainer_s_and_no_program_s() {
    let mut hosted = Hosted::start().await;
    let (web, api) = (hosted.repository(41), hosted.repository(43));
    hosted.github.bot("renovate-bot");
    hosted.github.opens(&web, 57, "renovate-bot");
    hosted.github.opens(&web, 58, "sam");
    hosted.github.opens(&web, 41, "mira");
    let welcome = hosted.told(41, &["Welcome, mira", "/deploy-preview 41", "/opt-in 41"]).await;
    assert!(!welcome.body.contains("@mira"), "nobody is notified: {}", welcome.body);

    // Her second one, and the others, were seen by now: what they say is answered, and nothing else was.
    hosted.github.opens(&api, 43, "mira");
    for number in [43, 57, 58] {
        let asked = hosted.says("jo", number, "/status");
        hosted.marked(number, asked, "+1").await;
        let told = hosted.told(number, &["runs release"]).await;
        assert!(!told.body.contains("Welcome"), "{}", told.body);
    }
    hosted.world.kill().await;
    hosted.world.restart().await;
    hosted.says("mira", 41, "/status");
    let told = hosted.told(41, &["runs release"]).await;
    assert_eq!(
        (hosted.ours(41).len(), told.body.matches("**✅ Welcome, mira").count()),
        (1, 1),
        "{}",
        told.body
    );
}

#[tokio::test]
async fn what_a_policy_keeps_unsaid_is_neither_said_nor_refused_aloud() {
    let hosted = Hosted::before_the_first_release(|config| {
        let key = config["github"]["key"].as_str().unwrap();
        let folder = std::path::Path::new(key).with_file_name("policies");
        std::fs::create_dir_all(&folder).unwrap();
        let policy = "@id(\"no-welcome\") @reason(\"we greet people ourselves\")
            forbid (principal, action == Action::\"welcome\", resource);";
        std::fs::write(folder.join("own.cedar"), policy).unwrap();
        config.insert("policies".into(), folder.to_str().unwrap().into());
    })
    .await;
    hosted.world.until_release(1).await;
    hosted.github.opens(&hosted.repository(41), 41, "mira");
    until("the welcome was refused", async || {
        let journal = hosted.world.journal().await;
        let decided = journal.every("operation-decided");
        let refused = decided.iter().any(|record| {
            let action = &record["body"]["action"];
            action["command"] == "welcome" && record["body"]["accepted"] == "refused"
        });
        refused.then_some(())
    })
    .await;
    hosted.says("jo", 41, "/status");
    let told = hosted.told(41, &["runs release"]).await;
    assert!(!told.body.contains("we greet people") && !told.body.contains("Welcome"), "{}", told.body);
}

#[tokio::test]
async fn who_wrote_a_change_reads_on_their_pull_request_what_was_promoted_and_rolled_back_elsewhere() {
    let hosted = Hosted::start().await;
    let (web, api) = (hosted.repository(41), hosted.repository(43));
    hosted.github.opens(&web, 41, "mira");
    hosted.github.opens(&api, 43, "sam");
    hosted.told(41, &["Welcome, mira"]).await;
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {}", hosted.head(41)));
    hosted.marked(41, looked, "+1").await;

    hosted.says("sam", 43, "/promote web#41");
    let live = hosted.told(41, &["41 is live for everyone", "mira, your change", "sam promoted it"]).await;
    assert_eq!(hosted.ours(41).len(), 1, "{}", live.body);

    hosted.says("jo", 43, "/rollback");
    hosted.told(41, &["41 was rolled back", "jo asked for it"]).await;
    let here = hosted.told(43, &["is back on release 1"]).await;
    assert!(!here.body.contains("your change"), "{}", here.body);
}

#[tokio::test]
async fn after_a_rollback_the_revert_of_a_squash_is_opened_once_with_its_why_and_merged_by_nobody() {
    taken_back_after("squash").await;
}

#[tokio::test]
async fn after_a_rollback_the_revert_of_a_rebase_is_opened_once_with_its_why_and_merged_by_nobody() {
    taken_back_after("rebase").await;
}

async fn taken_back_after(method: &'static str) {
    let merging = |config: &mut toml::Table| {
        config["github"].as_table_mut().unwrap().insert("merge".into(), method.into());
    };
    let hosted = Hosted::before_the_first_release(merging).await;
    hosted.world.until_release(1).await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {}", hosted.head(41)));
    hosted.marked(41, looked, "+1").await;
    hosted.says("sam", 41, "/promote");
    hosted.told(41, &["41 is live for everyone"]).await;
    assert!(hosted.github.open(&web).is_empty());

    hosted.says("jo", 41, "/rollback");
    hosted.told(41, &["takes #41 back", "a person merges it", "Read #"]).await;
    let open = hosted.github.open(&web);
    let [(revert, by, title)] = open.as_slice() else { panic!("{open:?}") };
    assert!(title == "Revert #41" && by.ends_with("[bot]"), "{open:?}");
    let body = hosted.github.text(&web, *revert);
    assert!(body.contains("A rollback took it from everybody, who went back to release 1"), "{body}");
    assert!(body.contains("Nobody merges it but a person"), "{body}");

    // A person closes it: it is not opened again.
    hosted.github.closes(&web, *revert, "jo");
    let asked = hosted.says("jo", 41, "/status");
    hosted.marked(41, asked, "+1").await;
    assert!(hosted.github.open(&web).is_empty());
    assert!(!hosted.github.is_merged(&web, *revert));
}
