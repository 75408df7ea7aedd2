//! Changes that people merge where they stand: what becomes of them in production, and what never comes along unsaid.

use folkops_world::{Hosted, Method, World};

/// A world in which #41 was looked at.
async fn reviewed() -> Hosted {
    let hosted = Hosted::start().await;
    let web = hosted.repository(41);
    hosted.github.opens(&web, 41, "mira");
    hosted.told(41, &["Welcome, mira"]).await;
    looked_at(&hosted, &hosted.head(41)).await;
    hosted
}

/// Jo looks at a commit, and says so on #41.
async fn looked_at(hosted: &Hosted, head: &str) {
    let looked = hosted.says("jo", 41, &format!("/ok-to-test {head}"));
    hosted.marked(41, looked, "+1").await;
}

#[tokio::test]
async fn a_change_that_was_squashed_by_hand_goes_to_everybody_and_back_and_its_revert_is_opened() {
    let hosted = reviewed().await;
    let web = hosted.repository(41);
    let commit = hosted.github.merges_as(&web, 41, "sam", Method::Squash);

    hosted.says("sam", 41, "/promote");
    let live = hosted.told(41, &["41 is live for everyone", "before anybody asked", &commit[..7]]).await;
    assert!(live.body.contains("nothing is left to be merged"), "{}", live.body);
    let merges =
        hosted.github.calls().into_iter().filter(|call| call.contains("PUT") && call.contains("/merge"));
    assert_eq!(merges.collect::<Vec<_>>(), Vec::<String>::new(), "it was merged already");
    hosted.world.until_release(2).await;

    hosted.says("jo", 41, "/rollback");
    hosted.told(41, &["takes #41 back", "a person merges it", "Read #"]).await;
    let open = hosted.github.open(&web);
    let [(revert, _, title)] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!(title, "Revert #41");

    // It is merged where it stands as well, and is then promoted by its number.
    let number = u32::try_from(*revert).unwrap();
    looked_at(&hosted, &hosted.github.head(&web, *revert)).await;
    hosted.github.merges(&web, *revert, "jo");
    hosted.says("sam", 41, &format!("/promote {number}"));
    hosted.told(41, &[&format!("{number} is live for everyone")]).await;
    hosted.world.until_release(3).await;
}

#[tokio::test]
async fn what_was_rebased_by_hand_comes_along_only_judged_said_and_named() {
    let hosted = Hosted::start().await;
    let web = hosted.repository(57);
    hosted.github.opens(&web, 57, "mira");
    let looked = hosted.says("jo", 57, &format!("/ok-to-test {}", hosted.head(57)));
    hosted.marked(57, looked, "+1").await;
    // Opened and merged at once: whether anybody here saw it open does not matter.
    hosted.github.opens(&web, 58, "mira");
    hosted.github.merges_as(&web, 58, "sam", Method::Rebase);

    let early = hosted.says("sam", 57, "/promote");
    let held = hosted.told(57, &["first-look", "Comes along", "#58", "Unlooked"]).await;
    hosted.marked(57, early, "-1").await;
    assert!(held.body.contains(&format!("/ok-to-test {}", hosted.head(58))), "{}", held.body);
    assert!(!hosted.github.is_merged(&web, 57));

    let looked = hosted.says("jo", 57, &format!("/ok-to-test {}", hosted.head(58)));
    hosted.marked(57, looked, "+1").await;
    hosted.says("sam", 57, "/promote");
    hosted.told(57, &["57 is live for everyone", "Comes along", "#58"]).await;
    // Its author reads on their own pull request that it is live as well.
    hosted.told(58, &["58 is live for everyone"]).await;
}

#[tokio::test]
async fn what_is_pushed_just_before_somebody_merges_it_was_looked_at_by_nobody() {
    let hosted = reviewed().await;
    let web = hosted.repository(41);
    let pushed = hosted.github.pushes(&web, 41, "mira", &[("NOTE", b"one more thing")]).await;
    hosted.github.merges(&web, 41, "sam");
    let asked = hosted.says("sam", 41, "/promote");
    hosted.told(41, &["first-look", &format!("/ok-to-test {}", pushed.as_str())]).await;
    hosted.marked(41, asked, "-1").await;
    assert_eq!(hosted.world.release().await, Some(1));
}

#[tokio::test]
async fn a_change_that_was_merged_in_a_local_repository_is_promoted_by_its_number() {
    let world = World::start().await;
    world.says("ana", "/deploy-preview 41").await;
    world.presses("jo", "Allow").await;
    world.card_matching("ana", "Preview of #41 is up").await;
    let commit = world.merges(41);
    world.says("jo", "/promote 41").await;
    let card = world.card_matching("jo", "#41 is live for everyone").await;
    assert!(card.row("Merged").contains(&commit[..7]), "{card}");
    world.until_release(2).await;
}
