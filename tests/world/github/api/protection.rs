//! What a branch requires, told in GitHub's two ways.

use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Reply, not_found};
use crate::github::check::{Protection, Way};
use crate::github::state::State;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("repos/get-branch-protection", whole),
    ("repos/get-status-checks-protection", checks),
    ("repos/get-pull-request-review-protection", reviews),
    ("repos/get-branch-rules", rules),
];

fn of<'a>(state: &'a State, call: &Call, way: Way) -> Outcome<&'a Protection> {
    let (_, repository) = state.in_repository(call)?;
    let known = repository.protection.get(call.place("branch")).filter(|known| known.way == way);
    known.ok_or_else(not_found)
}

fn shown_checks(of: &Protection) -> Value {
    let check = |name: &String| json!({ "context": name, "app_id": null });
    json!({ "strict": false, "contexts": of.checks, "checks": of.checks.iter().map(check).collect::<Vec<_>>() })
}

fn shown_reviews(of: &Protection) -> Value {
    json!({ "required_approving_review_count": of.reviews, "dismiss_stale_reviews": false })
}

fn whole(state: &mut State, call: &Call) -> Outcome {
    let of = of(state, call, Way::Branch)?;
    let mut shown = json!({ "required_status_checks": shown_checks(of) });
    if of.reviews > 0 {
        shown["required_pull_request_reviews"] = shown_reviews(of);
    }
    Ok(Reply::One(200, shown))
}

fn checks(state: &mut State, call: &Call) -> Outcome {
    let of = of(state, call, Way::Branch)?;
    Ok(Reply::One(200, shown_checks(of)))
}

fn reviews(state: &mut State, call: &Call) -> Outcome {
    let of = of(state, call, Way::Branch)?;
    Ok(Reply::One(200, shown_reviews(of)))
}

/// A branch without a rule has none, which is no error.
fn rules(state: &mut State, call: &Call) -> Outcome {
    state.repository(call)?;
    let Ok(of) = of(state, call, Way::Ruleset) else { return Ok(Reply::List(Vec::new())) };
    let rule = |kind: &str, parameters: Value| {
        json!({ "type": kind, "parameters": parameters, "ruleset_source_type": "Repository",
            "ruleset_source": call.place("repo"), "ruleset_id": 1 })
    };
    let check = |name: &String| json!({ "context": name });
    let checks: Vec<Value> = of.checks.iter().map(check).collect();
    let checks = rule(
        "required_status_checks",
        json!({ "required_status_checks": checks,
        "strict_required_status_checks_policy": false }),
    );
    let reviews = rule(
        "pull_request",
        json!({ "required_approving_review_count": of.reviews,
        "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false,
        "require_last_push_approval": false, "required_review_thread_resolution": false }),
    );
    Ok(Reply::List(vec![checks, reviews]))
}
