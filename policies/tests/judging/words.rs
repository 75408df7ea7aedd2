//! What people are told: rules, reasons, remedies, and who else could.

use std::sync::Arc;

use folkops_model::{Authority, Group, PersonId, Principal};
use folkops_policies::{Fact, schema};

use crate::declared::{SPECS, action, automation, ids, judge, judge_with, person};

#[test]
fn a_forbid_names_its_remedy() {
    let judge = judge();
    let decision = judge.judge(&action(&judge, &person("deploy-preview", &[Group::Stranger], &[])));
    assert_eq!(ids(&decision), ["first-look"]);
    assert_eq!(decision.rules()[0].reason, "a maintainer looks at a stranger's commit before it runs");
    assert_eq!(decision.rules()[0].remedy.as_deref(), Some("ok-to-test"));
}

#[test]
fn every_forbid_that_stands_in_the_way_is_told() {
    let judge = judge();
    let case =
        person("promote", &[Group::Maintainer], &[Fact::ChecksGreen, Fact::ChecklistDone, Fact::Frozen]);
    assert_eq!(ids(&judge.judge(&action(&judge, &case))), ["first-look", "freeze"]);
}

#[test]
fn a_default_deny_says_who_may() {
    let judge = judge();
    let decision = judge.judge(&action(
        &judge,
        &person("promote", &[Group::User], &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone]),
    ));
    assert_eq!(ids(&decision), ["release-by-maintainer"]);
    assert_eq!(decision.rules()[0].reason, "a maintainer promotes");
    let decision = judge.judge(&action(&judge, &person("rollback", &[Group::User], &[])));
    assert_eq!(
        ids(&decision),
        ["safety-by-maintainer-or-on-call"],
        "a person is not told what the automation may"
    );
}

#[test]
fn a_remedy_that_would_not_help_is_not_offered() {
    let judge = judge();
    let decision = judge.judge(&action(&judge, &person("promote", &[Group::Stranger], &[Fact::Frozen])));
    assert_eq!(ids(&decision), ["release-by-maintainer"]);
    assert_eq!(decision.rules()[0].remedy, None);
}

#[test]
fn an_allowed_action_names_the_permits_that_decided() {
    let judge = judge();
    let case = person("stop-preview", &[Group::Maintainer, Group::OnCall], &[Fact::Own]);
    assert_eq!(ids(&judge.judge(&action(&judge, &case))), ["own-preview", "previews-kept-in-order"]);
}

#[test]
fn an_unknown_command_is_refused_with_a_reason() {
    let judge = judge();
    for name in ["make-tea", "release", "internal", "", "a\" || true"] {
        let decision = judge.judge(&action(&judge, &person(name, &Group::ALL, &Fact::ALL)));
        assert!(!decision.allows(), "{name}");
        assert_eq!(decision.rules()[0].reason, "policy knows no command of this name");
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_refuses_and_is_named() {
    let overflow = "context.own && (9223372036854775807 + 1 > 0)";
    for effect in ["permit", "forbid"] {
        let judge = judge_with(&format!(
            "@id(\"too-much\") @reason(\"more than can be counted\")\n\
             {effect} (principal, action == Action::\"rollback\", resource) when {{ {overflow} }};"
        ));
        let own = judge.judge(&action(&judge, &person("rollback", &[Group::Maintainer], &[Fact::Own])));
        assert!(!own.allows());
        assert_eq!(ids(&own), ["too-much"]);
        assert!(own.rules()[0].reason.ends_with("it is reported"), "{:?}", own.rules());
        let other = judge.judge(&action(&judge, &person("rollback", &[Group::Maintainer], &[])));
        assert!(other.allows(), "where it can be evaluated, nothing is wrong");
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_is_logged_without_naming_anybody() {
    let judge = judge_with(
        "@id(\"too-much\") @reason(\"more than can be counted\")\n\
         forbid (principal, action == Action::\"rollback\", resource) when { 9223372036854775807 + 1 > 0 };",
    );
    let case = action(&judge, &person("rollback", &[Group::Maintainer], &[]));
    let (reader, writer) = std::io::pipe().unwrap();
    let subscriber = tracing_subscriber::fmt().json().with_writer(Arc::new(writer)).finish();
    tracing::subscriber::with_default(subscriber, || assert!(!judge.judge(&case).allows()));
    let log = std::io::read_to_string(reader).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("\"ERROR\"") && log.contains("\"policy.id\":\"too-much\""), "{log}");
    assert!(!log.contains("somebody") && !log.contains("maintainer"), "{log}");
}

#[test]
fn a_policy_may_name_one_service_one_component_or_one_person() {
    let judge = judge_with(
        "@id(\"kim-may\") @reason(\"kim looks after this part\")\n\
         permit (principal == Person::\"somebody\", action == Action::\"promote\", resource in Component::\"a-service/a-component\");\n\
         @id(\"elsewhere\") @reason(\"another service is closed\")\n\
         forbid (principal, action == Action::\"promote\", resource in Service::\"another\");",
    );
    let decision = judge.judge(&action(
        &judge,
        &person("promote", &[Group::User], &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone]),
    ));
    assert_eq!((decision.allows(), ids(&decision)), (true, vec!["kim-may"]));
    let id = |name: &str| Principal::Person(PersonId::parse(name).unwrap());
    let named =
        [id("somebody"), id("kim"), id("a-service"), Principal::Automation].map(|who| judge.names(&who));
    assert_eq!(named, [true, false, false, false], "nobody else is told apart from those in the same groups");
}

#[test]
fn an_explanation_has_the_verdict_the_rules_and_everybody() {
    let judge = judge();
    let text = judge.explain(&action(
        &judge,
        &person(
            "promote",
            &[Group::Maintainer],
            &[Fact::CommitsAllowed, Fact::ChecksGreen, Fact::ChecklistDone, Fact::Frozen],
        ),
    ));
    let hash = judge.policy_set();
    assert_eq!(
        text,
        format!(
            "deny: /promote\n  \
             freeze: nothing is promoted during a freeze: a maintainer or somebody on call lifts it (way out: /unfreeze)\n\n\
             who may, all facts being equal:\n  \
             stranger     deny   release-by-maintainer\n  \
             user         deny   release-by-maintainer\n  \
             contributor  deny   release-by-maintainer\n  \
             maintainer   deny   freeze\n  \
             on-call      deny   release-by-maintainer\n  \
             operator     deny   release-by-maintainer\n  \
             by itself    deny   deploy-by-pull-request\n\n\
             policy set {hash}\n"
        )
    );
    let by_itself = judge.explain(&action(&judge, &automation("rollback", &[])));
    assert!(by_itself.starts_with("allow: /rollback\n  automation-keeps-order: "), "{by_itself}");
    assert!(by_itself.contains("on-call      allow  safety-by-maintainer-or-on-call\n"), "{by_itself}");
}

#[test]
fn a_command_is_an_action_of_its_class_by_being_declared() {
    let text = schema(&SPECS);
    assert!(text.contains("action \"rollback\" in [\"safety\"] appliesTo"), "{text}");
    assert!(text.contains("action \"restore\" in [\"release\", \"internal\"] appliesTo"), "{text}");
    assert!(text.contains("entity Group enum [\"stranger\", \"user\", \"contributor\", \"maintainer\", \"on-call\", \"operator\"];"));
}
