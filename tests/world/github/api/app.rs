//! The App: itself, its installation, its tokens, and the deliveries that it was sent.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::hook::Delivery;
use crate::github::state::{INSTALLATION, State};
use crate::github::token::{Token, Who};

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("apps/get-authenticated", own),
    ("apps/list-installations", installations),
    ("apps/get-installation", installation),
    ("apps/get-repo-installation", of_repository),
    ("apps/create-installation-access-token", token),
    ("apps/list-repos-accessible-to-installation", repositories),
    ("apps/list-webhook-deliveries", deliveries),
    ("apps/get-webhook-delivery", delivery),
    ("apps/redeliver-webhook-delivery", redeliver),
    ("apps/create-from-manifest", convert),
];
/// How long an installation's token lives.
const LIFE: SignedDuration = SignedDuration::from_hours(1);
/// How many deliveries stand on a page, unless it is said.
const PAGE: usize = 30;

fn own(state: &mut State, _: &Call) -> Outcome {
    Ok(Reply::One(200, state.shown_app()))
}

fn owner(state: &State) -> u64 {
    state.repositories.first().map_or(0, |repository| repository.owner)
}

fn installations(state: &mut State, _: &Call) -> Outcome {
    Ok(Reply::List(vec![state.shown_installation(owner(state))]))
}

fn installation(state: &mut State, call: &Call) -> Outcome {
    let known = call.number("installation_id") == INSTALLATION;
    known.then(|| Reply::One(200, state.shown_installation(owner(state)))).ok_or_else(not_found)
}

fn of_repository(state: &mut State, call: &Call) -> Outcome {
    let (_, repository) = state.in_repository(call)?;
    Ok(Reply::One(200, state.shown_installation(repository.owner)))
}

fn token(state: &mut State, call: &Call) -> Outcome {
    if call.number("installation_id") != INSTALLATION {
        return Err(not_found());
    }
    let (token, until) = (format!("ghs_{:036}", state.next()), state.clock.after(LIFE));
    state.tokens.insert(token.clone(), Token { who: Who::Installation, until });
    // GitHub always says these, although its description leaves it open.
    let may = state.shown_grants();
    let shown =
        json!({ "token": token, "expires_at": until, "repository_selection": "all", "permissions": may });
    Ok(Reply::One(201, shown))
}

fn repositories(state: &mut State, _: &Call) -> Outcome {
    let all = (0..state.repositories.len()).map(|at| state.shown_repository(at)).collect();
    Ok(Reply::Within("repositories", all))
}

/// Newest first, as GitHub lists them.
fn deliveries(state: &mut State, call: &Call) -> Outcome {
    let wanted = |delivery: &&Delivery| match (call.query("status"), delivery.status()) {
        (_, None) => false,
        (Some("failure"), Some(status)) => (400..600).contains(&status),
        (Some("success"), Some(status)) => status < 400,
        (_, Some(_)) => true,
    };
    let before = call.query("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(u64::MAX);
    let count = call.query("per_page").and_then(|count| count.parse().ok()).unwrap_or(PAGE).min(100);
    let mut found = state.deliveries.iter().rev().filter(wanted).filter(|one| one.id < before);
    let page: Vec<&Delivery> = found.by_ref().take(count).collect();
    let next = found.next().and(page.last().map(|last| last.id.to_string()));
    Ok(Reply::Part(page.into_iter().map(shown).collect(), next))
}

fn of(state: &State, call: &Call) -> Outcome<usize> {
    let id = call.number("delivery_id");
    state.deliveries.iter().position(|one| one.id == id && one.status().is_some()).ok_or_else(not_found)
}

fn delivery(state: &mut State, call: &Call) -> Outcome {
    let delivery = &state.deliveries[of(state, call)?];
    let mut whole = shown(delivery);
    let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or(Value::Null);
    whole["request"] = json!({ "headers": {}, "payload": payload });
    whole["response"] = json!({ "headers": {}, "payload": "" });
    Ok(Reply::One(200, whole))
}

fn redeliver(state: &mut State, call: &Call) -> Outcome {
    let (known, id, now) = (of(state, call)?, state.next(), state.clock.now());
    let again = state.deliveries[known].again(id, now);
    state.queue(again);
    Ok(Reply::One(202, json!({})))
}

fn convert(state: &mut State, call: &Call) -> Outcome {
    state.converted(call.place("code")).map(|app| Reply::One(201, app)).ok_or_else(not_found)
}

fn shown(delivery: &Delivery) -> Value {
    let status = delivery.status().unwrap_or(0);
    let words = if status < 400 { "OK".to_owned() } else { format!("Invalid HTTP Response: {status}") };
    json!({
        "id": delivery.id, "guid": delivery.guid, "delivered_at": delivery.at, "redelivery": delivery.redelivery,
        "duration": 0.01, "status": words, "status_code": status, "event": delivery.event,
        "action": delivery.action, "installation_id": INSTALLATION, "repository_id": delivery.repository,
        "throttled_at": null,
    })
}
