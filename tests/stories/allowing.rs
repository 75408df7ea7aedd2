//! What an allowance is worth after a push, and what has to be answered for before everybody gets a change.

use folkops_world::{Browser, Hosted, World};
use toml::Table;

fn table(text: &str) -> Table {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_push_is_told_with_what_it_brought_and_only_the_author_s_own_small_one_keeps_the_allowance() {
    let rule = table("carry_over = { lines = 5, paths = [\"docs/\"] }");
    let hosted = Hosted::before_the_first_release(|config| {
        config.insert("approval".into(), rule.into());
    })
    .await;
    hosted.world.until_release(1).await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    let first = hosted.head(41);
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {first}"));
    hosted.marked(41, looked, "+1").await;

    hosted.github.pushes(&web, 41, "mira", &[("docs/guests.md", b"For six.\n")]).await;
    hosted.told(41, &["may run at", "carried over from", "1 line by its author since"]).await;
    hosted.says("mira", 41, "/deploy-preview");
    hosted.told(41, &["Preview of #41 is up"]).await;

    let pushed = hosted.github.pushes(&web, 41, "jo", &[("docs/guests.md", b"For seven.\n")]).await;
    let compare = format!("/{web}/compare/{first}..{pushed}");
    let why = "it is not known to be pushed by the change’s author alone";
    let told =
        hosted.told(41, &["has moved on from", "1 file, 1 line, no dependencies", why, &compare]).await;
    assert!(told.body.contains(&format!("/ok-to-test {pushed}")), "{}", told.body);
    assert_eq!(hosted.ours(41).len(), 1, "one comment of ours, edited in place");
    let runs = hosted.world.running().into_iter().filter(|program| program.stack.starts_with("p-")).count();
    assert_eq!(runs, 2, "a push stops nothing");

    let mut reader = Browser::new(hosted.world.setup().site);
    let (host, page) = ("folkops.potluck.localhost", "/changes/web/41/diff");
    let since = reader.opens(host, &format!("{page}?since={first}")).await;
    assert!(since.body.contains("+For seven.") && !since.body.contains("src/recipe.rs"), "{}", since.body);
    let whole = reader.opens(host, &format!("{page}?since={pushed}")).await;
    assert!(whole.body.contains("src/recipe.rs"), "only what was allowed is compared with");
}

#[tokio::test]
async fn a_promotion_waits_for_the_points_of_the_list_which_a_maintainer_ticks_by_a_button() {
    let point = table("key = \"privacy\"\ntext = \"Nobody’s data is shown to others\"");
    let world = World::with(|config| {
        config.insert("checklist".into(), vec![point].into());
    })
    .await;
    world.says("jo", &format!("/ok-to-test {}", world.head(41))).await;
    let refused = world.says("jo", "/promote 41").await;
    let row = refused.row("privacy");
    assert!(
        row.contains("Nobody’s data is shown to others; not ticked:") && row.contains("/tick privacy 41"),
        "{refused}"
    );
    let ticked = world.presses("jo", "Tick privacy").await;
    assert!(ticked.title.starts_with("privacy is ticked for #41 at"), "{ticked}");
    world.says("jo", "/promote 41").await;
    world.until_release(2).await;
}
