//! Changes that somebody merged where they stand: promoted by name, and never along with another one unsaid.

use std::sync::Arc;

use folkops_engine::Body;
use folkops_model::{ChangeNumber, Effect, FailureKind, Landing, Target};
use folkops_previews::{Landings, Releases};

use crate::doubles::{StrictJudge, component, sha};
use crate::room::{Ground, Room};

/// A room in which nothing is promoted that nobody looked at.
async fn room() -> Room {
    Room::furnished(Ground { judge: Arc::new(StrictJudge), ..Ground::default() }).await
}

impl Room {
    /// Somebody merged a change where it stands.
    async fn lands(&self, name: &str, number: u32, seed: &str) {
        let landed = Some(Landing {
            target: Target::Production,
            head: sha(seed),
            commit: sha(&format!("merge of {seed}")),
        });
        let gone = Body::ChangeGone { component: component(name), number: ChangeNumber(number), landed };
        self.engine.note(gone).await.unwrap();
    }

    fn merges(&self) -> usize {
        let done = self.hands.done.lock().unwrap();
        done.iter().filter(|effect| matches!(effect, Effect::Merge { .. })).count()
    }

    /// The changes that the release everybody has was made of.
    fn brought(&self) -> Vec<u32> {
        self.ledger.read(|facts| {
            let (_, release) = facts.fold::<Releases>().unwrap().current(facts).unwrap();
            release.changes.iter().map(|(change, _)| change.number.0).collect()
        })
    }

    async fn allows(&self, seed: &str) -> String {
        self.says("jo", &format!("/ok-to-test {}", sha(seed))).await
    }
}

#[tokio::test]
async fn a_change_that_was_merged_by_hand_is_promoted_by_name_without_another_merge() {
    let room = room().await;
    room.allows("41 first").await;
    room.lands("web", 41, "41 first").await;
    let status = room.says("jo", "/status").await;
    assert!(status.contains("Merged: #41, and in no release yet"), "{status}");
    let card = room.says("jo", "/promote 41").await;
    assert!(card.starts_with("Live: #41 is live for everyone"), "{card}");
    let merge = sha("merge of 41 first");
    assert!(card.contains(&format!("Merged: #41 before anybody asked, as {}", merge.short())), "{card}");
    assert_eq!((room.merges(), room.brought()), (0, vec![41]));
    let facts = room.says("jo", "/why").await;
    assert!(facts.contains("merged before: yes"), "{facts}");

    let again = room.says("jo", "/promote 41").await;
    assert!(again.contains("There is no open change"), "{again}");
    let back = room.says("jo", "/rollback").await;
    assert!(back.contains("#41"), "{back}");
    let card = room.says("jo", "/promote 41").await;
    assert!(card.starts_with("Live: #41 is live for everyone"), "it may be named again: {card}");
    assert_eq!(room.merges(), 0, "it is on the branch");
}

#[tokio::test]
async fn merging_is_not_vouching_and_a_merged_commit_is_allowed_like_any_other() {
    let room = room().await;
    room.lands("web", 41, "41 first").await;
    let refused = room.says("jo", "/promote 41").await;
    assert!(refused.contains("first-look"), "{refused}");
    assert!(refused.contains(&format!("[Allow {}]", sha("41 first").short())), "{refused}");
    let allowed = room.allows("41 first").await;
    assert!(allowed.starts_with("Good: #41 may run at"), "{allowed}");
    let card = room.says("jo", "/promote 41").await;
    assert!(card.starts_with("Live: #41 is live for everyone"), "{card}");
}

#[tokio::test]
async fn what_was_merged_at_a_commit_that_nobody_had_seen_is_not_what_was_allowed() {
    let room = room().await;
    room.allows("41 first").await;
    room.lands("web", 41, "41 pushed just before").await;
    let refused = room.says("jo", "/promote 41").await;
    assert!(refused.contains("first-look"), "{refused}");
    assert!(refused.contains(sha("41 pushed just before").short()), "{refused}");
}

#[tokio::test]
async fn what_was_merged_by_hand_and_comes_along_is_judged_said_and_named_in_the_release() {
    let room = room().await;
    room.allows("57 first").await;
    room.lands("web", 41, "41 first").await;
    let refused = room.says("jo", "/promote 57").await;
    assert!(refused.contains("first-look") && refused.contains("Comes along: #41"), "{refused}");
    assert!(refused.contains(&format!("[Allow {}]", sha("41 first").short())), "{refused}");
    assert_eq!(room.brought(), Vec::<u32>::new());

    room.allows("41 first").await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.starts_with("Live: #57 is live for everyone"), "{card}");
    assert!(card.contains("Comes along: #41: it was merged as "), "{card}");
    assert_eq!((room.merges(), room.brought()), (1, vec![57, 41]));
    let back = room.says("jo", "/rollback").await;
    assert!(back.contains("#41") && back.contains("#57"), "{back}");
}

#[tokio::test]
async fn a_change_of_another_component_does_not_come_along() {
    let room = room().await;
    room.allows("57 first").await;
    room.lands("api", 43, "43 first").await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.starts_with("Live: #57 is live for everyone"), "{card}");
    assert_eq!(room.brought(), [57]);
    let waiting = room.ledger.read(|facts| facts.fold::<Landings>().unwrap().waiting.len());
    assert_eq!(waiting, 1);
}

#[tokio::test]
async fn a_merged_change_and_an_open_one_of_its_component_go_together_by_name() {
    let room = room().await;
    room.allows("41 first").await;
    room.allows("57 first").await;
    room.lands("web", 41, "41 first").await;
    let card = room.says("jo", "/promote 41 57").await;
    assert!(card.starts_with("Live: #41 and #57 are live for everyone"), "{card}");
    assert_eq!((room.merges(), room.brought()), (1, vec![41, 57]));
}

#[tokio::test]
async fn what_is_merged_between_a_decision_and_its_turn_goes_to_nobody_unjudged() {
    let room = room().await;
    room.allows("57 first").await;
    let held = room.hands.held.write().await;
    room.begins("jo", "/promote 57").await;
    room.lands("web", 41, "41 first").await;
    drop(held);
    room.quiet().await;
    let shown = room.all();
    assert!(shown.contains("#41 was merged into web meanwhile"), "{shown}");
    assert_eq!((room.merges(), room.brought()), (0, vec![]));
}

#[tokio::test]
async fn a_merged_change_whose_build_fails_can_be_promoted_again() {
    let room = room().await;
    room.allows("41 first").await;
    room.lands("web", 41, "41 first").await;
    *room.hands.failing.lock().unwrap() = Some(FailureKind::BuildFailed);
    let card = room.says("jo", "/promote 41").await;
    assert!(card.contains("#41 does not build"), "{card}");
    *room.hands.failing.lock().unwrap() = None;
    let card = room.says("jo", "/promote 41").await;
    assert!(card.starts_with("Live: #41 is live for everyone"), "{card}");
}

#[tokio::test]
async fn a_revert_that_a_person_merges_frees_the_other_changes_with_the_next_release() {
    let room = room().await;
    room.allows("41 first").await;
    room.says("jo", "/promote 41").await;
    room.lands("web", 41, "41 first").await;
    room.says("jo", "/rollback").await;
    room.says("jo", "/revert 41").await;
    room.push("web", 42, "42 first").await;
    room.allows("42 first").await;
    room.lands("web", 42, "42 first").await;
    room.allows("57 first").await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.starts_with("Live: #57 is live for everyone"), "{card}");
    assert_eq!(room.brought(), [57, 42]);
}
