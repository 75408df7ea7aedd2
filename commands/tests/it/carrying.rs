//! A small push that keeps the allowance of the commit before, through the whole pipeline.

use std::collections::BTreeSet;

use folkops_commands::CarryOver;
use folkops_engine::{Body, Operations};
use folkops_model::{
    Account, ChangeNumber, ChangeRef, DiffSummary, Difference, MessageId, ObservedChange, SurfaceName,
    Target, Touched,
};
use folkops_previews::Changes;

use crate::doubles::{component, sha, tree};
use crate::room::{Ground, Room};

fn rule() -> CarryOver {
    CarryOver { lines: 10, paths: vec!["docs/".into()] }
}

fn change() -> ChangeRef {
    ChangeRef { component: component("web"), number: ChangeNumber(41) }
}

/// A room whose #41 is by account 1 of GitHub, and allowed by Jo at its first commit.
async fn room() -> Room {
    let room = Room::furnished(Ground { rules: (Vec::new(), Some(rule())), ..Ground::default() }).await;
    seen(&room, "41 first").await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    room
}

async fn seen(room: &Room, seed: &str) {
    let author_name = folkops_engine::Keyring::seal(room.keyring.as_ref(), "Mira").unwrap();
    let change = ObservedChange {
        number: ChangeNumber(41),
        head: sha(seed),
        tree: tree(seed),
        base: sha("main web"),
        author: "github:1".into(),
        opened: None,
        target: Target::Production,
        author_name: String::new(),
        title: "Say it better".into(),
        diff: DiffSummary { files: 1, added: 3, ..DiffSummary::default() },
    };
    room.engine
        .note(Body::ChangeObserved { component: component("web"), change, author_name })
        .await
        .unwrap();
}

/// A push by the author, seen together with what it brought since the commit that a person allowed.
async fn pushed(room: &Room, from: &str, seed: &str, lines: u32) {
    let account = Account { surface: SurfaceName::parse("github").unwrap(), id: "1".into() };
    let before =
        room.ledger.read(|facts| facts.fold::<Changes>().unwrap().open.get(&change()).unwrap().head.clone());
    let by = Body::ChangePushed { change: change(), before, after: sha(seed), by: account };
    room.engine.note(by).await.unwrap();
    let difference = Difference {
        from: sha(from),
        to: sha(seed),
        diff: DiffSummary { files: 1, added: lines, removed: 0, touched: BTreeSet::from([Touched::Docs]) },
        paths: Some(BTreeSet::from(["docs/a.md".to_owned()])),
        straight: true,
    };
    room.engine.note(Body::ChangeCompared { change: change(), difference }).await.unwrap();
    seen(room, seed).await;
}

/// What FolkOps says by itself of pushes, until it has nothing more to say.
async fn told(room: &Room) {
    let rule = rule();
    for _ in 0..4 {
        for (line, _) in room.ledger.read(|facts| folkops_commands::proposals(facts, Some(&rule))) {
            room.says_by_itself(&line).await;
            room.quiet().await;
        }
    }
}

fn is_allowed(room: &Room, seed: &str) -> bool {
    room.ledger.read(|facts| facts.fold::<Changes>().unwrap().allowed(facts, &change(), &sha(seed)).is_some())
}

#[tokio::test]
async fn a_small_push_is_carried_over_to_that_commit_and_what_waits_for_it_starts() {
    let room = room().await;
    pushed(&room, "41 first", "41 second", 3).await;
    let waits = room.says("mira", "/deploy-preview 41").await;
    assert!(waits.starts_with("Waiting:"), "{waits}");
    told(&room).await;
    room.quiet().await;
    let all = room.all();
    let (first, second) = (sha("41 first"), sha("41 second"));
    let carried = format!("Good: #41 may run at {}: carried over from {}", second.short(), first.short());
    let why = format!("Why: 3 lines by its author since {}, which jo allowed", first.short());
    assert!(all.contains(&carried) && all.contains(&why), "{all}");
    assert!(all.contains("Good: Preview of #41 is up"), "{all}");
    let line =
        format!("Why: carried over to {} from {} (3 lines by its author)", second.short(), first.short());
    assert!(all.contains(&line), "{all}");
}

#[tokio::test]
async fn many_small_pushes_never_come_further_than_one() {
    let room = room().await;
    pushed(&room, "41 first", "41 second", 6).await;
    told(&room).await;
    assert!(is_allowed(&room, "41 second"));
    // Six lines more make twelve since the commit that a person allowed.
    pushed(&room, "41 first", "41 third", 12).await;
    told(&room).await;
    assert!(!is_allowed(&room, "41 third"));
    assert!(room.all().contains("Carried: Not over: it is longer than 10 lines"), "{}", room.all());
    // A difference from a commit that was only carried over says nothing.
    pushed(&room, "41 second", "41 fourth", 1).await;
    told(&room).await;
    assert!(!is_allowed(&room, "41 fourth"));
    assert!(room.all().contains("Carried: Not over: it cannot be told what changed"), "{}", room.all());
}

#[tokio::test]
async fn a_push_between_the_proposal_and_its_decision_profits_from_nothing() {
    let room = room().await;
    pushed(&room, "41 first", "41 second", 3).await;
    room.says_by_itself("/moved web#41").await;
    room.quiet().await;
    let rule = rule();
    let proposed = room.ledger.read(|facts| folkops_commands::proposals(facts, Some(&rule)));
    assert_eq!(proposed.len(), 1);
    assert!(
        MessageId::parse(&format!("by-itself-{}", proposed[0].1)).is_ok(),
        "it can be said: {proposed:?}"
    );
    seen(&room, "41 hostile").await;
    room.says_by_itself(&proposed[0].0).await;
    room.quiet().await;
    assert!(!is_allowed(&room, "41 hostile") && !is_allowed(&room, "41 second"));
}

#[tokio::test]
async fn nothing_is_carried_over_where_no_rule_says_so_and_nobody_says_it() {
    let room = Room::open().await;
    seen(&room, "41 first").await;
    room.says("jo", &format!("/ok-to-test {}", sha("41 first"))).await;
    pushed(&room, "41 first", "41 second", 1).await;
    room.says_by_itself("/moved web#41").await;
    room.says_by_itself("/carry-over web#41").await;
    room.quiet().await;
    assert!(!is_allowed(&room, "41 second"));
    let said = room.says("jo", "/carry-over web#41").await;
    assert!(said.starts_with("Refused: `/carry-over` is no command here"), "{said}");
    room.ledger.read(|facts| {
        let operations = facts.fold::<Operations>().unwrap();
        assert!(operations.operations.iter().any(|(_, o)| o.action.command == "carry-over" && !o.is_live()));
    });
}
