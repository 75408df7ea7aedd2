//! Alerts: what the room hears when something goes wrong by itself, and what the thread says of it.

use folkops_engine::MemoryStore;
use folkops_model::{FailureKind, Held, RolloutEnd};
use folkops_rollouts::Stage;

use crate::recovery::{entries, prefix};
use crate::rollouts::{canary, open};
use crate::room::{Ground, Room};

impl Room {
    /// The new build's visitors fare a little worse until it stands still.
    async fn becomes_suspect(&self, release: u64) {
        for _ in 0..60 {
            if matches!(self.rollout(release).stage, Stage::Held { why: Held::Suspicion, .. }) {
                return;
            }
            self.sees(release, (2, 8), (1, 29)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }

    /// The new build's visitors fare better than the others until it goes on.
    async fn is_cleared(&self, release: u64) {
        for _ in 0..60 {
            if !matches!(self.rollout(release).stage, Stage::Held { .. }) {
                return;
            }
            self.sees(release, (0, 10), (1, 29)).await;
            self.looks(release).await;
        }
        panic!("{:?}", self.rollout(release).stage);
    }
}

#[tokio::test]
async fn an_automatic_rollback_is_one_line_in_the_room_and_a_thread_that_says_all_of_it() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    let cards = room.cards().len();
    room.becomes_suspect(2).await;
    room.goes_badly(2).await;
    let [(_, held, _), (_, brief, whole)] = &room.alerts()[..] else { panic!("{:?}", room.alerts()) };
    assert_eq!(room.cards().len(), cards + 2, "the room hears a line of the hold and one of the way back");
    assert!(held.ends_with(": it went back"), "{held}");
    let row = room.rollout(2);
    let (met, time) = (row.totals.candidate.affected, "5 s");
    assert_eq!(row.failing_for().map(|time| time.as_secs()), Some(5), "one block of time");
    assert_eq!(
        *brief,
        format!("#41 rolled back by itself: {met} people met an error of the new build, for about {time}")
    );
    assert!(whole.starts_with("Harmful: #41 rolled back by itself; you can sleep"), "{whole}");
    for said in [
        "people met an error of the new build, for about 5 s. New build ",
        "\nNew: ",
        "\nCurrent: ",
        "\nPromoted: jo promoted it; jo allowed ",
        "\nNow: Everybody is on release 1 again",
        "\nNext: #41 is still on the default branch",
        "\nWho: jo can pardon it",
        "[Graph] [Pardon] [Open revert] [Why]",
    ] {
        assert!(whole.contains(said), "{said}: {whole}");
    }
}

#[tokio::test]
async fn a_hold_that_ends_says_so_on_the_same_card_and_one_for_the_same_cause_reopens_its_thread() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.becomes_suspect(2).await;
    let [(message, brief, whole)] = &room.alerts()[..] else { panic!("{:?}", room.alerts()) };
    assert_eq!(brief, "#41 stands still: the new build may be worse");
    assert!(
        whole.contains("Cause: A harmless build would ever look as bad as this in fewer than 1 of "),
        "{whole}"
    );
    assert!(whole.contains("Who: jo can roll it back") && !whole.contains("Again"), "{whole}");
    room.is_cleared(2).await;
    let [(same, brief, whole)] = &room.alerts()[..] else { panic!("{:?}", room.alerts()) };
    assert_eq!(message, same);
    assert!(brief.starts_with("#41 stood still for "), "{brief}");
    assert!(brief.ends_with(": the cause is gone, and it goes on by itself"), "{brief}");
    assert!(whole.starts_with("Good: "), "{whole}");
    room.becomes_suspect(2).await;
    let [(same, brief, whole)] = &room.alerts()[..] else { panic!("{:?}", room.alerts()) };
    assert_eq!((message, brief.as_str()), (same, "#41 stands still: the new build may be worse"));
    assert!(whole.contains("Again: It stood still for this 1 time before in this rollout"), "{whole}");
}

#[tokio::test]
async fn a_hold_that_somebody_pauses_or_takes_back_says_who_it_was() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.becomes_suspect(2).await;
    room.says("jo", "/pause").await;
    assert!(room.alerts()[0].1.ends_with(": jo paused it"), "{:?}", room.alerts());
    room.says("jo", "/resume").await;
    room.looks(2).await;
    assert_eq!(room.alerts()[0].1, "#41 stands still: the new build may be worse");
    let (message, ..) = room.alerts()[0].clone();
    room.says_below(&message, "jo", "/rollback").await;
    assert!(room.alerts()[0].1.ends_with(": it went back"), "{:?}", room.alerts());
    assert_eq!(room.alerts().len(), 1, "what somebody said is answered, and raises no alert");
}

