//! Policies exchanged while the judge works, and the hash by which a record names them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use folkops_model::{Authority, Group};
use folkops_policies::{Fact, Judge, PolicyError, Source, shipped};

use crate::declared::{SPECS, action, judge, judge_with, person, source, with};

const CLOSED: &str =
    "@id(\"closed\") @reason(\"closed today\") forbid (principal, action == Action::\"promote\", resource);";

#[test]
fn a_bad_set_leaves_the_old_one_in_force() {
    let judge = judge();
    let before = judge.policy_set();
    let case = action(
        &judge,
        &person(
            "promote",
            &[Group::Maintainer],
            &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone],
        ),
    );
    for bad in [
        "permit",
        "permit (principal, action, resource);",
        "@id(\"x\") @reason(\"y\") permit (principal, action == Action::\"no\", resource);",
    ] {
        assert!(matches!(judge.reload(&with(bad)), Err(PolicyError::Refused(_))), "{bad}");
        assert!(matches!(judge.reload(&[]), Err(PolicyError::Refused(_))));
        let decision = judge.judge(&case);
        assert_eq!((decision.allows(), &decision.policy_set), (true, &before));
    }
}

#[test]
fn a_good_set_is_in_force_at_once() {
    let judge = judge();
    let case = action(
        &judge,
        &person(
            "promote",
            &[Group::Maintainer],
            &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone],
        ),
    );
    assert!(judge.judge(&case).allows());
    let hash = judge.reload(&with(CLOSED)).unwrap();
    let decision = judge.judge(&case);
    assert_eq!((decision.allows(), decision.policy_set), (false, hash));
}

#[test]
fn a_decision_names_the_set_that_gave_it_while_sets_are_exchanged() {
    let (judge, done) = (judge(), AtomicBool::new(false));
    let (open, closed) = (judge.policy_set(), judge_with(CLOSED).policy_set());
    let case = action(
        &judge,
        &person(
            "promote",
            &[Group::Maintainer],
            &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone],
        ),
    );
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                judge.reload(&with(CLOSED)).unwrap();
                judge.reload(&shipped()).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let decision = judge.judge(&case);
            assert_eq!(decision.allows(), decision.policy_set == open);
            seen.insert(decision.policy_set);
        }
    });
    assert!(seen.is_subset(&BTreeSet::from([open, closed])));
}

#[test]
fn the_hash_depends_on_what_policies_say_and_on_nothing_else() {
    let hash = |sources: &[Source]| Judge::new(&SPECS, sources).unwrap().policy_set();
    let one = hash(&shipped());
    assert_eq!(one.len(), 64);
    let mut turned = shipped();
    turned.reverse();
    assert_eq!(hash(&turned), one, "the order of files");
    let joined: String = shipped().iter().map(|file| format!("{}\n// More below.\n\n", file.text)).collect();
    assert_eq!(hash(&[source("all.cedar", &joined)]), one, "files, comments and layout");
}

#[test]
fn the_hash_changes_with_a_condition_a_reason_and_the_commands() {
    let hash = |specs: &[_], from: &str, to: &str| {
        let sources: Vec<Source> =
            shipped().iter().map(|file| source(&file.name, &file.text.replace(from, to))).collect();
        Judge::new(specs, &sources).unwrap().policy_set()
    };
    let one = hash(&SPECS, "", "");
    assert_ne!(hash(&SPECS, "context.frozen", "context.own"), one);
    assert_ne!(hash(&SPECS, "a maintainer promotes", "maintainers promote"), one);
    assert_ne!(hash(&SPECS[1..], "", ""), one);
}
