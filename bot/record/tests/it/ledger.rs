//! The ledger: order, versions, durability, and the same folds after every restart.

use folkops_model::Group;
use folkops_record::memory::MemoryStore;
use folkops_record::{AppendError, Entry, OpenError, Store, StoreError};
use futures::FutureExt;

use crate::world::{Diary, Grants, HeldStore, grant, open, person, revoke, try_open};

#[tokio::test]
async fn records_are_numbered_without_gaps_and_carry_epoch_time_and_service() {
    let ledger = open(MemoryStore::new()).await;
    let first = ledger.append(grant("ana", Group::User)).await.unwrap();
    let second = ledger.append(grant("ben", Group::User)).await.unwrap();
    assert_eq!((first.sequence(), second.sequence()), (2, 3), "the first one begins the epoch");
    let record = &second.records()[0];
    assert_eq!((record.epoch, record.service.as_str()), (1, "potluck"));
    assert_eq!(record.time.to_string(), "2026-03-01T12:00:00Z");
}

#[tokio::test]
async fn every_start_begins_a_higher_epoch_and_fences_the_one_before() {
    let store = MemoryStore::new();
    let first = open(store.clone()).await;
    let second = open(store.clone()).await;
    assert_eq!(second.append(grant("ana", Group::User)).await.unwrap().records()[0].epoch, 2);
    let fenced = first.append(grant("ben", Group::User)).await.unwrap_err();
    assert!(matches!(fenced, AppendError::Store(StoreError::Fenced { current: 2, ours: 1 })), "{fenced}");
    let failure = first.failures().borrow().clone();
    assert_eq!(failure, Some(StoreError::Fenced { current: 2, ours: 1 }));
}

#[tokio::test]
async fn an_append_is_refused_when_a_row_it_was_decided_on_has_moved() {
    let ledger = open(MemoryStore::new()).await;
    let (_, reads) = ledger.decide(|facts| {
        let grants = facts.fold::<Grants>().unwrap();
        facts.row(&grants.groups, &person("ana")).is_some()
    });
    let _ben = ledger.append(grant("ben", Group::User)).await.unwrap();
    let taken = ledger.append(grant("ana", Group::User).provided(reads.clone())).await;
    assert!(taken.is_ok(), "another row has moved, not this one");
    let refused = ledger.append(grant("ana", Group::Operator).provided(reads)).await;
    assert!(matches!(refused, Err(AppendError::Moved)));
    let groups = ledger.read(|facts| facts.fold::<Grants>().unwrap().groups.get(&person("ana")).cloned());
    assert_eq!(groups, Some([Group::User].into()), "a refused append leaves no trace");
}

#[tokio::test]
async fn an_append_is_refused_when_a_table_it_was_decided_on_has_moved_in_any_row() {
    let ledger = open(MemoryStore::new()).await;
    let _ana = ledger.append(grant("ana", Group::User)).await.unwrap();
    let count = || {
        ledger.decide(|facts| {
            let grants = facts.fold::<Grants>().unwrap();
            facts.rows(&grants.groups).count()
        })
    };
    let (people, reads) = count();
    assert_eq!(people, 1);
    let _gone = ledger.append(revoke("ana", Group::User)).await.unwrap();
    let refused = ledger.append(grant("ben", Group::User).provided(reads)).await;
    assert!(matches!(refused, Err(AppendError::Moved)), "a row went, and the count with it");
    let (people, reads) = count();
    assert_eq!(people, 0);
    assert!(ledger.append(grant("ben", Group::User).provided(reads)).await.is_ok());
}

