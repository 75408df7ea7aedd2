//! Pull requests: listed, opened, read, merged.

use serde_json::{Value, json};

use super::{Call, Operation, Outcome, Refusal, Reply, invalid, not_found};
use crate::github::pull::{Method, Pull, Stage};
use crate::github::state::{Permission, State};
use crate::github::token::Who;

pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("pulls/list", list),
    ("pulls/create", create),
    ("pulls/get", get),
    ("pulls/merge", merge),
    ("pulls/list-reviews", reviews),
    ("pulls/list-files", files),
    ("pulls/update", update),
    ("repos/compare-commits-with-basehead", compare),
];

fn list(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let stage = |pull: &Pull| match call.query("state").unwrap_or("open") {
        "open" => pull.is_open(),
        "closed" => !pull.is_open(),
        _ => true,
    };
    let base = |pull: &Pull| call.query("base").is_none_or(|base| base == pull.base);
    let owner = |pull: &Pull| pull.from.as_deref().and_then(|from| from.split('/').next().map(str::to_owned));
    let head = |pull: &Pull| {
        let label = owner(pull).map(|owner| format!("{owner}:{}", pull.branch));
        call.query("head").is_none_or(|head| label.as_deref() == Some(head))
    };
    let mut pulls: Vec<&Pull> =
        repository.pulls.values().filter(|pull| stage(pull) && base(pull) && head(pull)).collect();
    match call.query("sort") {
        Some("updated") => pulls.sort_by_key(|pull| (pull.updated, pull.number)),
        _ => pulls.sort_by_key(|pull| (pull.created, pull.number)),
    }
    // By creation the newest come first, unless it is said; by anything else too.
    if call.query("direction") != Some("asc") {
        pulls.reverse();
    }
    Ok(Reply::List(pulls.into_iter().map(|pull| state.shown_pull(at, pull)).collect()))
}

fn get(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    Ok(Reply::One(200, state.shown_pull(at, pull)))
}

fn create(state: &mut State, call: &Call) -> Outcome {
    let at = state.repository(call)?;
    let text = |name| call.text(name).unwrap_or_default();
    let (head, base) = (text("head"), text("base"));
    let (_, branch) = head.rsplit_once(':').unwrap_or(("", head));
    let bare = &state.repositories[at].bare;
    let (head, onto) =
        (bare.commit_of(&format!("refs/heads/{branch}")), bare.commit_of(&format!("refs/heads/{base}")));
    let (Some(head), Some(onto)) = (head, onto) else { return Err(invalid("head or base")) };
    if bare.contains(&onto, &head) {
        return Err(invalid(&format!("No commits between {base} and {branch}")));
    }
    let twin = |pull: &Pull| pull.is_open() && pull.branch == branch && pull.base == base;
    if state.repositories[at].pulls.values().any(twin) {
        return Err(invalid("A pull request already exists"));
    }
    let draft = call.body.as_ref().is_some_and(|body| body["draft"] == Value::Bool(true));
    let author = state.acting(call);
    let number = state.free_number(at);
    state.repositories[at].bare.point(&format!("refs/pull/{number}/head"), &head);
    let from = Some(state.full_name(&state.repositories[at]));
    let (title, body) = (text("title").to_owned(), text("body").to_owned());
    let mut pull = state.new_pull(number, author, (title, body));
    (pull.from, pull.branch, pull.base, pull.draft) = (from, branch.to_owned(), base.to_owned(), draft);
    state.open(at, pull);
    Ok(Reply::One(201, state.shown_pull(at, &state.repositories[at].pulls[&number])))
}

