//! A push to a change that was allowed: what is told of it, where, and what stays as it is.

use std::collections::BTreeSet;

use folkops_engine::Body;
use folkops_model::{ChangeNumber, ChangeRef, DiffSummary, Difference, Touched};
use folkops_previews::{Changes, Previews};

use crate::doubles::{component, sha};
use crate::room::Room;

fn change(number: u32) -> ChangeRef {
    ChangeRef { component: component("web"), number: ChangeNumber(number) }
}

/// A push to #41, seen together with what it brought since the first commit.
async fn pushed(room: &Room, seed: &str, diff: DiffSummary) {
    let difference = Difference { from: sha("41 first"), to: sha(seed), diff, paths: None, straight: true };
    room.engine.note(Body::ChangeCompared { change: change(41), difference }).await.unwrap();
    room.push("web", 41, seed).await;
    room.quiet().await;
}

fn two_lines_of_ci() -> DiffSummary {
    DiffSummary { files: 1, added: 1, removed: 1, touched: BTreeSet::from([Touched::Ci, Touched::Network]) }
}

/// What FolkOps says by itself of pushes, said once.
async fn told(room: &Room) {
    for (line, _) in room.ledger.read(|facts| folkops_commands::proposals(facts, None)) {
        room.says_by_itself(&line).await;
    }
    room.quiet().await;
}

#[tokio::test]
async fn the_card_that_waits_for_a_look_says_what_is_at_stake_and_what_changed_since_the_last_one() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    pushed(&room, "41 second", two_lines_of_ci()).await;
    let waits = room.says("mira", "/deploy-preview 41").await;
    let since = format!(
        "Since: {}, which jo allowed: 1 file, 2 lines, touches tests' own set-up, network settings; leave",
        sha("41 first").short()
    );
    assert!(waits.starts_with("Waiting: #41 by"), "{waits}");
    assert!(
        waits.contains("Change 41: 1 file, 3 lines, no dependencies") && waits.contains(&since),
        "{waits}"
    );
    assert!(waits.contains("[Read what changed]"), "{waits}");
}

#[tokio::test]
async fn who_is_refused_before_the_first_look_reads_what_changed_whatever_was_asked_for() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    pushed(&room, "41 second", two_lines_of_ci()).await;
    let (first, second) = (sha("41 first"), sha("41 second"));
    let since = format!("Since: {}, which jo allowed: 1 file, 2 lines, touches tests' own", first.short());
    let allow = format!("[Allow {}] [Read what changed] [Read the 3 lines]", second.short());
    for line in ["/deploy-preview 41", "/opt-in 41", "/promote 41"] {
        let card = room.says("ana", line).await;
        assert!(card.contains(&since) && card.contains(&allow), "{line}: {card}");
    }
}

#[tokio::test]
async fn a_push_changes_the_card_of_the_allowance_and_of_the_preview_once_and_stops_nothing() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("mira", "/deploy-preview 41").await;
    let before = room.cards().len();
    pushed(&room, "41 second", two_lines_of_ci()).await;
    told(&room).await;
    let (first, second) = (sha("41 first"), sha("41 second"));
    let all = room.all();
    let moved = format!(
        "Waiting: #41 has moved on from {} to {}, which waits for one look",
        first.short(),
        second.short()
    );
    assert!(all.contains(&moved) && all.contains("What runs of it runs on; nothing newer starts."), "{all}");
    assert!(all.contains("Whole: 1 file, 3 lines") && all.contains("Who: jo can"), "{all}");
    let since = format!("moved from {} to {} (1 file, 2 lines, touches", first.short(), second.short());
    assert!(all.contains(&since), "{all}");
    assert_eq!(room.cards().len(), before, "no card more: {all}");
    assert_eq!(room.ledger.read(|facts| folkops_commands::proposals(facts, None)), [], "it is told once");
    room.ledger.read(|facts| assert_eq!(facts.fold::<Previews>().unwrap().previews.len(), 1));
}

#[tokio::test]
async fn a_push_is_measured_against_the_last_commit_that_was_allowed_and_not_against_the_push_before() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.push("web", 41, "41 second").await;
    told(&room).await;
    pushed(&room, "41 third", two_lines_of_ci()).await;
    told(&room).await;
    let all = room.all();
    assert!(
        all.contains(&format!("moved on from {} to {}", sha("41 first").short(), sha("41 third").short())),
        "{all}"
    );
    room.says("jo", &format!("/ok-to-test {}", sha("41 third"))).await;
    room.ledger.read(|facts| {
        let changes = facts.fold::<Changes>().unwrap();
        assert_eq!(changes.stood.get(&change(41)).unwrap().sha, sha("41 third"));
        assert_eq!(changes.left(facts, &change(41), &sha("41 third")), None);
    });
}

#[tokio::test]
async fn a_push_back_to_what_was_allowed_takes_nothing_away_and_a_person_cannot_say_that_it_moved() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.push("web", 41, "41 second").await;
    room.push("web", 41, "41 first").await;
    assert_eq!(room.ledger.read(|facts| folkops_commands::proposals(facts, None)), []);
    let said = room.says("jo", "/moved web#41").await;
    assert!(said.starts_with("Refused: `/moved` is no command here"), "{said}");
    let records = room.ledger.read(|facts| facts.fold::<Changes>().unwrap().voided.len());
    assert_eq!(records, 0);
}
