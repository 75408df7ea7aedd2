//! A contributor's way: the welcome on a first pull request, and what became of a change, told where it stands.

use folkops_world::{Comment, Hosted, World, until};

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
    let web = promoted(&hosted).await;
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

#[tokio::test]
async fn while_github_is_down_a_rollback_goes_on_and_its_revert_is_opened_once_github_is_back() {
    let hosted = Hosted::start().await;
    let web = promoted(&hosted).await;
    hosted.github.goes_down();
    let calls = hosted.github.calls().len();
    hosted.world.joins("Kim", &["--group", "on-call"]).await;
    hosted.world.says("kim", "/rollback").await;
    hosted.world.until_release(1).await;
    until("the revert is tried in vain", async || {
        let journal = hosted.world.journal().await;
        let mut decided = journal.every("operation-decided").into_iter();
        decided.find(|record| record["body"]["action"]["command"] == "revert")?;
        let refused = hosted.github.calls().split_off(calls).into_iter().filter(|call| call.ends_with("503"));
        (refused.count() > 3).then_some(())
    })
    .await;
    assert!(hosted.github.open(&web).is_empty());
    hosted.github.comes_back();
    hosted.told(41, &["takes #41 back", "FolkOps by itself asked for it"]).await;
    assert_eq!(hosted.github.open(&web).len(), 1);
}

#[tokio::test]
async fn a_revert_that_is_not_needed_any_more_is_closed_with_its_why_and_one_that_a_person_opened_is_not() {
    let hosted = Hosted::start().await;
    let web = promoted(&hosted).await;
    hosted.says("jo", 41, "/rollback");
    hosted.told(41, &["takes #41 back", "Read #"]).await;
    let open = hosted.github.open(&web);
    let [(revert, ..)] = open.as_slice() else { panic!("{open:?}") };
    let revert = *revert;
    // Somebody's own, which is called the same.
    hosted.github.opens(&web, 58, "mira");

    hosted.says("sam", 41, "/pardon 41 the disk was full");
    let words = ["it is not needed any more**", "sam pardoned it", "the disk was full"];
    let told =
        hosted.github.until_comment(&web, revert, |one| words.iter().all(|word| one.body.contains(word)));
    assert!(told.await.author.ends_with("[bot]"));
    let open: Vec<u64> = hosted.github.open(&web).iter().map(|(number, ..)| *number).collect();
    assert_eq!(open, [58]);

    hosted.github.reopens(&web, revert, "jo");
    let asked = hosted.github.comments(&web, revert, "jo", "/status");
    let answered = |one: &Comment| one.id == asked && one.reactions.iter().any(|(_, mark)| mark == "+1");
    hosted.github.until_comment(&web, revert, answered).await;
    assert_eq!(hosted.github.open(&web).len(), 2, "it is closed once");
}

#[tokio::test]
async fn a_revert_in_a_repository_of_this_machine_is_closed_as_well_and_that_is_said_in_the_room() {
    let world = World::start().await;
    world.says("jo", &format!("/ok-to-test {}", world.head(41))).await;
    world.says("jo", "/promote 41").await;
    world.until_release(2).await;
    world.card_matching("jo", "live for everyone").await;
    world.says("jo", "/rollback").await;
    world.until_release(1).await;
    world.says("jo", "/revert 41").await;
    world.card_matching("jo", "takes #41 back").await;
    world.says("jo", "/pardon 41").await;
    let told = world.card_matching("ana", "is closed: it is not needed any more").await;
    assert!(told.by_itself && told.row("Why").contains("#41 may stay: Jo pardoned it"), "{told}");
}

/// #41 is live for everybody; its repository.
async fn promoted(hosted: &Hosted) -> String {
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {}", hosted.head(41)));
    hosted.marked(41, looked, "+1").await;
    hosted.says("sam", 41, "/promote");
    hosted.told(41, &["41 is live for everyone"]).await;
    web
}
