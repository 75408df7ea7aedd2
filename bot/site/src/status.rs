//! What runs, for programs: `GET /api/status`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use folkops_engine::Facts;
use folkops_previews::{PreviewState, Previews, Releases};
use serde_json::{Value, json};

use crate::pages::not_now;
use crate::state::Site;

/// The release with its builds, the previews, the freeze. Public, and without any name of a person.
pub(crate) async fn status(State(site): State<Site>) -> Response {
    let (sequence, value) = site.engine().ledger().read(|facts| (facts.sequence(), value(&site, facts)));
    match site.durable(sequence).await {
        Ok(()) => Json(value).into_response(),
        Err(error) => not_now(&site, &error.to_string()),
    }
}

fn value(site: &Site, facts: &Facts<'_>) -> Value {
    json!({
        "service": site.engine().desk().service,
        "sequence": facts.sequence(),
        "production": production(facts),
        "previews": previews(site, facts),
        "frozen": frozen(facts),
    })
}

fn production(facts: &Facts<'_>) -> Value {
    let current = facts.fold::<Releases>().and_then(|releases| releases.current(facts));
    let Some((production, release)) = current else { return Value::Null };
    json!({
        "release": release.number,
        "since": production.since,
        "by": production.by,
        "components": release.components,
        "changes": release.changes.iter().map(|(change, sha)| json!({ "change": change.to_string(), "commit": sha })).collect::<Vec<_>>(),
    })
}

fn previews(site: &Site, facts: &Facts<'_>) -> Vec<Value> {
    let previews = facts.fold::<Previews>().map(|previews| previews.previews.iter());
    let one = |(id, preview): (&folkops_model::PreviewId, &folkops_previews::Preview)| {
        json!({
            "preview": id,
            "url": site.engine().desk().addresses.preview(id),
            "base": preview.base,
            "until": preview.deadline,
            "up": matches!(preview.state, PreviewState::Up(_)),
            "parts": preview.parts,
        })
    };
    previews.into_iter().flatten().map(one).collect()
}

fn frozen(facts: &Facts<'_>) -> Value {
    let freeze = facts.fold::<Releases>().and_then(|releases| releases.frozen(facts));
    freeze.map_or(
        Value::Null,
        |freeze| json!({ "since": freeze.since, "until": freeze.until, "by": freeze.by }),
    )
}