#[tokio::test]
async fn of_many_that_decide_on_the_same_row_one_wins() {
    let ledger = open(MemoryStore::new()).await;
    let look = || {
        ledger.decide(|facts| {
            let grants = facts.fold::<Grants>().unwrap();
            facts.row(&grants.groups, &person("ana")).is_none()
        })
    };
    let looks: Vec<_> = (0..8).map(|_| look().1).collect();
    let appends = looks.into_iter().map(|reads| ledger.append(grant("ana", Group::User).provided(reads)));
    let won = futures::future::join_all(appends).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn decisions_build_on_what_is_not_durable_yet_but_nobody_is_told_of_it() {
    let store = HeldStore::default();
    let ledger = open(store.clone()).await;
    let told = ledger.subscribe();
    store.hold();
    let pending = ledger.submit(grant("ana", Group::User)).unwrap();
    let seen = ledger.read(|facts| facts.fold::<Grants>().unwrap().groups.len());
    assert_eq!(seen, 1);
    let mut durable = Box::pin(ledger.durable(pending));
    assert!(durable.as_mut().now_or_never().is_none());
    assert_eq!(*told.borrow(), 1);
    store.release(Ok(()));
    assert_eq!(durable.await.unwrap().sequence(), 2);
    assert_eq!(*told.borrow(), 2);
}

#[tokio::test]
async fn a_failed_sync_gives_nobody_a_proof_and_is_told_to_whoever_ends_the_process() {
    let store = HeldStore::default();
    let ledger = open(store.clone()).await;
    store.hold();
    let pending = ledger.submit(grant("ana", Group::User)).unwrap();
    store.release(Err(StoreError::Write("no space left on device".into())));
    let error = ledger.durable(pending).await.unwrap_err();
    let wanted = "the journal could not be written: no space left on device; free space or mend the disk, then start again: nothing acknowledged is lost";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(ledger.failures().borrow().as_ref().map(ToString::to_string).as_deref(), Some(wanted));
}

#[tokio::test]
async fn a_restart_gives_the_same_rows_with_the_projection_without_it_and_with_an_old_one() {
    let store = MemoryStore::new();
    let ledger = open(store.clone()).await;
    let _one = ledger.append(grant("ana", Group::User)).await.unwrap();
    let (applied, old) = store.projection().unwrap();
    let _two = ledger.append(grant("ben", Group::User)).await.unwrap();
    let _three = ledger.append(revoke("ana", Group::User)).await.unwrap();
    let before = ledger.export().unwrap();
    drop(ledger);
    for (applied, rows) in [store.projection().unwrap(), (0, Default::default()), (applied, old)] {
        let again = MemoryStore::new();
        store.replay(0, &mut |entry| again.append(entry, vec![]).now_or_never().unwrap()).unwrap();
        again.reset_projection(applied, rows).unwrap();
        let ledger = open(again.clone()).await;
        let after = ledger.export().unwrap();
        let next = ledger.read(|facts| facts.fold::<Diary>().unwrap().kinds.len()) as u64;
        let news = after.iter().filter(|row| !before.contains_key(row.0)).map(|row| row.0.clone());
        assert_eq!(
            news.collect::<Vec<_>>(),
            [format!("kinds/{next}")],
            "only the new epoch came, at {applied}"
        );
        assert!(
            before.iter().all(|(key, value)| after.get(key) == Some(value)),
            "from a projection at {applied}"
        );
        assert_eq!(again.projection().unwrap(), (next, after), "the projection has caught up");
    }
}

#[tokio::test]
async fn a_projection_with_rows_of_another_shape_is_made_anew() {
    let store = MemoryStore::new();
    let ledger = open(store.clone()).await;
    let _ana = ledger.append(grant("ana", Group::User)).await.unwrap();
    for bad in ["groups/ana", "strange/ana", "no-slash"] {
        let rows = [(bad.to_owned(), b"{}".to_vec())].into();
        store.reset_projection(store.position().sequence, rows).unwrap();
        let ledger = open(store.clone()).await;
        let groups = ledger.read(|facts| facts.fold::<Grants>().unwrap().groups.get(&person("ana")).cloned());
        assert_eq!(groups, Some([Group::User].into()), "{bad}");
        assert_eq!(store.projection().unwrap().1, ledger.export().unwrap(), "{bad}");
    }
}

#[tokio::test]
async fn a_projection_ahead_of_the_journal_is_not_believed() {
    let store = MemoryStore::new();
    let rows = [("groups/eve".to_owned(), br#"[9,["operator"]]"#.to_vec())].into();
    store.reset_projection(9, rows).unwrap();
    let ledger = open(store).await;
    assert!(ledger.read(|facts| facts.fold::<Grants>().unwrap().groups.is_empty()));
}

#[tokio::test]
async fn a_journal_of_a_newer_program_stops_the_start() {
    let store = MemoryStore::new();
    let bytes = br#"[{"version":9,"sequence":1,"epoch":1,"time":"2026-03-01T12:00:00Z","service":"potluck","kind":"later","body":[]}]"#;
    let entry = Entry { first: 1, last: 1, epoch: 1, bytes: bytes.to_vec() };
    store.append(entry, vec![]).await.unwrap();
    store.reset_projection(0, Default::default()).unwrap();
    let error = try_open(store).await.err().unwrap();
    assert!(matches!(error, OpenError::Decode(_)));
    let wanted = "record 1 is a `later` of version 9, and this program knows up to 1; start the newer program that wrote it";
    assert_eq!(error.to_string(), wanted);
}
