//! What was rolled back is taken out of the default branch by a change of its own, and then holds nobody any more.

use folkops_engine::MemoryStore;
use folkops_model::Effect;
use folkops_previews::Releases;
use folkops_previews::tidings::{reverts, withdrawals};

use crate::doubles::sha;
use crate::rollouts::open;
use crate::room::Room;

/// #41 was live for everybody, and was rolled back.
async fn rolled_back() -> Room {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("jo", "/promote 41").await;
    room.closes("web", 41).await;
    let card = room.says("jo", "/rollback").await;
    assert!(card.contains("[Pardon] [Open revert]"), "{card}");
    room
}

impl Room {
    /// The forge lists the change that takes another one back, and somebody looks at it.
    async fn sees_revert(&self) {
        self.push("web", 42, "42 first").await;
        self.says("jo", &format!("/ok-to-test {}", sha("42 first"))).await;
    }

    /// How often something was closed that took a change back.
    fn withdrawn(&self) -> usize {
        let done = self.hands.done.lock().unwrap();
        done.iter().filter(|effect| matches!(effect, Effect::Withdraw { .. })).count()
    }

    /// The changes that hold others of their component.
    fn holds(&self) -> Vec<u32> {
        self.ledger.read(|facts| {
            let releases = facts.fold::<Releases>().unwrap();
            releases.taken_back.iter().map(|(change, _)| change.number.0).collect()
        })
    }
}

#[tokio::test]
async fn a_promoted_revert_frees_the_other_changes_of_the_component() {
    let room = rolled_back().await;
    room.says("jo", &format!("/ok-to-test {}", sha("57 first"))).await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.contains("#41 would come along") && card.contains("[Open revert]"), "{card}");
    let card = room.says("jo", "/revert 41").await;
    assert!(card.starts_with("Good: #42 takes #41 back") && card.contains("[Promote]"), "{card}");
    room.sees_revert().await;
    let card = room.says("jo", "/promote 57").await;
    assert!(card.contains("#41 would come along"), "an open revert frees nobody: {card}");
    let card = room.says("jo", "/promote 42").await;
    assert!(card.starts_with("Live: #42 is live for everyone"), "{card}");
    let card = room.says("jo", "/promote 57").await;
    assert!(card.starts_with("Live: #57 is live for everyone"), "{card}");
}

#[tokio::test]
async fn a_revert_that_was_pushed_to_does_not_count_as_one() {
    let room = rolled_back().await;
    room.says("jo", "/revert 41").await;
    room.sees_revert().await;
    room.push("web", 42, "42 second").await;
    room.says("jo", &format!("/ok-to-test {}", sha("42 second"))).await;
    let card = room.says("jo", "/promote 42").await;
    assert!(card.contains("#41 would come along"), "{card}");
}

#[tokio::test]
async fn what_is_taken_back_already_is_not_taken_back_twice_until_that_is_closed() {
    let room = rolled_back().await;
    room.says("jo", "/revert 41").await;
    let reverts = |room: &Room| {
        let done = room.hands.done.lock().unwrap();
        done.iter().filter(|effect| matches!(effect, Effect::Revert { .. })).count()
    };
    let card = room.says("jo", "/revert 41").await;
    assert!(card.starts_with("Refused: #42 takes #41 back already"), "{card}");
    assert_eq!(reverts(&room), 1);
    room.sees_revert().await;
    room.closes("web", 42).await;
    let card = room.says("jo", "/revert 41").await;
    assert!(card.starts_with("Good: #44 takes #41 back"), "{card}");
    assert_eq!(reverts(&room), 2);
}

#[tokio::test]
async fn two_who_ask_at_once_get_one_revert() {
    let room = rolled_back().await;
    let held = room.hands.held.write().await;
    room.begins("jo", "/revert 41").await;
    room.begins("jo", "/revert 41").await;
    drop(held);
    room.quiet().await;
    let all = room.all();
    assert_eq!(all.matches("Good: #42 takes #41 back").count(), 1, "{all}");
    assert_eq!(all.matches("Refused: #42 takes #41 back already").count(), 1, "{all}");
}

#[tokio::test]
async fn what_no_release_brought_is_not_taken_back() {
    let room = Room::open().await;
    let card = room.says("jo", "/revert 57").await;
    assert!(card.starts_with("Refused: `#57` is not on the default branch"), "{card}");
}

#[tokio::test]
async fn a_revert_that_goes_badly_holds_in_place_of_what_it_took_out() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    room.says("jo", "/revert 41").await;
    room.sees_revert().await;
    assert_eq!(room.holds(), [41]);
    room.says("jo", "/promote 42").await;
    assert_eq!(room.holds(), [0_u32; 0], "it is merged, and #41 is out");
    room.goes_badly(3).await;
    assert_eq!(room.holds(), [42]);
}

#[tokio::test]
async fn what_takes_a_pardoned_change_back_is_closed_once_and_says_who_pardoned_it() {
    let room = rolled_back().await;
    room.says("jo", "/revert 41").await;
    room.sees_revert().await;
    assert!(room.ledger.read(withdrawals).is_empty());
    room.says("jo", "/pardon 41 the disk was full").await;
    let told = room.tells(withdrawals).await;
    assert!(told.starts_with("Held: #42 is closed: it is not needed any more"), "{told}");
    assert!(told.contains("Why: #41 may stay: jo pardoned it: the disk was full"), "{told}");
    assert!(room.ledger.read(withdrawals).is_empty(), "it is looked after");
    room.closes("web", 42).await;
    room.push("web", 42, "42 first").await;
    assert!(room.ledger.read(withdrawals).is_empty(), "opened again by a person, it stays open");
    assert_eq!(room.withdrawn(), 1);
}

#[tokio::test]
async fn what_takes_a_change_back_that_is_live_again_is_closed_and_what_was_rolled_back_anew_keeps_its_revert()
 {
    let room = rolled_back().await;
    room.says("jo", "/revert 41").await;
    room.sees_revert().await;
    room.says("jo", "/promote 41").await;
    assert_eq!(room.ledger.read(withdrawals).len(), 1, "{}", room.all());
    room.says("jo", "/rollback").await;
    assert!(room.ledger.read(withdrawals).is_empty(), "it is needed again");
    room.says("jo", "/promote 41").await;
    let told = room.tells(withdrawals).await;
    assert!(told.contains("Why: #41 may stay: jo brought it to everybody again"), "{told}");
}

#[tokio::test]
async fn a_revert_by_itself_waits_for_a_day_and_is_closed_at_once_where_its_change_was_pardoned_meanwhile() {
    let room = rolled_back().await;
    let held = room.hands.held.write().await;
    room.begins_by_itself(reverts).await;
    room.clock.pass(11 * 60);
    room.engine.expire().await;
    room.begins("jo", "/pardon 41").await;
    drop(held);
    room.quiet().await;
    assert!(room.all().contains("#42 is closed: it is not needed any more"), "{}", room.all());
    assert_eq!(room.withdrawn(), 1);
}

#[tokio::test]
async fn a_revert_by_itself_is_opened_once_its_forge_is_back_and_one_that_was_asked_for_is_given_up() {
    let room = rolled_back().await;
    let held = room.hands.held.write().await;
    room.begins_by_itself(reverts).await;
    room.begins("jo", "/revert 41").await;
    room.clock.pass(11 * 60);
    room.engine.expire().await;
    drop(held);
    room.quiet().await;
    let all = room.all();
    assert_eq!(all.matches("Good: #42 takes #41 back").count(), 1, "{all}");
    assert_eq!(all.matches("Given up: it took too long").count(), 1, "{all}");
}
