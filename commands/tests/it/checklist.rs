//! The points that maintainers answer for before a promotion: who ticks them, at which commit, and what they hold back.

use std::collections::BTreeSet;

use folkops_commands::Point;
use folkops_engine::Operations;
use folkops_model::{Group, Touched};
use folkops_previews::Releases;

use crate::doubles::{component, sha};
use crate::rollouts::canary;
use crate::room::{Ground, Room};

fn point(key: &str, components: &[&str], areas: &[Touched]) -> Point {
    Point {
        key: key.into(),
        text: format!("the {key} of it"),
        components: components.iter().map(|name| component(name)).collect(),
        areas: areas.iter().copied().collect::<BTreeSet<_>>(),
    }
}

fn checklist() -> Vec<Point> {
    vec![
        point("privacy", &[], &[]),
        point("law", &["web"], &[]),
        point("contracts", &["api"], &[]),
        point("data", &[], &[Touched::Migrations]),
    ]
}

/// A room with two points for web, one for another component and one for migrations only; #41 may run.
async fn room() -> Room {
    let room = Room::furnished(Ground { rules: (checklist(), None), ..Ground::default() }).await;
    room.join("sam", vec![Group::Maintainer]).await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room
}

fn release(room: &Room) -> u64 {
    room.ledger.read(|facts| facts.fold::<Releases>().unwrap().current(facts).unwrap().0.release.0)
}

#[tokio::test]
async fn a_promotion_waits_until_every_point_that_concerns_it_is_ticked_and_says_what_to_say() {
    let room = room().await;
    let refused = room.says("jo", "/promote 41").await;
    for words in ["privacy: the privacy of it; not ticked: `/tick privacy 41`", "[Tick privacy] [Tick law]"] {
        assert!(refused.contains(words), "{refused}");
    }
    assert!(!refused.contains("contracts") && !refused.contains("data"), "{refused}");
    assert_eq!(release(&room), 1);

    let ticked = room.says("jo", "/tick privacy 41").await;
    assert!(
        ticked.starts_with(&format!("Good: privacy is ticked for #41 at {}", sha("41 first").short())),
        "{ticked}"
    );
    assert!(ticked.contains("Left: `law`") && ticked.contains("[Tick law]"), "{ticked}");
    let refused = room.says("jo", "/promote 41").await;
    assert!(refused.contains("privacy: the privacy of it; ticked by jo at "), "{refused}");
    let why = room.says("jo", "/why").await;
    assert!(why.contains("checklist done: no") && why.contains("law: the law of it; not ticked"), "{why}");

    let last = room.says("sam", &format!("/sign-off law 41 --at={}", sha("41 first"))).await;
    assert!(last.contains("Next: Nothing is left on the list"), "{last}");
    room.says("jo", "/promote 41").await;
    assert_eq!(release(&room), 2, "{}", room.all());
}

#[tokio::test]
async fn a_push_unticks_and_right_after_it_the_commit_has_to_be_named() {
    let room = room().await;
    for key in ["privacy", "law"] {
        room.says("jo", &format!("/tick {key} 41")).await;
    }
    room.push("web", 41, "41 second").await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 second"))).await;
    assert!(room.says("jo", "/promote 41").await.contains("not ticked: `/tick law 41`"), "{}", room.newest());

    let unsure = room.says("jo", "/tick law 41").await;
    assert!(unsure.starts_with("Refused: #41 has moved: it stands at"), "{unsure}");
    let stale = room.says("jo", &format!("/tick law 41 --at={}", sha("41 first"))).await;
    assert!(
        stale.contains("Nothing was ticked: a point is answered for at the commit that was read."),
        "{stale}"
    );
    let named = room.says("jo", &format!("/tick law 41 --at={}", sha("41 second"))).await;
    assert!(named.starts_with("Good: law is ticked"), "{named}");
    room.clock.pass(121);
    assert!(
        room.says("jo", "/tick privacy 41").await.starts_with("Good: privacy is ticked"),
        "{}",
        room.newest()
    );
}

