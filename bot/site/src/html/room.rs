//! The room's page, and the parts of it that a live stream replaces.

use maud::{Markup, html};

use super::composer::{Unsent, composer};
use super::page::{Tab, shell, who};
use super::{Scene, beside, log};
use crate::look::Page;

/// The whole page.
pub(crate) fn page(scene: &Scene<'_>, unsent: &Unsent) -> Markup {
    let main = html! {
        div class="room" {
            nav class="rail" aria-label="Rooms" { (beside::rooms(scene)) (beside::threads(scene)) }
            main class="talk" id="main" { (beside::heading(scene)) (entries(scene)) (composer(scene, unsent)) }
            aside class="rail r" id="state" aria-label="State of the service" { (beside::state(scene)) }
        }
    };
    shell(scene.site, &format!("#{}", scene.view.room), Tab::Room, &who(scene), &main)
}

/// The log with its live stream's address.
pub(crate) fn entries(scene: &Scene<'_>) -> Markup {
    let items = &scene.look.items;
    let first = items.shown.first().map_or(scene.look.sequence + 1, |message| message.place);
    html! {
        @if items.earlier {
            p class="earlier" { a href={ "/room/" (scene.view.room) "?before=" (first) } { "Earlier messages" } }
        }
        ol class="log" id="log" aria-live="polite" data-events=[(!items.later).then(|| events(scene, first))] {
            (log::lines(scene))
            @if items.shown.is_empty() {
                li class="empty" { "Nobody has said anything yet. Say " code class="cmd" { "/help" } " to see what can be done here." }
            }
        }
        @if items.later { p class="earlier" { a href=(scene.view.path()) { "Newest messages" } } }
    }
}

fn events(scene: &Scene<'_>, first: u64) -> String {
    let view = scene.view;
    let since = scene.look.sequence;
    let mut address = format!("/room/{}/events?from={first}&since={since}", view.room);
    if let Some(thread) = &view.thread {
        address.push_str(&format!("&thread={thread}"));
    }
    if view.page == Page::Demo {
        address.push_str("&page=demo");
    }
    address
}
