//! Policies that are refused, each with its place and a sentence.

use folkops_model::CommandSpec;
use folkops_policies::{Finding, Judge, PolicyError, check, shipped};

use crate::declared::{SPECS, source, with};

const FINE: &str =
    "@id(\"mine\")\n@reason(\"because\")\npermit (principal, action == Action::\"status\", resource);\n";

/// What is found when this file comes beside the shipped ones.
fn findings(text: &str) -> Vec<Finding> {
    match Judge::new(&SPECS, &with(text)) {
        Err(PolicyError::Refused(findings)) => findings,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted:\n{text}"),
    }
}

#[track_caller]
fn refused(text: &str, line: usize, words: &str) {
    let findings = findings(text);
    let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
    assert_eq!((finding.file.as_str(), finding.line), ("local.cedar", line), "{finding}");
    assert!(finding.sentence.contains(words), "{finding}");
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    refused(&FINE.replace("permit", "premit"), 3, "premit");
    refused(&FINE.replace("@id(\"mine\")", ""), 2, "needs an `@id");
    refused(&FINE.replace("mine", "Mine"), 1, "lower-case letters");
    refused(&FINE.replace("because", ""), 1, "`mine` needs a `@reason");
    refused(&FINE.replace("@reason", "@raison"), 1, "`mine` needs a `@reason");
    refused(&FINE.replace("because", "be\u{202e}cause"), 1, "visible characters");
    refused(&FINE.replace("@reason", "@remidy(\"keep\") @reason"), 1, "`@remidy`, which nothing reads");
    refused(&FINE.replace("@reason", "@remedy(\"fix-it\") @reason"), 1, "the remedy `fix-it`");
    refused(&FINE.replace("@reason", "@remedy(\"restore\") @reason"), 1, "no command that people can say");
    refused(&FINE.replace("mine", "freeze"), 1, "the id `freeze` is taken by release.cedar:");
    refused(&FINE.replace("status", "statos"), 3, "Action::\"statos\"");
    refused(&FINE.replace("(principal,", "(principal is Person in Group::\"maintaner\","), 3, "maintaner");
    refused(&FINE.replace("(principal,", "(principal == ?principal,"), 1, "a template applies to nobody");
}

#[test]
fn a_wrong_type_or_an_unknown_fact_is_found_in_its_own_line() {
    let when = |condition: &str| {
        format!("// A note.\n{}", FINE.replace(");", &format!(")\nwhen {{\n  {condition}\n}};")))
    };
    refused(&when("context.cold"), 6, "cold");
    refused(&when("context.own == 3"), 6, "type");
    refused(&when("(if resource is Change then resource.age else 4) > 3"), 6, "age");
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    refused(&FINE.replace(");", ") when { context.own && false };"), 1, "impossible");
}

#[test]
fn a_policy_that_reads_otherwise_than_it_works_is_refused() {
    refused(&FINE.replace(");", ") when { resource == Service::\"a\u{202e}b\" };"), 3, "BIDI");
}

#[test]
fn all_findings_come_at_once_in_order() {
    let text = format!("{}\n{}", FINE.replace("because", ""), FINE.replace("@id(\"mine\")\n", ""));
    let lines: Vec<usize> = findings(&text).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [1, 5]);
}

#[test]
fn no_policy_at_all_is_refused() {
    let error = Judge::new(&SPECS, &[]).err().unwrap();
    assert!(error.to_string().contains("there is no policy at all"), "{error}");
}

#[test]
fn two_commands_of_one_name_or_a_command_named_as_a_class_make_no_schema() {
    let twice: Vec<CommandSpec> = SPECS.iter().chain(&SPECS[..1]).copied().collect();
    assert!(matches!(Judge::new(&twice, &shipped()), Err(PolicyError::Declarations(_))));
    let as_class: Vec<CommandSpec> =
        SPECS.iter().copied().chain([CommandSpec { name: "safety", ..SPECS[0] }]).collect();
    assert!(matches!(Judge::new(&as_class, &shipped()), Err(PolicyError::Declarations(_))));
}

#[test]
fn a_check_reports_without_putting_anything_in_force() {
    let good = check(&SPECS, &shipped()).unwrap();
    assert!(good.is_clean() && good.summary.contains("policies in 9 files are in order"), "{good}");
    let bad = check(&SPECS, &[source("bad.cedar", "permit (principal, action, resource);")]).unwrap();
    assert_eq!(bad.findings.len(), 1);
    assert!(bad.to_string().starts_with("bad.cedar:1: a policy needs an `@id"), "{bad}");
    assert!(bad.summary.contains("1 finding: these policies would be refused"), "{bad}");
}
