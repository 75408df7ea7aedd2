//! The shell of every page: head, sprite, bar; and the small pages that say one thing.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::{Scene, avatar, icon};
use crate::state::Site;

/// One page of the site in the bar's row of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// The guided demo.
    Demo,
    /// The room.
    Room,
    /// None of them.
    None,
}

/// A whole page.
pub(crate) fn shell(site: &Site, title: &str, tab: Tab, who: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (site.config().title) }
                link rel="stylesheet" href="/assets/site.css";
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                script type="module" src="/assets/site.js" {}
            }
            body {
                (icon::sprite())
                a class="skip" href="#main" { "Skip to content" }
                div class="bar" {
                    div {
                        a class="brand" href="/" { (icon::icon("logo")) (site.config().title) " " span { "on FolkOps" } }
                        nav aria-label="Pages" {
                            @if site.demo().is_some() { a href="/demo" aria-current=[(tab == Tab::Demo).then_some("page")] { "Demo" } }
                            a href={ "/room/" (site.config().room) } aria-current=[(tab == Tab::Room).then_some("page")] { "Room" }
                        }
                        (who)
                    }
                }
                (main)
            }
        }
    }
}

/// Who looks, at the end of the bar.
pub(crate) fn who(scene: &Scene<'_>) -> Markup {
    let Some(viewer) = &scene.look.viewer else {
        return html! { span class="who small faint" id="who" { "reading" } };
    };
    let face = scene.face(viewer);
    html! {
        span class="who small" id="who" {
            (avatar(&face, ""))
            span class="only-wide" { b { (face.name) } " " span class="faint" { (face.standing) } }
            @if scene.site.demo().is_none() {
                form class="only-wide" method="post" action="/leave" { (scene.proof()) button class="btn quiet" { "Leave" } }
            }
        }
    }
}

/// A page that says one thing.
pub(crate) fn plain(site: &Site, status: StatusCode, title: &str, sentence: &str) -> Response {
    let main = html! {
        main class="page" id="main" {
            div class="lead" { h1 { (title) } p { (sentence) } }
            p { a href="/" { "To the room" } }
        }
    };
    (status, Html(shell(site, title, Tab::None, &html! {}, &main).into_string())).into_response()
}
