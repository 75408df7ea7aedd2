//! The pages of a room, and the small pages around it. Looking changes nothing.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use folkops_model::{MessageId, RoomName};
use serde::Deserialize;

use crate::html::composer::Unsent;
use crate::html::{Scene, page, room};
use crate::look::{Look, Reach, View};
use crate::session::Token;
use crate::state::Site;

/// What a room's address may carry.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    before: Option<u64>,
}

/// The way in.
pub(crate) async fn home(State(site): State<Site>) -> Redirect {
    match site.demo() {
        Some(_) => Redirect::to("/demo"),
        None => Redirect::to(&format!("/room/{}", site.config().room)),
    }
}

/// A room.
pub(crate) async fn room(
    State(site): State<Site>,
    Path(room): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    match known(&site, &room) {
        Some(view) => show(&site, &headers, &view, asked.before, &Unsent::default()).await,
        None => no_room(&site),
    }
}

/// A thread.
pub(crate) async fn thread(
    State(site): State<Site>,
    Path((room, message)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match (known(&site, &room), MessageId::parse(&message)) {
        (Some(view), Ok(message)) => {
            let view = View { thread: Some(message), ..view };
            show(&site, &headers, &view, None, &Unsent::default()).await
        }
        _ => no_room(&site),
    }
}

/// Draws a room or a thread as the bearer of these headers sees it.
pub(crate) async fn show(
    site: &Site,
    headers: &HeaderMap,
    view: &View,
    before: Option<u64>,
    unsent: &Unsent,
) -> Response {
    let token = Token::of(headers);
    let look = Look::take(site, token.as_ref(), view, Reach::Last { before });
    if view.thread.as_ref().is_some_and(|thread| !look.items.begins_with(thread)) {
        return page::plain(
            site,
            StatusCode::NOT_FOUND,
            "No such thread",
            "Nothing that opens a thread here has that name. The room has what was said.",
        );
    }
    if let Err(error) = site.durable(look.sequence).await {
        return not_now(site, &error.to_string());
    }
    let scene = Scene::new(site, &look, view, token.as_ref());
    Html(room::page(&scene, unsent).into_string()).into_response()
}

/// A room of this site, or a place of another surface that is shown like one.
pub(crate) fn known(site: &Site, room: &str) -> Option<View> {
    if let Some(known) = site.config().rooms().find(|known| known.as_str() == room) {
        return Some(View::of_room(known.clone()));
    }
    let room = RoomName::parse(room).ok()?;
    let place = site.engine().ledger().read(|facts| (site.config().elsewhere)(facts, &room));
    place.map(View::of_place)
}

/// There is no such room.
pub(crate) fn no_room(site: &Site) -> Response {
    page::plain(site, StatusCode::NOT_FOUND, "No such room", "There is no room of that name here.")
}

/// There is no such page.
pub(crate) async fn nothing_here(State(site): State<Site>) -> Response {
    page::plain(&site, StatusCode::NOT_FOUND, "Nothing here", "There is no page at this address.")
}

/// The page is there, but not for this.
pub(crate) async fn wrong_method(State(site): State<Site>) -> Response {
    page::plain(
        &site,
        StatusCode::METHOD_NOT_ALLOWED,
        "Not that way",
        "This address is there, but it does not take this kind of request.",
    )
}

/// Something of ours does not answer.
pub(crate) fn not_now(site: &Site, why: &str) -> Response {
    let page =
        page::plain(site, StatusCode::SERVICE_UNAVAILABLE, "Not now", &format!("Nothing was done: {why}."));
    ([(header::RETRY_AFTER, "5")], page).into_response()
}