fn merge(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    let head = state.repositories[at].bare.commit_of(&pull.reference()).ok_or_else(not_found)?;
    let by = state.acting(call);
    if matches!(call.who, Who::User(_)) && state.permission(at, by) < Permission::Write {
        return Err(Refusal(403, "Must have push access".into()));
    }
    if call.text("sha").is_some_and(|sha| sha != head) {
        return Err(Refusal(409, "Head branch was modified. Review and try the merge again.".into()));
    }
    if !pull.is_open() || pull.draft {
        return Err(Refusal(405, "Pull Request is not mergeable".into()));
    }
    if let Some(missing) = state.missing(at, pull, &head) {
        return Err(Refusal(405, missing));
    }
    let method = Method::of(call.text("merge_method").unwrap_or("merge"));
    let title = call.text("commit_title").map(str::to_owned);
    let message = call.text("commit_message").unwrap_or_default();
    let title = title.unwrap_or_else(|| match method {
        Method::Merge => format!("Merge pull request #{} from {}", pull.number, pull.branch),
        _ => format!("{} (#{})", pull.title, pull.number),
    });
    let number = pull.number;
    let merged = state.merge(at, number, method, &format!("{title}\n\n{message}"), by);
    let sha = merged.ok_or_else(|| Refusal(405, "Pull Request is not mergeable".into()))?;
    Ok(Reply::One(200, json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })))
}

fn reviews(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    Ok(Reply::List(pull.reviews.iter().map(|review| state.shown_review(at, pull, review)).collect()))
}

fn update(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    let (number, by, open) = (pull.number, state.acting(call), pull.is_open());
    let own = pull.author == by;
    if matches!(call.who, Who::User(_)) && !own && state.permission(at, by) < Permission::Write {
        return Err(Refusal(403, "Must have push access, or be the author".into()));
    }
    let of = state.repositories[at].pulls.get_mut(&number).ok_or_else(not_found)?;
    of.title = call.text("title").unwrap_or(&of.title).to_owned();
    of.body = call.text("body").unwrap_or(&of.body).to_owned();
    match call.text("state") {
        Some("closed") if open => {
            let stage = Stage::Closed { at: state.clock.now() };
            state.restage(at, number, by, stage);
        }
        Some("open") if !open => state.restage(at, number, by, Stage::Open),
        _ => {}
    }
    Ok(Reply::One(200, state.shown_pull(at, &state.repositories[at].pulls[&number])))
}

fn files(state: &mut State, call: &Call) -> Outcome {
    let (at, pull) = state.pull(call, "pull_number")?;
    let shown = state.shown_pull(at, pull);
    let side = |name: &str| shown[name]["sha"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::List(files_between(state, at, &side("base"), &side("head"))))
}

fn files_between(state: &State, at: usize, base: &str, head: &str) -> Vec<Value> {
    let bare = &state.repositories[at].bare;
    let file = |(status, added, taken, path): (char, u64, u64, String)| {
        let words = match status {
            'A' => "added",
            'D' => "removed",
            _ => "modified",
        };
        json!({
            "filename": path, "status": words, "additions": added, "deletions": taken, "changes": added + taken,
            "sha": bare.file(head, &path).map_or(head.to_owned(), |(sha, _)| sha),
            "patch": bare.patch(base, head, &path),
        })
    };
    bare.files(base, head).into_iter().map(file).collect()
}

fn compare(state: &mut State, call: &Call) -> Outcome {
    let (at, repository) = state.in_repository(call)?;
    let (base, head) = call.place("basehead").split_once("...").ok_or_else(not_found)?;
    let of = |name: &str| {
        let name = name.rsplit(':').next().unwrap_or(name);
        let branch = || repository.bare.commit(&format!("refs/heads/{name}"));
        branch().or_else(|| repository.bare.commit(name)).ok_or_else(not_found)
    };
    let (base, head) = (of(base)?, of(head)?);
    let common = repository.bare.common(&base.sha, &head.sha).ok_or_else(not_found)?;
    let (ahead, behind) =
        (repository.bare.since(&common, &head.sha), repository.bare.since(&common, &base.sha));
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let commits = ahead.iter().filter_map(|sha| repository.bare.commit(sha));
    let shown = json!({
        "status": status, "ahead_by": ahead.len(), "behind_by": behind.len(), "total_commits": ahead.len(),
        "base_commit": state.shown_commit(at, &base), "files": files_between(state, at, &base.sha, &head.sha),
        "merge_base_commit": repository.bare.commit(&common).map(|commit| state.shown_commit(at, &commit)),
        "commits": commits.map(|commit| state.shown_commit(at, &commit)).collect::<Vec<_>>(),
    });
    Ok(Reply::One(200, shown))
}
