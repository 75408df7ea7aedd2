//! Every webhook that GitHub publishes as an example, and the dangerous ones that it does not: what each says, if anything.

use std::env;
use std::fs;

use folkops_github::{Author, Event, Hand, Said, Source, read_event};
use serde_json::{Value, json};

/// Every example, by its event.
fn examples() -> Vec<(String, Value)> {
    let path = env::var_os("FOLKOPS_WEBHOOK_EXAMPLES")
        .expect("FOLKOPS_WEBHOOK_EXAMPLES is set; `cargo xtask test` fetches the examples and sets it");
    let kinds: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let of = |kind: &Value| {
        let name = kind["name"].as_str().unwrap().to_owned();
        kind["examples"]
            .as_array()
            .unwrap()
            .iter()
            .map(move |example| (name.clone(), example.clone()))
            .collect()
    };
    kinds.iter().flat_map(of as fn(&Value) -> Vec<(String, Value)>).collect()
}

fn example(event: &str, action: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let is =
        |(name, payload): &(String, Value)| name == event && payload["action"] == action && fits(payload);
    examples().into_iter().find(is).unwrap_or_else(|| panic!("an example of {event} {action}")).1
}

fn read(event: &str, payload: &Value) -> Event {
    read_event(event, payload.to_string().as_bytes()).unwrap_or_else(|error| panic!("{event}: {error}"))
}

/// A comment on a pull request as GitHub sends it: the published example is one on an issue.
fn comment() -> Value {
    let mut payload = example("issue_comment", "created", |_| true);
    payload["issue"]["pull_request"] =
        json!({ "url": "u", "html_url": "u", "diff_url": "u", "patch_url": "u" });
    payload["comment"]["body"] = json!("/promote");
    payload
}

fn said(event: &str, payload: &Value) -> Said {
    match read(event, payload) {
        Event::Said(said) => said,
        other => panic!("{event}: {other:?}"),
    }
}

#[test]
fn every_published_example_is_read_and_only_what_was_just_written_is_said() {
    let (examples, mut heard) = (examples(), 0);
    for (event, payload) in &examples {
        let written = [
            ("issue_comment", "created"),
            ("pull_request_review", "submitted"),
            ("pull_request_review_comment", "created"),
        ];
        let is_written = written.iter().any(|(name, action)| event == name && payload["action"] == *action);
        match read(event, payload) {
            Event::Said(_) | Event::Approved { .. } => {
                assert!(is_written, "{event} {}", payload["action"]);
                heard += 1;
            }
            Event::Pressed(_) => assert_eq!(payload["action"], "requested_action"),
            Event::Pushed(_) | Event::Moved { .. } | Event::Nothing => {}
        }
    }
    println!("{} examples, {heard} of them say something", examples.len());
    assert!(examples.len() > 250 && heard >= 2, "{} examples, {heard} heard", examples.len());
}

#[test]
fn a_comment_on_a_pull_request_is_its_author_s_and_one_on_an_issue_is_nobody_s() {
    let payload = comment();
    let heard = said("issue_comment", &payload);
    assert_eq!(heard.source, Source::Comment(payload["comment"]["id"].as_u64().unwrap()));
    assert_eq!(heard.author.id, payload["comment"]["user"]["id"].as_u64().unwrap());
    assert_eq!((heard.author.hand, heard.text.as_str()), (Hand::Person, "/promote"));
    let on_issue = example("issue_comment", "created", |payload| payload["issue"]["pull_request"].is_null());
    assert_eq!(read("issue_comment", &on_issue), Event::Nothing);
}

#[test]
fn a_comment_that_somebody_else_edited_or_deleted_says_nothing() {
    for action in ["edited", "deleted"] {
        let mut payload = comment();
        payload["action"] = json!(action);
        payload["changes"] = json!({ "body": { "from": "looks good" } });
        payload["sender"] = json!({ "id": 666, "login": "mallory", "type": "User" });
        assert!(matches!(read("issue_comment", &payload), Event::Moved { .. }), "{action}");
    }
}

#[test]
fn a_bot_a_relay_and_a_deleted_account_are_no_persons() {
    let hand = |payload: &Value| said("issue_comment", payload).author.hand;
    let mut bot = comment();
    bot["comment"]["user"] = json!({ "id": 49_699_333, "login": "dependabot[bot]", "type": "Bot" });
    assert_eq!(hand(&bot), Hand::Program);
    let mut relayed = comment();
    relayed["comment"]["performed_via_github_app"] = json!({ "id": 15_368, "slug": "github-actions" });
    assert_eq!(hand(&relayed), Hand::Program);
    // A name says nothing: who is called like a bot and is none is a person, with a number of their own.
    let mut named = comment();
    named["comment"]["user"]["login"] = json!("folkops[bot]");
    assert_eq!(hand(&named), Hand::Person);
    let mut ghost = comment();
    ghost["comment"]["user"] = Value::Null;
    assert_eq!(read("issue_comment", &ghost), Event::Nothing);
}

#[test]
fn how_close_github_says_that_somebody_is_changes_nothing() {
    let known = |association: &str| {
        let mut payload = comment();
        payload["comment"]["author_association"] = json!(association);
        said("issue_comment", &payload)
    };
    // A member who keeps it private is said to be a stranger, and `OWNER` may be anybody's word.
    for association in ["NONE", "MEMBER", "OWNER", "MANNEQUIN", "NEW WORD"] {
        assert_eq!(known(association), known("CONTRIBUTOR"), "{association}");
    }
}

#[test]
fn a_review_on_a_fork_s_head_names_its_commit_even_when_the_fork_is_gone() {
    let mut payload = example("pull_request_review", "submitted", |_| true);
    let commit = "9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2";
    payload["review"]["state"] = json!("approved");
    payload["review"]["commit_id"] = json!(commit);
    payload["pull_request"]["head"]["repo"]["fork"] = json!(true);
    let heard = |payload: &Value| match read("pull_request_review", payload) {
        Event::Approved { commit, said } => (commit.as_str().to_owned(), said.author),
        other => panic!("{other:?}"),
    };
    let (at, author) = heard(&payload);
    payload["pull_request"]["head"]["repo"] = Value::Null;
    payload["pull_request"]["head"]["user"] = Value::Null;
    assert_eq!(heard(&payload), (at.clone(), author.clone()));
    let Author { id, hand, .. } = author;
    assert_eq!((at.as_str(), hand), (commit, Hand::Person));
    assert_eq!(id, payload["review"]["user"]["id"].as_u64().unwrap());
    // A short or a strange commit approves nothing.
    for wrong in ["9f2c41e", "", "HEAD", "refs/heads/main"] {
        payload["review"]["commit_id"] = json!(wrong);
        assert!(matches!(read("pull_request_review", &payload), Event::Said(_)), "{wrong}");
    }
}

#[test]
fn a_comment_on_a_line_of_a_fork_s_pull_request_is_heard_without_its_repository() {
    let mut payload = example("pull_request_review_comment", "created", |_| true);
    let first = said("pull_request_review_comment", &payload);
    payload["pull_request"]["head"]["repo"] = Value::Null;
    assert_eq!(said("pull_request_review_comment", &payload), first);
    assert_eq!(first.source, Source::Line(payload["comment"]["id"].as_u64().unwrap()));
}
