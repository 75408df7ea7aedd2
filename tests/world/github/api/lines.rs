//! Comments on lines of pull requests.

use jiff::Timestamp;

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::pull::LineComment;
use crate::github::state::State;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("pulls/list-review-comments", of_pull),
    ("pulls/list-review-comments-for-repo", of_repository),
    ("pulls/get-review-comment", get),
    ("pulls/create-reply-for-review-comment", reply),
];

fn of_pull(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    listed(state, call, at, |line| line.pull == pull.number)
}

fn of_repository(state: &mut State, call: &Call) -> Outcome {
    listed(state, call, state.repository(call)?, |_| true)
}

fn listed(state: &State, call: &Call, at: usize, of: impl Fn(&LineComment) -> bool) -> Outcome {
    let since = call.query("since").and_then(|since| since.parse().ok()).unwrap_or(Timestamp::MIN);
    let lines = state.repositories[at].lines.values().filter(|line| line.at >= since && of(line));
    let mut shown: Vec<_> = lines.map(|line| state.shown_line(at, line)).collect();
    // Without `sort` GitHub does not read `direction`.
    if call.query("sort").is_some() && call.query("direction") == Some("desc") {
        shown.reverse();
    }
    Ok(Reply::List(shown))
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let line = repository.lines.get(&call.number("comment_id")).ok_or_else(not_found)?;
    Ok(Reply::One(200, state.shown_line(at, line)))
}

fn reply(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    let (number, first) = (pull.number, call.number("comment_id"));
    let first = state.repositories[at].lines.get(&first).ok_or_else(not_found)?;
    let (path, line) = (first.path.clone(), first.line);
    let body = call.text("body").unwrap_or_default();
    let id = state.line(at, number, state.acting(call), (&path, line, body));
    Ok(Reply::One(201, state.shown_line(at, &state.repositories[at].lines[&id])))
}
