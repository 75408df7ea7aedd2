//! Where production follows a release branch: what is promoted, what is not, and what the automation begins by itself.

use std::collections::BTreeSet;

use folkops_engine::{Body, Keyring};
use folkops_model::{ChangeNumber, DiffSummary, Landing, ObservedChange, Target};
use folkops_previews::Releases;
use folkops_previews::deploys::{When, deploys};

use crate::doubles::{component, sha, tree};
use crate::room::Room;

impl Room {
    /// A change of api is open against one of its branches.
    async fn proposes(&self, number: u32, seed: &str, target: Target) {
        let change = ObservedChange {
            number: ChangeNumber(number),
            head: sha(seed),
            tree: tree(seed),
            base: sha("main api"),
            author: "mira".into(),
            author_name: String::new(),
            title: format!("Change {number}"),
            diff: DiffSummary { files: 1, added: 3, ..DiffSummary::default() },
            opened: None,
            target,
        };
        let author_name = self.keyring.seal("Mira").unwrap();
        self.engine
            .note(Body::ChangeObserved { component: component("api"), change, author_name })
            .await
            .unwrap();
    }

    async fn merged_into(&self, number: u32, seed: &str, target: Target) {
        let landed = Some(Landing { target, head: sha(seed), commit: sha(&format!("merge of {seed}")) });
        let gone = Body::ChangeGone { component: component("api"), number: ChangeNumber(number), landed };
        self.engine.note(gone).await.unwrap();
    }

    /// What the automation may ask for: the change, and whether before it is known what policy says.
    fn deploys(&self, unasked: &[&str]) -> Vec<(u32, When)> {
        let unasked: BTreeSet<_> = unasked.iter().map(|name| component(name)).collect();
        let all = self.ledger.read(|facts| deploys(facts, &unasked));
        all.into_iter().map(|deploy| (deploy.tiding.change.number.0, deploy.when)).collect()
    }

    fn release(&self) -> u64 {
        self.ledger.read(|facts| facts.fold::<Releases>().unwrap().current(facts).unwrap().0.release.0)
    }
}

#[tokio::test]
async fn a_change_against_the_default_branch_is_not_promoted_past_the_release_branch_open_or_merged() {
    let room = Room::open().await;
    room.proposes(70, "70 first", Target::Development).await;
    room.says("jo", &format!("/ok-to-test {}", sha("70 first"))).await;
    let card = room.says("jo", "/promote 70").await;
    assert!(
        card.starts_with("Refused: #70 goes into the default branch, and production follows `production`"),
        "{card}"
    );
    assert!(card.contains("Rule: release-branch") && card.contains("Next: Open a pull request"), "{card}");

    room.merged_into(70, "70 first", Target::Development).await;
    room.proposes(71, "71 first", Target::Release).await;
    let card = room.says("jo", "/promote api#70").await;
    assert!(card.starts_with("Refused: #70 was merged into the default branch"), "{card}");
    assert!(card.contains("Open: #71 into `production`") && card.contains("[Promote #71]"), "{card}");
    assert_eq!(room.release(), 1);

    let preview = room.says("jo", "/deploy-preview 41").await;
    assert!(preview.contains("41"), "others go on as ever: {preview}");
}

#[tokio::test]
async fn a_pull_request_against_the_release_branch_is_promoted_like_any_change_and_says_so_in_the_facts() {
    let room = Room::open().await;
    room.proposes(71, "71 first", Target::Release).await;
    room.says("jo", &format!("/ok-to-test {}", sha("71 first"))).await;
    let card = room.says("jo", "/promote 71").await;
    assert!(card.starts_with("Live: #71 is live for everyone"), "{card}");
    let why = room.says("jo", "/why").await;
    assert!(why.contains("release branch: yes"), "{why}");
}

#[tokio::test]
async fn the_automation_asks_for_what_was_merged_for_release_and_for_what_is_open_only_where_that_is_set() {
    let room = Room::open().await;
    room.proposes(70, "70 first", Target::Development).await;
    room.proposes(71, "71 first", Target::Release).await;
    assert_eq!(room.deploys(&["api"]), [], "nobody looked at it");
    room.says("jo", &format!("/ok-to-test {}", sha("71 first"))).await;
    room.says("jo", &format!("/ok-to-test {}", sha("70 first"))).await;
    assert_eq!(room.deploys(&[]), [], "it is for people to say");
    assert_eq!(room.deploys(&["api"]), [(71, When::PolicyHolds)]);
    room.merged_into(70, "70 first", Target::Development).await;
    room.merged_into(71, "71 first", Target::Release).await;
    assert_eq!(room.deploys(&[]), [(71, When::Told), (71, When::PolicyHolds)]);
    room.clock.pass(25 * 3_600);
    assert_eq!(room.deploys(&["api"]), [], "what is a day old is no news");
}

#[tokio::test]
async fn by_itself_no_commit_is_promoted_twice_whatever_became_of_it() {
    let room = Room::open().await;
    room.proposes(71, "71 first", Target::Release).await;
    room.says("jo", &format!("/ok-to-test {}", sha("71 first"))).await;
    room.merged_into(71, "71 first", Target::Release).await;
    room.says_by_itself("/promote api#71").await;
    room.quiet().await;
    assert_eq!(room.release(), 2);
    room.says("jo", "/rollback").await;
    assert_eq!((room.release(), room.deploys(&["api"])), (1, vec![]));
    room.says_by_itself("/promote api#71").await;
    room.quiet().await;
    assert_eq!(room.release(), 1, "a line that was said at the same moment begins nothing");
    let card = room.says("jo", "/promote 71").await;
    assert!(card.starts_with("Live: #71 is live for everyone"), "a person may: {card}");
}