#[tokio::test]
async fn nobody_but_a_maintainer_ticks_and_nothing_that_is_not_on_the_list() {
    let room = room().await;
    assert!(
        room.says("ana", "/tick privacy 41").await.starts_with("Refused: Not by ana"),
        "{}",
        room.newest()
    );
    for key in ["nonsense", "contracts", "data"] {
        let unknown = room.says("jo", &format!("/tick {key} 41")).await;
        assert!(
            unknown.starts_with(&format!("Refused: No point `{key}` has to be ticked for #41")),
            "{unknown}"
        );
        assert!(unknown.contains("List: `privacy` and `law`"), "{unknown}");
    }
}

#[tokio::test]
async fn what_is_unticked_holds_back_again_until_somebody_answers_for_it_once_more() {
    let room = room().await;
    for key in ["privacy", "law"] {
        let ticked = room.says("jo", &format!("/tick {key} 41")).await;
        assert!(ticked.contains("[Take it back]"), "{ticked}");
    }
    room.says("sam", "/tick law 41").await;
    let refused = room.says("ana", "/untick law 41").await;
    assert!(refused.starts_with("Refused: Not by ana"), "{refused}");

    let back = room.says("sam", "/untick law 41").await;
    let title = format!("Held: law is not ticked any more for #41 at {}", sha("41 first").short());
    assert!(back.starts_with(&title) && back.contains("[Tick law]"), "{back}");
    assert!(back.contains("Why: sam took back what jo answered for"), "{back}");
    let refused = room.says("jo", "/promote 41").await;
    assert!(
        refused.contains("law: the law of it; not ticked") && !refused.contains("Tick privacy"),
        "{refused}"
    );
    let again = room.says("sam", "/untick law 41").await;
    assert!(again.starts_with("Refused: law is not ticked for #41"), "{again}");

    room.says("sam", "/tick law 41").await;
    room.says("jo", "/promote 41").await;
    assert_eq!(release(&room), 2, "{}", room.all());
}

/// Whether the newest judgement of a command was told that the checklist is done.
fn judged_done(room: &Room, command: &str) -> bool {
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        let of = operations.operations.iter().filter(|(_, o)| o.action.command == command);
        of.max_by_key(|(_, o)| o.decided).unwrap().1.action.context.checklist_done
    })
}

#[tokio::test]
async fn whatever_gives_a_change_to_somebody_is_judged_by_whether_its_points_are_ticked() {
    let ground = Ground { rules: (checklist(), None), rollout: canary(), ..Ground::default() };
    let room = Room::furnished(ground).await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    let up = room.says("ana", "/deploy-preview 41").await;
    let preview = up.split_once("http://").unwrap().1.split_once('.').unwrap().0.to_owned();
    room.says("ana", "/opt-in 41").await;
    let word = room.consent_word();
    room.says("ana", &format!("/opt-in 41 --yes={word}")).await;
    for key in ["privacy", "law"] {
        room.says("jo", &format!("/tick {key} 41")).await;
    }
    room.says("jo", "/promote 41").await;
    room.says("jo", "/pause").await;
    let keep = format!("/keep {preview} 3h");
    let lines = [keep.as_str(), "/deploy-preview 41", "/opt-in 41", "/rebase", "/resume", "/pause"];
    for (done, before) in [(true, "/status"), (false, "/untick law 41"), (true, "/tick law 41")] {
        room.says("jo", before).await;
        room.clock.pass(1);
        for line in lines {
            let who = if line.contains("pause") || line.contains("resume") { "jo" } else { "ana" };
            room.says(who, line).await;
        }
        room.says_by_itself("/advance").await;
        room.quiet().await;
        for command in ["keep", "deploy-preview", "opt-in", "rebase", "resume", "advance"] {
            assert_eq!(judged_done(&room, command), done, "after {before}: {command}\n{}", room.all());
        }
    }
}

#[tokio::test]
async fn without_a_checklist_nothing_has_to_be_ticked() {
    let room = Room::open().await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    assert!(
        room.says("jo", "/tick privacy 41").await.contains("Nothing has to be ticked for it"),
        "{}",
        room.newest()
    );
    room.says("jo", "/promote 41").await;
    assert_eq!(release(&room), 2);
}
