//! Check runs and statuses of commits.

use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Reply, invalid, not_found};
use crate::github::check::{Check, Status};
use crate::github::state::{APP, State};

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("checks/create", create),
    ("checks/update", update),
    ("checks/get", get),
    ("checks/list-for-ref", list),
    ("repos/get-combined-status-for-ref", combined),
    ("repos/create-commit-status", status),
];
/// GitHub shows no more buttons than this.
const MOST_ACTIONS: usize = 3;

/// GitHub bounds a button's words; the description does not say so everywhere.
fn fits(said: &Value) -> Outcome<()> {
    let actions = said["actions"].as_array().map_or(0, Vec::len);
    let summary = said["output"]["summary"].as_str().map_or(0, str::len);
    if actions > MOST_ACTIONS || summary > 65_535 {
        return Err(invalid("a check run has three actions and 65535 characters at most"));
    }
    let concluded = said["conclusion"].is_string();
    if said["status"] == "completed" && !concluded {
        return Err(invalid("a completed check run needs a conclusion"));
    }
    Ok(())
}

fn create(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let head = call.text("head_sha").unwrap_or_default().to_owned();
    repository.bare.commit_of(&head).ok_or_else(|| invalid("No commit found for SHA"))?;
    let said = call.body.clone().unwrap_or(Value::Null);
    fits(&said)?;
    let id = state.check(at, APP, state.app.account, (&head, said));
    Ok(Reply::One(201, state.shown_check(at, &state.repositories[at].checks[&id])))
}

fn update(state: &mut State, call: &Call) -> Outcome {
    let (at, id) = (state.repository(call)?, call.number("check_run_id"));
    let (now, by) = (state.clock.now(), state.acting(call));
    let check = state.repositories[at].checks.get_mut(&id).filter(|check| check.app == APP);
    let check = check.ok_or_else(not_found)?;
    let mut said = check.said.clone();
    for (name, value) in call.body.as_ref().and_then(Value::as_object).into_iter().flatten() {
        said[name.as_str()] = value.clone();
    }
    fits(&said)?;
    let ended = said["status"] == "completed" || said["conclusion"].is_string();
    check.ended = ended.then(|| check.ended.unwrap_or(now));
    check.said = said;
    if ended {
        state.announce_check("completed", at, id, by, json!({}));
    }
    Ok(Reply::One(200, state.shown_check(at, &state.repositories[at].checks[&id])))
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let check = repository.checks.get(&call.number("check_run_id")).ok_or_else(not_found)?;
    Ok(Reply::One(200, state.shown_check(at, check)))
}

fn sha(state: &State, call: &Call) -> Outcome<(usize, String)> {
    let (at, repository) = state.in_repository(call)?;
    let name = call.place("ref");
    let branch = repository.bare.commit_of(&format!("refs/heads/{name}"));
    Ok((at, branch.or_else(|| repository.bare.commit_of(name)).ok_or_else(not_found)?))
}

fn list(state: &mut State, call: &Call) -> Outcome {
    let (at, sha) = sha(state, call)?;
    let all: Vec<&Check> = state.repositories[at].checks.values().filter(|check| check.head == sha).collect();
    let latest = |check: &&Check| {
        let twins =
            all.iter().filter(|other| other.app == check.app && other.said["name"] == check.said["name"]);
        call.query("filter") == Some("all") || twins.map(|twin| twin.id).max() == Some(check.id)
    };
    let named = |check: &&Check| call.query("check_name").is_none_or(|name| check.said["name"] == name);
    let by = |check: &&Check| call.query("app_id").is_none_or(|app| check.app.to_string() == app);
    let wanted = all.iter().copied().filter(latest).filter(named).filter(by);
    Ok(Reply::Within("check_runs", wanted.map(|check| state.shown_check(at, check)).collect()))
}

fn combined(state: &mut State, call: &Call) -> Outcome {
    let (at, sha) = sha(state, call)?;
    let all: Vec<&Status> =
        state.repositories[at].statuses.iter().filter(|status| status.sha == sha).collect();
    let latest = |status: &&&Status| {
        all.iter().filter(|other| other.context == status.context).map(|other| other.id).max()
            == Some(status.id)
    };
    let latest: Vec<&&Status> = all.iter().filter(latest).collect();
    let is = |wanted: &[&str]| latest.iter().any(|status| wanted.contains(&status.state.as_str()));
    let word = match latest.is_empty() {
        _ if is(&["failure", "error"]) => "failure",
        false if !is(&["pending"]) => "success",
        _ => "pending",
    };
    let shown: Vec<Value> = latest.iter().map(|status| shown(status)).collect();
    let body = json!({
        "state": word, "sha": sha, "total_count": shown.len(), "statuses": shown,
        "repository": state.shown_repository(at),
    });
    Ok(Reply::One(200, body))
}

fn shown(status: &Status) -> Value {
    json!({
        "id": status.id, "node_id": format!("SC_{}", status.id), "state": status.state,
        "context": status.context, "created_at": status.at, "updated_at": status.at,
    })
}

fn status(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let sha = repository.bare.commit_of(call.place("sha")).ok_or_else(not_found)?;
    let (id, now) = (state.next(), state.clock.now());
    let text = |name, other: &str| call.text(name).unwrap_or(other).to_owned();
    let status = Status { id, sha, context: text("context", "default"), state: text("state", ""), at: now };
    let body = shown(&status);
    state.repositories[at].statuses.push(status);
    Ok(Reply::One(201, body))
}
