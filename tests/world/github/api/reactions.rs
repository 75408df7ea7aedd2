//! Reactions to comments, on lines or not.

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::pull::Reaction;
use crate::github::state::State;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("reactions/list-for-issue-comment", list),
    ("reactions/create-for-issue-comment", react),
    ("reactions/delete-for-issue-comment", take_back),
    ("reactions/list-for-pull-request-review-comment", list),
    ("reactions/create-for-pull-request-review-comment", react),
    ("reactions/delete-for-pull-request-comment", take_back),
];

fn of(state: &State, call: &Call) -> Outcome<(usize, u64)> {
    let (at, repository) = state.in_repository(call)?;
    let id = call.number("comment_id");
    let line = call.path.contains("/pulls/comments/");
    let known = if line { repository.lines.contains_key(&id) } else { repository.comments.contains_key(&id) };
    known.then_some((at, id)).ok_or_else(not_found)
}

fn there(state: &State, (at, id): (usize, u64)) -> impl Iterator<Item = &Reaction> {
    state.repositories[at].reactions.get(&id).into_iter().flatten()
}

fn list(state: &mut State, call: &Call) -> Outcome {
    let wanted = |one: &&Reaction| call.query("content").is_none_or(|wanted| wanted == one.content);
    let all = there(state, of(state, call)?).filter(wanted);
    Ok(Reply::List(all.map(|one| state.shown_reaction(one)).collect()))
}

/// The same reaction by the same account is the one that is there.
fn react(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = of(state, call)?;
    let (by, content) = (state.acting(call), call.text("content").unwrap_or_default());
    let (new, reaction) = state.react(at, id, by, content);
    let reaction = there(state, (at, id)).find(|one| one.id == reaction).ok_or_else(not_found)?;
    Ok(Reply::One(if new { 201 } else { 200 }, state.shown_reaction(reaction)))
}

fn take_back(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = of(state, call)?;
    let (by, wanted) = (state.acting(call), call.number("reaction_id"));
    there(state, (at, id)).find(|one| one.id == wanted && one.by == by).ok_or_else(not_found)?;
    state.repositories[at].reactions.entry(id).or_default().retain(|one| one.id != wanted);
    Ok(Reply::Nothing)
}
