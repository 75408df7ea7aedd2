//! Teams of the organisation, which may be parts of one another.

use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::state::{Permission, State, Team};

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("teams/list", list),
    ("teams/get-by-name", get),
    ("teams/list-members-in-org", members),
    ("teams/get-membership-for-user-in-org", membership),
    ("teams/check-permissions-for-repo-in-org", in_repository),
    ("repos/list-teams", of_repository),
    ("orgs/check-membership-for-user", in_organization),
];

fn organization(state: &State, call: &Call) -> Outcome<()> {
    let known = state
        .by_login(call.place("org"))
        .is_some_and(|account| state.repositories.iter().any(|repository| repository.owner == account.id));
    known.then_some(()).ok_or_else(not_found)
}

fn of<'a>(state: &'a State, call: &Call) -> Outcome<&'a Team> {
    organization(state, call)?;
    state.teams.iter().find(|team| team.slug == call.place("team_slug")).ok_or_else(not_found)
}

fn shown(state: &State, team: &Team) -> Value {
    let parent = team.within.as_ref().and_then(|slug| state.teams.iter().find(|team| &team.slug == slug));
    json!({
        "id": team.id, "node_id": format!("T_{}", team.id), "name": team.slug, "slug": team.slug,
        "privacy": "closed", "permission": "pull", "parent": parent.map(|parent| shown(state, parent)),
    })
}

fn list(state: &mut State, call: &Call) -> Outcome {
    organization(state, call)?;
    Ok(Reply::List(state.teams.iter().map(|team| shown(state, team)).collect()))
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let team = of(state, call)?;
    Ok(Reply::One(200, shown(state, team)))
}

fn members(state: &mut State, call: &Call) -> Outcome {
    let slug = &of(state, call)?.slug;
    let all = state.accounts.keys().filter(|id| state.is_member(slug, **id));
    Ok(Reply::List(all.map(|id| state.shown_account(*id)).collect()))
}

fn membership(state: &mut State, call: &Call) -> Outcome {
    let slug = &of(state, call)?.slug;
    let account = state.by_login(call.place("username")).ok_or_else(not_found)?.id;
    let member = state.is_member(slug, account).then(|| json!({ "role": "member", "state": "active" }));
    Ok(Reply::One(200, member.ok_or_else(not_found)?))
}

fn of_repository(state: &mut State, call: &Call) -> Outcome {
    let (_, repository) = state.in_repository(call)?;
    let teams = state.teams.iter().filter(|team| repository.teams.contains_key(&team.slug));
    let with = |team: &Team| {
        let mut shown = shown(state, team);
        let may = repository.teams[&team.slug];
        shown["permission"] = json!(match may.role() {
            "read" => "pull",
            "write" => "push",
            other => other,
        });
        shown
    };
    Ok(Reply::List(teams.map(with).collect()))
}

/// By itself or by a team that it is within. What it may do is told as the repository media type asks for it.
fn in_repository(state: &mut State, call: &Call) -> Outcome {
    let team = of(state, call)?;
    let (at, repository) = state.in_repository(call)?;
    let within = |slug: &String| state.teams.iter().find(|team| team.slug == *slug)?.within.clone();
    let teams = std::iter::successors(Some(team.slug.clone()), within);
    let may = teams.filter_map(|slug| repository.teams.get(&slug)).max().copied().ok_or_else(not_found)?;
    let mut shown = state.shown_repository(at);
    let steps =
        [Permission::Read, Permission::Triage, Permission::Write, Permission::Maintain, Permission::Admin];
    let words = ["pull", "triage", "push", "maintain", "admin"];
    shown["permissions"] =
        words.into_iter().zip(steps).map(|(word, step)| (word.to_owned(), json!(may >= step))).collect();
    shown["role_name"] = json!(may.role());
    Ok(Reply::One(200, shown))
}

fn in_organization(state: &mut State, call: &Call) -> Outcome {
    organization(state, call)?;
    let account = state.by_login(call.place("username")).ok_or_else(not_found)?.id;
    let member = state.teams.iter().any(|team| team.members.contains(&account));
    member.then_some(Reply::Nothing).ok_or_else(not_found)
}
