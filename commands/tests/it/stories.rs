//! Stories: a sentence somebody says, and the reply they read.

use folkops_engine::{Audience, Body};
use folkops_model::{ChangeNumber, ChangeRef, Effect, FailureKind, Intent, Outcome, Trust};
use folkops_previews::tidings::courses;
use folkops_previews::{Mixes, PreviewState, Previews, Releases};

use crate::doubles::{component, sha};
use crate::room::Room;

#[tokio::test]
async fn a_strangers_preview_waits_for_one_look_and_then_starts_by_itself() {
    let room = Room::open().await;
    let card = room.says("mira", "/deploy-preview 41").await;
    assert!(card.starts_with("Waiting: #41 by Mira waits for one look"), "{card}");
    assert!(card.contains("Rule: first-look; a maintainer allows exactly"), "{card}");
    assert!(card.contains("Who: Told once: jo"), "{card}");
    assert!(
        room.hands
            .done
            .lock()
            .unwrap()
            .iter()
            .all(|effect| !matches!(effect, Effect::Build { trust: Trust::Unmerged, .. }))
    );

    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.until(|facts| {
        facts.fold::<Previews>().unwrap().previews.iter().any(|(_, p)| matches!(p.state, PreviewState::Up(_)))
    })
    .await;
    room.quiet().await;
    assert!(room.all().contains("Good: Preview of #41 is up"), "{}", room.all());
}

#[tokio::test]
async fn a_push_moves_the_wait_to_the_new_commit_and_the_old_leave_does_not_cover_it() {
    let room = Room::open().await;
    room.says("mira", "/deploy-preview 41").await;
    room.push("web", 41, "41 second").await;
    room.until(|facts| {
        let operations = facts.fold::<folkops_engine::Operations>().unwrap();
        operations
            .operations
            .iter()
            .any(|(_, o)| format!("{:?}", o.state).contains(sha("41 second").as_str()))
    })
    .await;
    let refused = room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    assert!(refused.contains("#41 has moved on from"), "{refused}");
    assert!(
        room.hands
            .done
            .lock()
            .unwrap()
            .iter()
            .all(|effect| !matches!(effect, Effect::Build { trust: Trust::Unmerged, .. }))
    );
}

#[tokio::test]
async fn what_was_pushed_to_on_the_way_runs_as_it_was_allowed_and_the_card_tells_of_both_commits() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    for line in ["/deploy-preview 41", "/promote 41"] {
        let held = room.hands.held.write().await;
        room.begins("jo", line).await;
        room.push("web", 41, "41 second").await;
        drop(held);
        room.quiet().await;
        let card = room.newest();
        let (first, second) = (sha("41 first"), sha("41 second"));
        let moved = format!("Moved: #41 moved from {} to {} meanwhile", first.short(), second.short());
        assert!(card.contains(&moved), "{line}: {card}");
        room.push("web", 41, "41 first").await;
    }
    assert!(room.all().contains(&format!("Why: jo allowed {}", sha("41 first").short())), "{}", room.all());
}

#[tokio::test]
async fn a_change_that_is_pushed_to_after_it_was_merged_has_moved_on_from_where_it_was_merged() {
    let room = Room::open().await;
    let allow = format!("/ok-to-test {}", sha("41 first"));
    room.says("jo", &allow).await;
    room.closes("web", 41).await;
    room.push("web", 41, "41 second").await;
    let refused = room.says("jo", &allow).await;
    assert!(refused.contains("#41 has moved on from"), "{refused}");
    let waits = room.says("mira", "/deploy-preview 41").await;
    assert!(waits.contains("leave for that commit does not carry over"), "{waits}");
}

