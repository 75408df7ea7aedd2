//! The tables of cases hold, and no shipped policy is without a case that needs it.

use cedar_policy::PolicySet;
use folkops_policies::{CASES, Judge, Source, shipped, test};

use crate::declared::{SPECS, judge, source};

fn tables() -> [Source; 2] {
    [source("shipped.toml", CASES), source("classes.toml", include_str!("../classes.toml"))]
}

#[test]
fn the_shipped_policies_decide_every_case_as_claimed() {
    let judge = judge();
    for table in tables() {
        let report = test(&judge, &table);
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn the_shipped_table_has_at_least_sixty_cases() {
    assert!(CASES.matches("[[case]]").count() >= 60);
}

#[test]
fn without_any_one_policy_some_case_ends_otherwise() {
    let all: Vec<Source> = shipped().iter().flat_map(single).collect();
    assert!(all.len() >= 15, "{} policies", all.len());
    for missing in 0..all.len() {
        let mut rest = all.clone();
        let removed = rest.remove(missing);
        let judge = Judge::new(&SPECS, &rest).unwrap();
        let noticed = tables().iter().any(|table| !test(&judge, table).is_clean());
        assert!(noticed, "no case needs this policy:\n{}", removed.text);
    }
}

/// A file's policies, each as a file of its own.
fn single(file: &Source) -> Vec<Source> {
    let set: PolicySet = file.text.parse().unwrap();
    set.policies().map(|policy| source(&file.name, &policy.to_cedar().unwrap())).collect()
}

#[test]
fn a_case_that_ends_otherwise_is_reported_with_its_line() {
    let table = source(
        "mine.toml",
        "[[case]]\nname = \"a user promotes\"\ncommand = \"promote\"\ngroups = [\"user\"]\n\
         context = [\"commits_allowed\"]\nresource = \"change\"\nexpect = \"allow\"\nrule = \"mine\"\n",
    );
    assert_eq!(
        test(&judge(), &table).to_string(),
        "mine.toml:2: `a user promotes` should end in allow by `mine`, \
         but it ends in deny by `release-by-maintainer`\n0 of 1 cases end as they claim"
    );
}

#[test]
fn a_table_that_cannot_be_read_says_where() {
    let table = source("mine.toml", "[[case]]\nname = \"x\"\ncommand = \"promote\"\ngroup = [\"user\"]\n");
    let report = test(&judge(), &table);
    assert_eq!(report.findings[0].line, 4, "{report}");
    assert!(report.to_string().contains("unknown field `group`"), "{report}");
}
