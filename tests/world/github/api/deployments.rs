//! Deployments and their statuses.

use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Refusal, Reply, invalid, not_found};
use crate::github::deployment::{Deployment, DeploymentStatus};
use crate::github::state::State;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("repos/create-deployment", create),
    ("repos/list-deployments", list),
    ("repos/get-deployment", get),
    ("repos/delete-deployment", delete),
    ("repos/create-deployment-status", say),
    ("repos/list-deployment-statuses", said),
];
/// GitHub refuses a longer description of a status.
const LONGEST: usize = 140;

fn create(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let said = call.body.clone().unwrap_or(Value::Null);
    let name = call.text("ref").unwrap_or_default();
    let branch = repository.bare.commit_of(&format!("refs/heads/{name}"));
    let sha = branch.or_else(|| repository.bare.commit_of(name)).ok_or_else(|| invalid("No ref found"))?;
    let main = repository.bare.commit_of("refs/heads/main").unwrap_or_default();
    // Left unsaid, GitHub merges the default branch first, which moves a contributor's branch.
    if said["auto_merge"] != Value::Bool(false) && !repository.bare.contains(&sha, &main) {
        return Ok(Reply::One(
            202,
            json!({ "message": format!("Auto-merged main into {name} on deployment.") }),
        ));
    }
    let red = |one: &crate::github::check::Status| one.sha == sha && one.state != "success";
    if said["required_contexts"].is_null() && repository.statuses.iter().any(red) {
        return Err(Refusal(409, "Conflict: Commit status checks failed".into()));
    }
    let (id, now, by) = (state.next(), state.clock.now(), state.acting(call));
    let deployment = Deployment { id, sha, by, said, statuses: Vec::new(), at: now };
    let shown = state.shown_deployment(at, &deployment);
    state.repositories[at].deployments.insert(id, deployment);
    Ok(Reply::One(201, shown))
}

fn list(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let is = |name: &str, value: &str| call.query(name).is_none_or(|wanted| wanted == value);
    let wanted = |one: &&Deployment| {
        is("sha", &one.sha)
            && is("environment", one.environment())
            && is("ref", one.said["ref"].as_str().unwrap_or_default())
    };
    let all = repository.deployments.values().rev().filter(wanted);
    Ok(Reply::List(all.map(|one| state.shown_deployment(at, one)).collect()))
}

fn of<'a>(state: &'a State, call: &Call) -> Outcome<(usize, &'a Deployment)> {
    let (at, repository) = state.in_repository(call)?;
    Ok((at, repository.deployments.get(&call.number("deployment_id")).ok_or_else(not_found)?))
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let (at, deployment) = of(state, call)?;
    Ok(Reply::One(200, state.shown_deployment(at, deployment)))
}

fn delete(state: &mut State, call: &Call) -> Outcome {
    let (at, deployment) = of(state, call)?;
    let (id, alone) = (deployment.id, state.repositories[at].deployments.len() == 1);
    if !alone && !["", "inactive"].contains(&deployment.state()) {
        return Err(invalid("We cannot delete an active deployment unless it is the only deployment"));
    }
    state.repositories[at].deployments.remove(&id);
    Ok(Reply::Nothing)
}

fn say(state: &mut State, call: &Call) -> Outcome {
    let (at, deployment) = of(state, call)?;
    let (number, environment) = (deployment.id, deployment.environment().to_owned());
    let said = call.body.clone().unwrap_or(Value::Null);
    if call.text("description").is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(invalid("description is too long (maximum is 140 characters)"));
    }
    let (id, now) = (state.next(), state.clock.now());
    if call.text("state") == Some("success") && said["auto_inactive"] != Value::Bool(false) {
        retire(state, at, (number, &environment));
    }
    let deployment = state.repositories[at].deployments.get_mut(&number).ok_or_else(not_found)?;
    deployment.statuses.push(DeploymentStatus { id, said, at: now });
    let deployment = &state.repositories[at].deployments[&number];
    let status = deployment.statuses.last().ok_or_else(not_found)?;
    Ok(Reply::One(201, state.shown_deployment_status(deployment, status)))
}

/// Those before it in the same environment are inactive then, but for those that go by themselves and production.
fn retire(state: &mut State, at: usize, (number, environment): (u64, &str)) {
    let (id, now) = (state.next(), state.clock.now());
    for other in state.repositories[at].deployments.values_mut() {
        let before = other.id < number && other.environment() == environment;
        if before && !other.is_transient() && !other.is_production() && other.state() == "success" {
            other.statuses.push(DeploymentStatus { id, said: json!({ "state": "inactive" }), at: now });
        }
    }
}

fn said(state: &mut State, call: &Call) -> Outcome {
    let (_, deployment) = of(state, call)?;
    let all = deployment.statuses.iter().rev();
    Ok(Reply::List(all.map(|status| state.shown_deployment_status(deployment, status)).collect()))
}
