//! Who owns what a change touches: as the default branch says, by number, with the teams within teams.

use folkops_world::{Hosted, Permission, Verdict};
use serde_json::Value;

const RULE: &str = "
@id(\"owners-look\")
@reason(\"an owner of every part that it touches must have approved this very commit\")
forbid (principal, action == Action::\"promote\", resource)
unless { context.owner_reviewed };
";

#[tokio::test]
async fn a_change_waits_for_an_owner_whom_the_default_branch_names_and_not_for_one_whom_it_names_itself() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("owners.cedar"), RULE).unwrap();
    let policies = folder.path().to_str().unwrap().to_owned();
    let hosted =
        Hosted::before_the_first_release(|config| drop(config.insert("policies".into(), policies.into())))
            .await;
    let (web, github) = (hosted.repository(41), &hosted.github);
    github.team("cooks", None, &[]);
    github.team("bakers", Some("cooks"), &["ann"]);
    github.team_may(&web, "cooks", Permission::Write);
    github.writes(&web, "jo", "docs/CODEOWNERS", "* @potluck/cooks\n");
    hosted.world.until_release(1).await;

    github.opens(&web, 41, "mira");
    // Looked for first, were it on the default branch.
    github.pushes(&web, 41, "mira", &[(".github/CODEOWNERS", b"* @jo\n")]).await;
    github.reviews(&web, 41, "jo", Verdict::Approved, "Looks right.");
    let early = hosted.says("sam", 41, "/promote");
    hosted.told(41, &["owners-look"]).await;
    hosted.marked(41, early, "-1").await;
    assert_eq!(judged(&hosted).await, ["reviewed"]);

    github.reviews(&web, 41, "ann", Verdict::Approved, "Good for the kitchen.");
    hosted.says("ann", 41, "/promote");
    hosted.told(41, &["🎉", "live for everyone"]).await;
    assert!(github.is_merged(&web, 41));
    assert_eq!(judged(&hosted).await, ["reviewed", "reviewed owner_reviewed owner"]);
}

/// Which facts about reviews and owners each `/promote` was judged by.
async fn judged(hosted: &Hosted) -> Vec<String> {
    let journal = hosted.world.journal().await;
    let actions =
        journal.every("operation-decided").into_iter().map(|record| record["body"]["action"].clone());
    let facts = |action: Value| {
        let holds = |fact: &&str| action["context"][*fact] == true;
        let held = ["reviewed", "owner_reviewed", "owner"].into_iter().filter(holds);
        held.collect::<Vec<_>>().join(" ")
    };
    actions.filter(|action| action["command"] == "promote").map(facts).collect()
}
