//! Comments on pull requests.

use jiff::Timestamp;

use super::{Call, Operation, Outcome, Refusal, Reply, invalid, not_found};
use crate::github::pull::Comment;
use crate::github::state::{Permission, State};

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("issues/list-comments", of_pull),
    ("issues/create-comment", create),
    ("issues/list-comments-for-repo", of_repository),
    ("issues/get-comment", get),
    ("issues/update-comment", update),
    ("issues/delete-comment", delete),
];
/// GitHub refuses longer ones.
const LONGEST: usize = 65_536;

fn of_pull(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "issue_number")?;
    let number = pull.number;
    let since = since(call);
    let wanted = |comment: &&Comment| comment.pull == number && comment.updated >= since;
    let comments = state.repositories[at].comments.values().filter(wanted);
    Ok(Reply::List(comments.map(|comment| state.shown_comment(at, comment)).collect()))
}

fn of_repository(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let since = since(call);
    let mut comments: Vec<&Comment> =
        repository.comments.values().filter(|comment| comment.updated >= since).collect();
    match call.query("sort") {
        Some("updated") => comments.sort_by_key(|comment| (comment.updated, comment.id)),
        _ => comments.sort_by_key(|comment| (comment.created, comment.id)),
    }
    // Without `sort` GitHub does not read `direction`; with it the newest come first unless it is said.
    if call.query("sort").is_some() && call.query("direction") != Some("asc") {
        comments.reverse();
    }
    Ok(Reply::List(comments.into_iter().map(|comment| state.shown_comment(at, comment)).collect()))
}

fn since(call: &Call) -> Timestamp {
    call.query("since").and_then(|since| since.parse().ok()).unwrap_or(Timestamp::MIN)
}

fn body(call: &Call) -> Outcome<&str> {
    let body = call.text("body").unwrap_or_default();
    if body.is_empty() || body.len() > LONGEST {
        return Err(invalid("body is too long (maximum is 65536 characters) or blank"));
    }
    Ok(body)
}

fn create(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "issue_number")?;
    let (number, body) = (pull.number, body(call)?);
    open_to_programs(state, at, number, "create")?;
    let id = state.comment(at, number, state.acting(call), body);
    Ok(Reply::One(201, state.shown_comment(at, &state.repositories[at].comments[&id])))
}

/// Only programs ask here, and a locked conversation is closed to them.
fn open_to_programs(state: &State, at: usize, number: u64, what: &str) -> Outcome<()> {
    let locked = state.repositories[at].pulls.get(&number).is_some_and(|pull| pull.locked);
    let refusal = || Refusal(403, format!("Unable to {what} comment because issue is locked."));
    if locked { Err(refusal()) } else { Ok(()) }
}

fn of(state: &State, call: &Call) -> Outcome<(usize, u64)> {
    let (at, repository) = state.in_repository(call)?;
    let id = call.number("comment_id");
    repository.comments.get(&id).map(|_| (at, id)).ok_or_else(not_found)
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = of(state, call)?;
    Ok(Reply::One(200, state.shown_comment(at, &state.repositories[at].comments[&id])))
}

/// One's own, or anybody's for those who can push.
fn may_change(state: &State, call: &Call, (at, id): (usize, u64)) -> Outcome<u64> {
    let by = state.acting(call);
    let own = state.repositories[at].comments[&id].author == by;
    if own || state.permission(at, by) >= Permission::Write {
        return Ok(by);
    }
    Err(Refusal(403, "Resource not accessible by integration".into()))
}

fn update(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = of(state, call)?;
    let (by, body) = (may_change(state, call, (at, id))?, body(call)?);
    open_to_programs(state, at, state.repositories[at].comments[&id].pull, "update")?;
    state.edit(at, id, by, body);
    Ok(Reply::One(200, state.shown_comment(at, &state.repositories[at].comments[&id])))
}

fn delete(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = of(state, call)?;
    let by = may_change(state, call, (at, id))?;
    state.delete(at, id, by);
    Ok(Reply::Nothing)
}