#[tokio::test]
async fn a_person_tries_two_changes_after_saying_yes_to_exactly_them() {
    let room = Room::open().await;
    for seed in ["41 first", "43 first"] {
        room.says("jo", &format!("/ok-to-test {}", sha(seed))).await;
    }
    let asked = room.says("ana", "/opt-in 41 43").await;
    assert!(asked.starts_with("Ask: Try #41 and #43 on your own account?"), "{asked}");
    let word = room.consent_word();
    let stale = room.says("ana", "/opt-in 41 43 --yes=000000000000").await;
    assert!(stale.contains("What you agreed to has changed since"), "{stale}");
    room.says("ana", &format!("/opt-in 41 43 --yes={word}")).await;
    room.quiet().await;
    assert!(room.all().contains("ana’s mix now has"), "{}", room.all());
    assert!(room.all().contains("http://ana.potluck.localhost/.folkops/join/"), "{}", room.all());
    room.says("ana", "/opt-out").await;
    room.ledger.read(|facts| assert!(facts.fold::<Mixes>().unwrap().mixes.is_empty()));
}

#[tokio::test]
async fn a_one_time_link_is_told_only_after_the_edge_knows_it() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("ana", "/opt-in 41").await;
    let word = room.consent_word();
    room.says("ana", &format!("/opt-in 41 --yes={word}")).await;
    let (mut issued, mut routed, mut told) = (Vec::new(), Vec::new(), Vec::new());
    room.ledger
        .records(&mut |record| match &record.body {
            Body::Intended(Intent::IssueLink { .. }) => issued.push(record.sequence),
            Body::EffectSettled(settled) if settled.outcome == Outcome::Routed => {
                routed.push(record.sequence)
            }
            Body::ReplyOwed(reply) if reply.audience != Audience::Everyone => told.push(record.sequence),
            _ => {}
        })
        .unwrap();
    let ([issued], [.., routed], [told]) = (issued.as_slice(), routed.as_slice(), told.as_slice()) else {
        panic!("issued {issued:?}, routed {routed:?}, told {told:?}")
    };
    assert!(issued < routed && routed < told, "issued {issued}, routed {routed}, told {told}");
}

#[tokio::test]
async fn two_changes_of_one_component_are_refused_with_the_way_out() {
    let room = Room::open().await;
    let card = room.says("jo", "/deploy-preview 41 57").await;
    assert!(card.starts_with("Refused: #41 and #57 both change web"), "{card}");
    assert!(card.contains("Next: Take one of them"), "{card}");
}

#[tokio::test]
async fn a_promotion_switches_everybody_and_a_rollback_gives_the_same_builds_back() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    let refused = room.says("ana", "/promote 41").await;
    assert!(refused.starts_with("Refused: Not by ana"), "{refused}");
    let before = room.production();
    room.says("jo", "/promote 41").await;
    room.quiet().await;
    assert!(room.all().contains("Live: #41 is live for everyone"), "{}", room.all());
    assert_ne!(room.production(), before);
    room.says("jo", "/rollback").await;
    room.quiet().await;
    assert_eq!(room.production(), before);
    assert!(room.all().contains("Potluck is back on release 1"), "{}", room.all());
    room.says("jo", &format!("/ok-to-test {}", sha("57 first"))).await;
    let held = room.says("jo", "/promote 57").await;
    assert!(held.starts_with("Held: #41 would come along"), "{held}");
    room.closes("web", 41).await;
    room.says("jo", "/promote 41").await;
    room.quiet().await;
    room.ledger.read(|facts| {
        let releases = facts.fold::<Releases>().unwrap();
        assert_eq!(
            releases.current(facts).unwrap().0.release.0,
            3,
            "what was merged may be promoted again by name"
        );
        assert!(releases.taken_back.is_empty());
    });
}

#[tokio::test]
async fn a_freeze_stops_a_promotion_but_not_a_rollback() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says("jo", "/promote 41").await;
    room.says("jo", "/freeze the fair is on").await;
    assert!(room.newest().contains("Reason: the fair is on"), "{}", room.newest());
    let refused = room.says("jo", "/promote 43").await;
    assert!(refused.contains("Rule: freeze") || refused.contains("Rule: first-look"), "{refused}");
    room.says("jo", "/rollback").await;
    room.quiet().await;
    room.ledger.read(|facts| {
        assert_eq!(facts.fold::<Releases>().unwrap().current(facts).unwrap().0.release.0, 1);
    });
}

