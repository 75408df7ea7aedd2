//! A rollout's page: its picture, its figures, and what was done, for anybody to read. It renews itself while it is under
//! way; nothing is decided or changed here.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use folkops_graph::{Evidence, Graph, Mark, MarkKind, Point, Rate, Size, Theme, Times, alt, svg};
use folkops_model::{Counts, ReleaseNumber, RolloutEnd};
use folkops_rollouts::words::{stands_out, unsound};
use folkops_rollouts::{Fares, Found, Moment, Rollouts, Row, Stage, plan};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use crate::html::page::{Tab, shell, who};
use crate::html::{Scene, page};
use crate::look::{Look, Reach, View};
use crate::pages::not_now;
use crate::picture;
use crate::session::Token;
use crate::state::Site;

/// How wide the picture is drawn, in px; the page shows it as wide as there is room.
const WIDTHS: [(u16, &str); 2] = [(960, "only-wide"), (380, "only-phone")];

/// The newest rollout.
pub(crate) async fn newest(State(site): State<Site>) -> Response {
    let newest = site
        .engine()
        .ledger()
        .read(|facts| facts.fold::<Rollouts>()?.rollouts.iter().next_back().map(|(release, _)| *release));
    match newest {
        Some(release) => Redirect::to(&format!("/rollouts/{release}")).into_response(),
        None => nothing(&site, "Nothing was rolled out in steps yet."),
    }
}

/// One rollout.
pub(crate) async fn page(
    State(site): State<Site>,
    Path(release): Path<String>,
    asked: Query<picture::Asked>,
    headers: HeaderMap,
) -> Response {
    if let Some((release, kind)) = release.split_once('.') {
        return picture::answer(&site, release, kind, asked.0, &headers).await;
    }
    let found = release.parse::<ReleaseNumber>().ok().and_then(|release| {
        site.engine().ledger().read(|facts| {
            let row = facts.fold::<Rollouts>()?.rollouts.get(&release)?.clone();
            Some((row, facts.now()))
        })
    });
    let Some((row, now)) = found else {
        return nothing(&site, "No release of that number is or was rolled out in steps.");
    };
    let token = Token::of(&headers);
    let view = View::of_room(site.config().room.clone());
    let look = Look::take(&site, token.as_ref(), &view, Reach::Since { from: u64::MAX, since: u64::MAX });
    if let Err(error) = site.durable(look.sequence).await {
        return not_now(&site, &error.to_string());
    }
    let scene = Scene::new(&site, &look, &view, token.as_ref());
    let main = drawn(&row, now, view.room.as_str());
    Html(shell(&site, &title(&row), Tab::None, &who(&scene), &main).into_string()).into_response()
}

fn nothing(site: &Site, sentence: &str) -> Response {
    page::plain(site, StatusCode::NOT_FOUND, "No such rollout", sentence)
}

fn title(row: &Row) -> String {
    let changes = row.rollout.changes.iter().map(|change| format!("#{}", change.number));
    format!("{} → everyone", changes.collect::<Vec<_>>().join(" and "))
}

fn drawn(row: &Row, now: Timestamp, room: &str) -> Markup {
    let graph = graph(row, now);
    let said = plan(row, now).evidence.map(|evidence| [stands_out(&evidence), unsound(&evidence)]);
    html! {
        main class="page rollout" id="main" data-live[row.stage.is_live()] {
            p { a href={ "/room/" (room) } { "To the room" } }
            div class="lead" {
                h1 { (title(row)) }
                p { (standing(row)) }
                @for said in said.into_iter().flatten().flatten() { p { (said) } }
            }
            figure {
                @for (width, class) in WIDTHS {
                    div class=(class) { (PreEscaped(svg(&graph, Size::Page { width }))) }
                }
                figcaption class="sr" { (alt(&graph)) }
            }
            (figures(row))
        }
    }
}

/// Where it stands, in a sentence.
fn standing(row: &Row) -> String {
    let (release, from) = (row.rollout.release, row.rollout.from);
    let weight = |rung: &u32| {
        let rung = usize::try_from(*rung).ok().and_then(|rung| row.rollout.rungs.get(rung));
        rung.map_or_else(String::new, |rung| rung.weight.to_string())
    };
    match &row.stage {
        Stage::Rising { rung } => {
            format!("{} of people have release {release}; it goes on by itself.", weight(rung))
        }
        Stage::Held { rung, .. } => {
            format!("{} of people have release {release}; it stands still by itself.", weight(rung))
        }
        Stage::Paused { rung, .. } => {
            format!("{} of people have release {release}; somebody paused it.", weight(rung))
        }
        Stage::Soaking { .. } => format!("Everybody has release {release}; it is watched on."),
        Stage::Ended(RolloutEnd::Live) => format!("Everybody has release {release}."),
        Stage::Ended(RolloutEnd::RolledBack) => format!("It was rolled back; everybody has release {from}."),
        Stage::Ended(RolloutEnd::Superseded) => "A newer release took its place.".into(),
    }
}

