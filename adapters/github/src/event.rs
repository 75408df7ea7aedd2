//! What a proven delivery says, as far as it concerns us. Everything else is nothing, and what cannot be read is an error
//! and never a panic.
//!
//! INVARIANT: only what was just created is said. An edit, a title, a description, a commit message says nothing.

use folkops_model::Sha;
use jiff::Timestamp;
use serde::Deserialize;

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody said something on a pull request.
    Said(Said),
    /// Somebody approved a pull request at a commit; they may have said something as well.
    Approved {
        /// Where and by whom, with what they wrote.
        said: Said,
        /// The commit that they looked at.
        commit: Sha,
    },
    /// A button of ours was pressed on a check run.
    Pressed(Pressed),
    /// Somebody pushed to a pull request.
    Pushed(Pushed),
    /// Something about a repository moved; it is looked at again.
    Moved {
        /// `owner/name`.
        repository: String,
    },
    /// Nothing that concerns us.
    Nothing,
}

/// Something said on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `owner/name`.
    pub repository: String,
    /// The pull request's number.
    pub number: u32,
    /// What kind of thing it is, and its number.
    pub source: Source,
    /// Who.
    pub author: Author,
    /// The words, as Markdown.
    pub text: String,
    /// When, UTC.
    pub at: Timestamp,
}

/// A push to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `owner/name`.
    pub repository: String,
    /// The pull request's number.
    pub number: u32,
    /// The commit where it stood.
    pub before: Sha,
    /// The commit to which it was pushed.
    pub after: Sha,
    /// Who pushed, whomever the commits name.
    pub by: Author,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// `owner/name`.
    pub repository: String,
    /// On the check run with this number.
    pub run: u64,
    /// The key that we gave the run.
    pub key: String,
    /// Which button.
    pub action: String,
    /// Who.
    pub by: Author,
}

/// Where on a pull request something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In a comment.
    Comment(u64),
    /// In a review.
    Review(u64),
    /// On a line of the diff.
    Line(u64),
}

/// Who did something, by the number that never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The number.
    pub id: u64,
    /// How they are called at the moment.
    pub login: String,
    /// Whether a person did it by themselves, and not a program or a program in their name.
    pub hand: Hand,
    /// The App through which it was done, by its number.
    pub app: Option<u64>,
}

/// By whose hand something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// A person's.
    Person,
    /// A program's, perhaps in a person's name.
    Program,
}