#[tokio::test]
async fn a_promotion_that_breaks_opens_a_thread_and_one_that_only_does_not_fit_is_answered() {
    let room = open(MemoryStore::new()).await;
    *room.hands.failing.lock().unwrap() = Some(FailureKind::Conflict { files: vec!["a.rs".into()] });
    room.says("jo", "/promote 41").await;
    assert!(room.alerts().is_empty(), "{:?}", room.alerts());
    *room.hands.failing.lock().unwrap() = Some(FailureKind::BuildFailed);
    room.says("jo", "/promote 41").await;
    let [(_, brief, whole)] = &room.alerts()[..] else { panic!("{:?}", room.alerts()) };
    assert_eq!(brief, "#41 does not build");
    for said in ["What ran before runs on.", "Met by: Nobody", "Promoted: jo promoted it; jo allowed "] {
        assert!(whole.contains(said), "{said}: {whole}");
    }
}

#[tokio::test]
async fn why_in_the_thread_of_an_alert_or_of_the_rollout_explains_the_verdict() {
    let room = open(MemoryStore::new()).await;
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    let (alert, ..) = room.alerts().pop().unwrap();
    let card = room.says_below(&alert, "ana", "/why").await;
    for said in [
        "Good: Why #41 was rolled back",
        "A harmless build would ever look as bad as this in fewer than 1 of ",
        "\nMetric: failures",
        "\nNew: 40 % of 30 visitors; ",
        "\nCurrent: 0.0 % of 90 visitors; ",
        "\nHarm: ",
        " : 1; from 20 : 1 on it stands still, from 1,000 : 1 on it goes back",
        "\nShares: ",
        "\nActed: FolkOps said `/rollback`",
        "\nRule: allowed; because",
        "\nPolicies: `000000000000`",
        "\nRecord: ",
    ] {
        assert!(card.contains(said), "{said}: {card}");
    }
    let card = room.says("ana", "/why").await;
    assert!(!card.contains("Metric"), "elsewhere it is about what was said there: {card}");
}

#[tokio::test]
async fn one_word_in_a_thread_takes_back_what_the_thread_is_about_and_nothing_else() {
    let room = open(MemoryStore::new()).await;
    room.allowed("43 first").await;
    room.says("jo", "/promote 41").await;
    room.goes_badly(2).await;
    let (alert, ..) = room.alerts().pop().unwrap();
    room.says("jo", "/promote 43").await;
    room.goes_well(3).await;
    assert_eq!(room.runs(), 3);
    let card = room.says_below(&alert, "jo", "/rollback").await;
    assert!(card.starts_with("Refused: #41: nobody has release 2; release 3 runs"), "{card}");
    assert!(card.contains("[Roll back to release 1]"), "{card}");
    assert_eq!(room.runs(), 3);
    let card = room.says("jo", "/rollback").await;
    assert!(card.contains("Potluck goes back to release 1"), "{card}");
}

#[tokio::test]
async fn killed_after_any_append_an_alert_is_told_once_and_says_where_the_rollout_stands() {
    let store = MemoryStore::new();
    let whole = open(store.clone()).await;
    whole.says("jo", "/promote 41").await;
    let begun = entries(&store).len();
    whole.becomes_suspect(2).await;
    whole.is_cleared(2).await;
    whole.becomes_suspect(2).await;
    whole.goes_badly(2).await;
    let all = entries(&store);
    for length in begun..=all.len() {
        let ground = Ground {
            store: prefix(&all[..length]).await,
            keyring: whole.keyring.clone(),
            dice: 1_000_000,
            rollout: canary(),
            ..Ground::default()
        };
        let room = Room::on(ground).await;
        room.quiet().await;
        let stage = room.rollout(2).stage;
        let states: Vec<String> = room.alerts().iter().map(|(_, _, card)| card[..4].to_owned()).collect();
        let states: Vec<&str> = states.iter().map(String::as_str).collect();
        match stage {
            Stage::Held { .. } => assert_eq!(states, ["Held"], "after {length}"),
            Stage::Ended(end) => {
                assert_eq!(
                    (end, &states[..]),
                    (RolloutEnd::RolledBack, &["Harm", "Harm"][..]),
                    "after {length}"
                );
                assert!(room.alerts()[1].2.contains("Everybody is on release 1 again"), "after {length}");
            }
            _ => assert!(states.is_empty() || states == ["Good"], "after {length}: {states:?}"),
        }
    }
}
