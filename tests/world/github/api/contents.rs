//! What is in a repository: itself, its branches, commits and files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Call, Operation, Outcome, Refusal, Reply, not_found};
use crate::github::state::State;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("repos/get", repository),
    ("git/get-ref", reference),
    ("repos/get-branch", branch),
    ("repos/get-commit", commit),
    ("repos/get-content", content),
    ("git/create-ref", create),
    ("git/delete-ref", delete),
];

fn repository(state: &mut State, call: &Call) -> Outcome {
    Ok(Reply::One(200, state.shown_repository(state.repository(call)?)))
}

fn reference(state: &mut State, call: &Call) -> Outcome {
    let (_, repository) = state.in_repository(call)?;
    let name = format!("refs/{}", call.place("ref"));
    let sha = repository.bare.commit_of(&name).ok_or_else(not_found)?;
    Ok(Reply::One(200, json!({ "ref": name, "object": { "type": "commit", "sha": sha } })))
}

fn branch(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let name = call.place("branch");
    let commit = repository.bare.commit(&format!("refs/heads/{name}")).ok_or_else(not_found)?;
    let shown = json!({ "name": name, "commit": state.shown_commit(at, &commit), "protected": false });
    Ok(Reply::One(200, shown))
}

fn commit(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let name = call.place("ref");
    let absent = || Refusal(422, format!("No commit found for SHA: {name}"));
    let branch = || repository.bare.commit(&format!("refs/heads/{name}"));
    let commit = branch().or_else(|| repository.bare.commit(name)).ok_or_else(absent)?;
    Ok(Reply::One(200, state.shown_commit(at, &commit)))
}

fn content(state: &mut State, call: &Call) -> Outcome {
    let (_, repository) = state.in_repository(call)?;
    let (path, at) = (call.place("path"), call.query("ref").unwrap_or("main"));
    let (sha, bytes) = repository.bare.file(at, path).ok_or_else(not_found)?;
    let shown = json!({
        "type": "file", "encoding": "base64", "size": bytes.len(), "path": path, "sha": sha,
        "name": path.rsplit('/').next(), "content": STANDARD.encode(bytes),
    });
    Ok(Reply::One(200, shown))
}

fn create(state: &mut State, call: &Call) -> Outcome {
    let (name, sha) = (call.text("ref").unwrap_or_default(), call.text("sha").unwrap_or_default());
    let (_, repository) = state.in_repository(call)?;
    if repository.bare.commit_of(name).is_some() {
        return Err(Refusal(422, "Reference already exists".into()));
    }
    repository.bare.commit_of(sha).ok_or_else(|| Refusal(422, "Object does not exist".into()))?;
    repository.bare.point(name, sha);
    Ok(Reply::One(201, json!({ "ref": name, "object": { "type": "commit", "sha": sha } })))
}

fn delete(state: &mut State, call: &Call) -> Outcome {
    let (_, repository) = state.in_repository(call)?;
    let name = format!("refs/{}", call.place("ref"));
    repository.bare.commit_of(&name).ok_or(Refusal(422, "Reference does not exist".into()))?;
    repository.bare.forget(&name);
    Ok(Reply::Nothing)
}