/// A delivery that is not what GitHub describes.
#[derive(Debug, thiserror::Error)]
#[error("a delivery cannot be read: {0}")]
pub struct Unreadable(#[from] serde_json::Error);

#[derive(Default, Deserialize)]
struct Payload {
    #[serde(default)]
    action: String,
    repository: Option<Repository>,
    issue: Option<Issue>,
    pull_request: Option<Numbered>,
    comment: Option<Written>,
    review: Option<Written>,
    check_run: Option<Run>,
    requested_action: Option<Requested>,
    sender: Option<User>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct Issue {
    number: u32,
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Numbered {
    number: u32,
}

/// A comment, a review or a comment on a line: they share what concerns us.
#[derive(Deserialize)]
pub(crate) struct Written {
    pub(crate) id: u64,
    /// Nobody, where an account was deleted.
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) body: Option<String>,
    pub(crate) performed_via_github_app: Option<App>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    submitted_at: Option<Timestamp>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    commit_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct App {
    id: u64,
}

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct Requested {
    identifier: String,
}

/// Reads a delivery of this kind (`X-GitHub-Event`).
///
/// # Errors
/// [`Unreadable`] where it is no JSON, or not of the shape that GitHub describes.
pub fn read(kind: &str, body: &[u8]) -> Result<Event, Unreadable> {
    match kind {
        "issue_comment" | "pull_request_review" | "pull_request_review_comment" | "check_run" => {}
        "pull_request" | "push" | "check_suite" | "status" | "workflow_run" => {
            let payload: Payload = serde_json::from_slice(body)?;
            let is_push = kind == "pull_request" && payload.action == "synchronize";
            return Ok(if is_push { pushed(payload) } else { moved(payload) });
        }
        _ => return Ok(Event::Nothing),
    }
    let payload: Payload = serde_json::from_slice(body)?;
    Ok(match (kind, payload.action.as_str()) {
        ("issue_comment", "created") => comment(payload).map_or(Event::Nothing, Event::Said),
        ("pull_request_review_comment", "created") => line(payload).map_or(Event::Nothing, Event::Said),
        ("pull_request_review", "submitted") => review(payload).unwrap_or(Event::Nothing),
        ("check_run", "requested_action") => pressed(payload).map_or(Event::Nothing, Event::Pressed),
        _ => moved(payload),
    })
}

fn moved(payload: Payload) -> Event {
    payload.repository.map_or(Event::Nothing, |repository| Event::Moved { repository: repository.full_name })
}

/// Where it does not say by whom, or between which commits, something moved all the same.
fn pushed(payload: Payload) -> Event {
    let commit = |text: &Option<String>| Sha::parse(text.as_deref()?).ok();
    let commits = commit(&payload.before).zip(commit(&payload.after));
    match (payload.repository, payload.pull_request, payload.sender, commits) {
        (Some(Repository { full_name: repository }), Some(pull), Some(sender), Some((before, after))) => {
            Event::Pushed(Pushed { repository, number: pull.number, before, after, by: author(sender, None) })
        }
        (repository, ..) => moved(Payload { repository, ..Payload::default() }),
    }
}

fn comment(payload: Payload) -> Option<Said> {
    let issue = payload.issue.filter(|issue| issue.pull_request.is_some())?;
    let written = payload.comment?;
    let source = Source::Comment(written.id);
    said(payload.repository?.full_name, issue.number, source, written)
}

fn line(payload: Payload) -> Option<Said> {
    let written = payload.comment?;
    let source = Source::Line(written.id);
    said(payload.repository?.full_name, payload.pull_request?.number, source, written)
}

fn review(payload: Payload) -> Option<Event> {
    let written = payload.review?;
    let source = Source::Review(written.id);
    let approves = written.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("approved"));
    let commit = written.commit_id.as_deref().and_then(|commit| Sha::parse(commit).ok());
    let said = said(payload.repository?.full_name, payload.pull_request?.number, source, written)?;
    Some(match commit.filter(|_| approves) {
        Some(commit) => Event::Approved { said, commit },
        None => Event::Said(said),
    })
}

fn pressed(payload: Payload) -> Option<Pressed> {
    let run = payload.check_run?;
    Some(Pressed {
        repository: payload.repository?.full_name,
        run: run.id,
        key: run.external_id.unwrap_or_default(),
        action: payload.requested_action?.identifier,
        by: author(payload.sender?, None),
    })
}

/// What was written, where it is known by whom and when.
pub(crate) fn said(repository: String, number: u32, source: Source, written: Written) -> Option<Said> {
    Some(Said {
        repository,
        number,
        source,
        author: author(written.user?, written.performed_via_github_app),
        text: written.body.unwrap_or_default(),
        at: written.created_at.or(written.submitted_at)?,
    })
}

fn author(user: User, app: Option<App>) -> Author {
    let by_hand = user.kind == "User" && app.is_none();
    let hand = if by_hand { Hand::Person } else { Hand::Program };
    Author { id: user.id, login: user.login, hand, app: app.map(|app| app.id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn comment() -> Value {
        json!({
            "action": "created",
            "repository": { "full_name": "potluck/web" },
            "issue": { "number": 41, "pull_request": { "url": "x" } },
            "comment": {
                "id": 7, "body": "/promote", "created_at": "2026-11-21T11:00:00Z", "updated_at": "2026-11-21T11:00:00Z",
                "user": { "id": 3, "login": "mira", "type": "User" }, "performed_via_github_app": null,
                "author_association": "OWNER",
            },
            "sender": { "id": 4, "login": "somebody", "type": "User" },
        })
    }

    fn event(kind: &str, payload: &Value) -> Event {
        read(kind, payload.to_string().as_bytes()).unwrap()
    }

    fn hand(payload: &Value) -> Hand {
        match event("issue_comment", payload) {
            Event::Said(said) => said.author.hand,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_comment_on_a_pull_request_is_said_by_its_author_and_not_by_the_sender() {
        let Event::Said(said) = event("issue_comment", &comment()) else { panic!("nothing was said") };
        assert_eq!((said.author.id, said.number, said.source), (3, 41, Source::Comment(7)));
    }

    #[test]
    fn an_edit_a_deletion_and_a_comment_on_an_issue_say_nothing() {
        for action in ["edited", "deleted", "pinned", ""] {
            let payload = Value::Object({
                let mut payload = comment().as_object().unwrap().clone();
                payload.insert("action".into(), action.into());
                payload
            });
            assert!(matches!(event("issue_comment", &payload), Event::Moved { .. }), "{action}");
        }
        let mut issue = comment();
        issue["issue"]["pull_request"] = Value::Null;
        assert_eq!(event("issue_comment", &issue), Event::Nothing);
    }

    #[test]
    fn a_bot_and_an_app_in_a_person_s_name_are_programs() {
        assert_eq!(hand(&comment()), Hand::Person);
        let mut bot = comment();
        bot["comment"]["user"]["type"] = "Bot".into();
        assert_eq!(hand(&bot), Hand::Program);
        let mut relayed = comment();
        relayed["comment"]["performed_via_github_app"] = json!({ "id": 1 });
        assert_eq!(hand(&relayed), Hand::Program);
    }

    #[test]
    fn what_nobody_said_or_is_not_of_the_right_shape_is_no_command_and_no_panic() {
        let mut ghost = comment();
        ghost["comment"]["user"] = Value::Null;
        assert_eq!(event("issue_comment", &ghost), Event::Nothing);
        for broken in ["", "[]", "{\"action\":1}", "{\"comment\":[]}", "null", "{\"issue\":{\"number\":-1}}"]
        {
            assert!(!matches!(read("issue_comment", broken.as_bytes()), Ok(Event::Said(_))), "{broken}");
        }
        assert_eq!(read("sponsorship", b"nonsense").unwrap(), Event::Nothing);
    }

    #[test]
    fn a_push_is_by_its_sender_and_names_both_commits_or_is_only_a_reason_to_look() {
        let (before, after) = ("9".repeat(40), "8".repeat(40));
        let mut push = json!({
            "action": "synchronize", "number": 41, "before": before, "after": after,
            "repository": { "full_name": "potluck/web" }, "pull_request": { "number": 41 },
            "sender": { "id": 3, "login": "mira", "type": "User" },
        });
        let Event::Pushed(read) = event("pull_request", &push) else { panic!("no push") };
        assert_eq!(
            (read.number, read.by.id, read.before.as_str(), read.after.as_str()),
            (41, 3, &*before, &*after)
        );
        push["sender"]["type"] = "Bot".into();
        assert!(matches!(event("pull_request", &push), Event::Pushed(push) if push.by.hand == Hand::Program));
        push["before"] = "main".into();
        assert!(matches!(event("pull_request", &push), Event::Moved { .. }));
    }

    #[test]
    fn an_approval_names_the_commit_that_was_looked_at() {
        let commit = "9f2c41e07b6d3a58c2e1f4907ad6b83e5510c9d2";
        let review = |state: &str| {
            json!({
                "action": "submitted", "repository": { "full_name": "potluck/web" }, "pull_request": { "number": 41 },
                "review": { "id": 9, "body": null, "state": state, "commit_id": commit, "submitted_at": "2026-11-21T11:00:00Z",
                    "user": { "id": 3, "login": "jo", "type": "User" } },
            })
        };
        assert!(
            matches!(event("pull_request_review", &review("approved")), Event::Approved { commit: at, .. } if at.as_str() == commit)
        );
        assert!(matches!(event("pull_request_review", &review("commented")), Event::Said(_)));
    }
}