#[tokio::test]
async fn a_rollback_stops_a_promotion_that_is_under_way() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    let before = room.production();
    let held = room.hands.held.write().await;
    room.begins("jo", "/promote 41").await;
    let stopped = room.begins("jo", "/rollback").await;
    drop(held);
    room.quiet().await;
    assert!(
        stopped.contains("Stopped what was under way") || room.all().contains("Stopped what was under way"),
        "{}",
        room.all()
    );
    assert_eq!(room.production(), before);
}

#[tokio::test]
async fn a_build_that_fails_tells_the_end_of_its_log_and_leaves_nothing_behind() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    *room.hands.failing.lock().unwrap() = Some(FailureKind::BuildFailed);
    let card = room.says("mira", "/deploy-preview 41").await;
    assert!(card.starts_with("Harmful: #41 does not build"), "{card}");
    room.ledger.read(|facts| assert!(facts.fold::<Previews>().unwrap().previews.is_empty()));
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_what_was_meant() {
    let room = Room::open().await;
    let card = room.says("ana", "/promot 41").await;
    assert!(card.starts_with("Refused: `/promot` is no command here"), "{card}");
    assert!(card.contains("Next: Did you mean `/promote`?"), "{card}");
    let card = room.says("ana", "/deploy-preview 99").await;
    assert!(
        card.contains("There is no open change `#99`") && card.contains("Open: #43, #41 and #57"),
        "{card}"
    );
    let before = room.cards().len();
    room.says("ana", "good morning\n/promote 41").await;
    assert_eq!(room.cards().len(), before, "talk gets no card");
}

#[tokio::test]
async fn why_tells_the_rule_and_the_facts_of_the_newest_card() {
    let room = Room::open().await;
    room.says("ana", "/promote 41").await;
    let card = room.says("ana", "/why").await;
    assert!(card.starts_with("Refused: `/promote` by ana was refused"), "{card}");
    assert!(card.contains("Facts: every commit allowed: no"), "{card}");
    let card = room.says("ana", "/can-i rollback").await;
    assert!(card.starts_with("Refused: No, not as things stand"), "{card}");
    let card = room.says("ana", "/why promote").await;
    assert!(card.starts_with("Refused: `/promote` by ana was refused"), "{card}");
    assert!(card.contains("Others: `/why can-i`"), "{card}");
    let card = room.says("ana", "/why freeze").await;
    assert!(card.starts_with("Good: No `/freeze` has been judged here"), "{card}");
}

#[tokio::test]
async fn where_a_change_stands_why_is_about_what_a_person_asked_for_last_and_not_what_was_told_by_itself() {
    let room = Room::open().await;
    let change = ChangeRef { component: component("web"), number: ChangeNumber(41) };
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room.says_there("ana", &change, "/promote").await;
    room.clock.pass(1);
    room.says_there("ana", &change, "/status").await;
    room.clock.pass(1);
    room.says("jo", "/promote 41").await;
    room.says("jo", "/rollback").await;
    room.clock.pass(1);
    room.tells(courses).await;
    assert!(room.newest().contains("#41 was rolled back"), "{}", room.newest());

    room.says_there("ana", &change, "/why").await;
    let card = room.newest();
    assert!(
        card.starts_with("Good: `/promote` by jo was allowed"),
        "asked for elsewhere, and about it: {card}"
    );
    assert!(card.contains("Others: `/why ok-to-test` and `/why status`"), "{card}");
    room.says_there("ana", &change, "/why status").await;
    assert!(room.newest().starts_with("Good: `/status` by ana was allowed"), "{}", room.newest());
}
