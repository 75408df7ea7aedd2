//! People: by number, by name, and what they may do.

use serde_json::json;

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::state::State;
use crate::github::token::Who;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("users/get-authenticated", own),
    ("users/get-by-id", by_number),
    ("users/get-by-username", by_name),
    ("repos/get-collaborator-permission-level", permission),
];

fn own(state: &mut State, call: &Call) -> Outcome {
    match call.who {
        Who::User(id) => Ok(Reply::One(200, state.shown_account(id))),
        _ => Err(super::Refusal(403, "Resource not accessible by integration".into())),
    }
}

fn by_number(state: &mut State, call: &Call) -> Outcome {
    let id = call.number("account_id");
    state.accounts.get(&id).map(|_| Reply::One(200, state.shown_account(id))).ok_or_else(not_found)
}

fn by_name(state: &mut State, call: &Call) -> Outcome {
    let account = state.by_login(call.place("username")).ok_or_else(not_found)?;
    Ok(Reply::One(200, state.shown_account(account.id)))
}

fn permission(state: &mut State, call: &Call) -> Outcome {
    let at = state.repository(call)?;
    let id = state.by_login(call.place("username")).ok_or_else(not_found)?.id;
    let permission = state.permission(at, id);
    let mut user = state.shown_account(id);
    user["role_name"] = json!(permission.role());
    let shown = json!({ "permission": permission.word(), "role_name": permission.role(), "user": user });
    Ok(Reply::One(200, shown))
}
