//! A rollout's picture for cards and for rooms that show files: the same drawing as SVG, and as PNG.
//!
//! Only what the record holds is drawn, and nothing is kept: a browser that has the picture already gets no body. Pixels
//! are made on threads of their own, a few at a time, so that no page waits for them.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use folkops_engine::AnyTable as _;
use folkops_graph::{Graph, Size, Theme, Times, png, svg};
use folkops_model::{ReleaseNumber, RolloutEnd};
use folkops_rollouts::words::share;
use folkops_rollouts::{Fares, Rollouts, Row, Stage};
use serde::Deserialize;

use crate::html::page;
use crate::pages::not_now;
use crate::rollouts::{marks, point};
use crate::state::Site;

/// How long a picture may wait for its turn.
const TURN: Duration = Duration::from_secs(5);

/// What a picture's address may carry.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    theme: Option<Shade>,
    /// Milliseconds since the Unix epoch; nothing later is drawn.
    until: Option<i64>,
}

/// The colours; a file has no page that it could take them from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shade {
    /// Dark ink on white.
    Light,
    /// Light ink on black.
    Dark,
}

/// The picture of a release in this form, such as `svg`.
pub(crate) async fn answer(
    site: &Site,
    release: &str,
    kind: &str,
    asked: Asked,
    headers: &HeaderMap,
) -> Response {
    let found = release.parse::<ReleaseNumber>().ok().and_then(|release| {
        site.engine().ledger().read(|facts| {
            let rollouts = &facts.fold::<Rollouts>()?.rollouts;
            let version = rollouts.version_of(Some(&release.to_string()));
            Some((rollouts.get(&release)?.clone(), version, facts.sequence()))
        })
    });
    let Some((row, version, sequence)) = found.filter(|_| matches!(kind, "svg" | "png")) else {
        return page::plain(
            site,
            StatusCode::NOT_FOUND,
            "No such picture",
            "Nothing of that name was drawn here.",
        );
    };
    if let Err(error) = site.durable(sequence).await {
        return not_now(site, &error.to_string());
    }
    let shade = asked.theme.unwrap_or(Shade::Dark);
    let until = asked.until.unwrap_or(i64::MAX);
    let tag = format!("\"{}-{version}-{until}-{shade:?}-{kind}\"", env!("CARGO_PKG_VERSION"));
    let fixed = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, "no-cache")];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    let graph = drawing(&row, until, shade, &site.config().title);
    match kind {
        "svg" => (fixed, [(header::CONTENT_TYPE, "image/svg+xml")], svg(&graph, Size::Chat)).into_response(),
        _ => match pixels(site, graph).await {
            Ok(file) => (fixed, [(header::CONTENT_TYPE, "image/png")], file).into_response(),
            Err(why) => not_now(site, &why),
        },
    }
}

/// INVARIANT: no async thread ever renders.
async fn pixels(site: &Site, graph: Graph) -> Result<Vec<u8>, String> {
    let turn = tokio::time::timeout(TURN, site.pixels().clone().acquire_owned()).await;
    let turn =
        turn.map_err(|_| "too many pictures are asked for".to_owned())?.map_err(|error| error.to_string())?;
    let rendering = tokio::task::spawn_blocking(move || {
        let file = png(&graph, Size::Chat, 1.0);
        drop(turn);
        file
    });
    rendering.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn drawing(row: &Row, until: i64, shade: Shade, service: &str) -> Graph {
    let course = row.course().into_iter().filter(|moment| moment.at.as_millisecond() <= until);
    let course: Vec<_> = course.collect();
    let far = row.marks.iter().rev().find(|(at, _)| at.as_millisecond() <= until);
    let last = course.last().map(|moment| (met_error(&moment.new), met_error(&moment.current)));
    Graph {
        title: title(row, far.map(|(_, stage)| stage), last),
        about: format!(
            "visitors who met an error · {} UTC · {service}",
            row.began.strftime("%a %-d %b, from %H:%M")
        ),
        counted: "Visitors who met an error".into(),
        theme: if shade == Shade::Light { Theme::Light } else { Theme::Dark },
        times: Times::SinceStart,
        points: course.iter().map(point).collect(),
        marks: marks(row).filter(|mark| mark.at_ms <= until).collect(),
        limit: None,
        evidence: None,
    }
}

/// "#52 rolled back: 4.9 % met an error, current build 1.0 %".
fn title(row: &Row, far: Option<&Stage>, last: Option<(Option<String>, Option<String>)>) -> String {
    let changes: Vec<String> =
        row.rollout.changes.iter().map(|change| format!("#{}", change.number)).collect();
    let stands = match far {
        Some(Stage::Ended(RolloutEnd::RolledBack)) => "rolled back",
        Some(Stage::Soaking { .. } | Stage::Ended(RolloutEnd::Live)) => "live for everyone",
        Some(Stage::Ended(RolloutEnd::Superseded)) => "gave way to a newer release",
        Some(Stage::Held { .. } | Stage::Paused { .. }) => "stands still",
        Some(Stage::Rising { .. }) | None => "→ everyone",
    };
    let changes = changes.join(" and ");
    match last {
        Some((Some(new), Some(current))) => {
            format!("{changes} {stands}: {new} met an error, current build {current}")
        }
        _ => format!("{changes} {stands}"),
    }
}

/// None before the first visitor.
fn met_error(fares: &Fares) -> Option<String> {
    let of = f64::from(u32::try_from(fares.visitors).ok().filter(|of| *of > 0)?);
    Some(share(f64::from(u32::try_from(fares.met_error).ok()?) / of))
}