/// One figure of many.
type Count = fn(&Counts) -> u64;

fn figures(row: &Row) -> Markup {
    let sides = [("New build", row.totals.candidate), ("Current build", row.totals.stable)];
    let soak = row.soak.as_ref().map(|soak| ("Since everybody has it", soak.counts));
    let sides: Vec<(&str, Counts)> = sides.into_iter().chain(soak).collect();
    let rows: [(&str, Count); 5] = [
        ("People", |counts| counts.visitors),
        ("met an error", |counts| counts.affected),
        ("Requests", |counts| counts.requests),
        ("failed", |counts| counts.failed),
        ("were slow", |counts| counts.slow),
    ];
    html! {
        table class="figures" {
            thead { tr { td {} @for (side, _) in &sides { th scope="col" { (side) } } } }
            tbody {
                @for (name, of) in rows {
                    tr { th scope="row" { (name) } @for (_, counts) in &sides { td { (of(counts)) } } }
                }
            }
        }
        @if let Some(soak) = &row.soak { p { (soaked(&soak.found())) } }
    }
}

/// What the soak says, in a sentence.
fn soaked(found: &Found) -> String {
    let nearness = 100.0 * (found.evidence / found.alarm_at).clamp(0.0, 1.0);
    let before = 100.0 * found.before;
    let Some(now) = found.now.rate() else {
        return "Nobody was watched to the end since everybody has it.".into();
    };
    format!(
        "Since everybody has it: {:.1} % {} of {} people, {before:.1} % before. The evidence that it got worse is at \
         {nearness:.0} % of what takes it back.",
        100.0 * now,
        found.metric,
        found.now.visitors
    )
}

fn graph(row: &Row, now: Timestamp) -> Graph {
    let evidence = plan(row, now).evidence.map(|evidence| Evidence {
        log_harm: evidence.harm,
        log_harm_needed: evidence.roll_back_at,
        log_safe: evidence.safe,
        log_safe_needed: evidence.advance_at,
    });
    Graph {
        title: String::new(),
        about: "Since the rollout began".into(),
        counted: "Visitors who met an error".into(),
        theme: Theme::Page,
        times: Times::SinceStart,
        points: row.course().iter().map(point).collect(),
        marks: marks(row).collect(),
        limit: None,
        evidence,
    }
}

/// A moment as it is drawn.
pub(crate) fn point(moment: &Moment) -> Point {
    Point {
        at_ms: moment.at.as_millisecond(),
        share: moment.weight.fraction(),
        current: rate(&moment.current),
        new: rate(&moment.new),
    }
}

/// What was done, as it is drawn.
pub(crate) fn marks(row: &Row) -> impl Iterator<Item = Mark> {
    let deployed = Mark { at_ms: row.began.as_millisecond(), kind: MarkKind::Deploy };
    // Everybody has it from the soak's beginning on.
    let told = |stage: &Stage| row.soak.is_none() || *stage != Stage::Ended(RolloutEnd::Live);
    let done = row.marks.iter().filter(move |(_, stage)| told(stage));
    let done = done.filter_map(|(at, stage)| Some(Mark { at_ms: at.as_millisecond(), kind: kind(stage)? }));
    std::iter::once(deployed).chain(done)
}

fn rate(fares: &Fares) -> Rate {
    let failed = f64::from(u32::try_from(fares.met_error).unwrap_or(u32::MAX));
    Rate { failed, of: fares.visitors, interval: Some(fares.interval) }
}

fn kind(stage: &Stage) -> Option<MarkKind> {
    match stage {
        Stage::Rising { rung } => Some(MarkKind::Step(rung + 1)),
        Stage::Held { .. } | Stage::Paused { .. } => Some(MarkKind::Pause),
        Stage::Soaking { .. } | Stage::Ended(RolloutEnd::Live) => Some(MarkKind::Done),
        Stage::Ended(RolloutEnd::RolledBack) => Some(MarkKind::RolledBack),
        Stage::Ended(RolloutEnd::Superseded) => None,
    }
}
