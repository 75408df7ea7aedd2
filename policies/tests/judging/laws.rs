//! What holds for every case there can be.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use folkops_model::{Authority, Group};
use folkops_policies::{About, Fact, Judge, Situation};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::declared::{SPECS, action, automation, judge, person};

static JUDGE: LazyLock<Judge> = LazyLock::new(judge);

const ABOUT: [About; 5] = [About::Service, About::Component, About::Change, About::Preview, About::Workload];

/// Every set of facts.
fn contexts() -> impl Iterator<Item = BTreeSet<Fact>> {
    (0..1_u32 << Fact::ALL.len()).map(|mask| {
        Fact::ALL
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| mask & (1 << bit) != 0)
            .map(|(_, fact)| fact)
            .collect()
    })
}

fn groups() -> impl Strategy<Value = BTreeSet<Group>> {
    subsequence(Group::ALL.to_vec(), 0..=Group::ALL.len()).prop_map(|groups| groups.into_iter().collect())
}

fn facts() -> impl Strategy<Value = BTreeSet<Fact>> {
    subsequence(Fact::ALL.to_vec(), 0..=Fact::ALL.len()).prop_map(|facts| facts.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn only_maintainers_promote(groups in groups(), context in facts(), resource in select(ABOUT.to_vec())) {
        let situation = Situation { groups: groups.clone(), context, resource, ..person("promote", &[], &[]) };
        if JUDGE.judge(&action(&JUDGE, &situation)).allows() {
            prop_assert!(groups.contains(&Group::Maintainer));
        }
    }

    #[test]
    fn every_decision_names_a_rule_with_a_reason(
        groups in groups(), context in facts(), spec in select(SPECS.to_vec()), resource in select(ABOUT.to_vec()),
    ) {
        let situation = Situation { groups, context, resource, ..person(spec.name, &[], &[]) };
        let decision = JUDGE.judge(&action(&JUDGE, &situation));
        prop_assert!(!decision.rules().is_empty());
        prop_assert!(decision.rules().iter().all(|rule| !rule.id.is_empty() && !rule.reason.is_empty()));
    }
}

#[test]
fn the_automation_promotes_only_what_a_pull_request_against_a_release_branch_says_and_all_that_holds_anybody_holds_it()
 {
    use Fact::{ChecklistDone, ChecksGreen, CommitsAllowed, Frozen, Merged, ReleaseBranch, Reviewed};
    for context in contexts() {
        let has = |fact| context.contains(&fact);
        let ready = [ReleaseBranch, CommitsAllowed, ChecksGreen, ChecklistDone].into_iter().all(has);
        let may = ready && !has(Frozen) && (has(Merged) || has(Reviewed));
        for resource in ABOUT {
            let situation = Situation { context: context.clone(), resource, ..automation("promote", &[]) };
            assert_eq!(JUDGE.judge(&action(&JUDGE, &situation)).allows(), may, "{situation:?}");
        }
    }
}

#[test]
fn nothing_ever_blocks_a_rollback_by_those_who_may() {
    for context in contexts() {
        for resource in ABOUT {
            for who in [Group::Maintainer, Group::OnCall] {
                let situation =
                    Situation { context: context.clone(), resource, ..person("rollback", &[who], &[]) };
                assert!(JUDGE.judge(&action(&JUDGE, &situation)).allows(), "{situation:?}");
            }
            let situation = Situation { context: context.clone(), resource, ..automation("rollback", &[]) };
            assert!(JUDGE.judge(&action(&JUDGE, &situation)).allows(), "{situation:?}");
        }
    }
}

#[test]
fn nothing_that_nobody_looked_at_runs_whoever_asks() {
    let unseen = || contexts().filter(|context| !context.contains(&Fact::CommitsAllowed));
    for command in ["deploy-preview", "opt-in", "rebase", "promote"] {
        for context in unseen() {
            let everything = Situation { context, ..person(command, &Group::ALL, &[]) };
            assert!(!JUDGE.judge(&action(&JUDGE, &everything)).allows(), "{everything:?}");
            let by_itself = Situation { context: everything.context, ..automation(command, &[]) };
            assert!(!JUDGE.judge(&action(&JUDGE, &by_itself)).allows(), "{by_itself:?}");
        }
    }
}

#[test]
fn everybody_can_always_leave_their_mix() {
    for context in contexts().filter(|context| context.contains(&Fact::Own)) {
        for group in Group::ALL {
            let situation = Situation { context: context.clone(), ..person("opt-out", &[group], &[]) };
            assert!(JUDGE.judge(&action(&JUDGE, &situation)).allows(), "{situation:?}");
        }
    }
}

#[test]
fn no_person_does_what_only_the_automation_does() {
    for context in contexts() {
        for spec in SPECS.iter().filter(|spec| spec.internal) {
            let situation = Situation { context: context.clone(), ..person(spec.name, &Group::ALL, &[]) };
            assert!(!JUDGE.judge(&action(&JUDGE, &situation)).allows(), "{situation:?}");
        }
    }
}
