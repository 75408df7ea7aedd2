//! What stands beside the room: rooms and threads on one side, what moves and what runs on the other.

use folkops_model::{ChangeNumber, PersonId};
use maud::{Markup, html};

use super::span::{build, change, plain};
use super::{Scene, icon, person, when};
use crate::look::{Course, Moving, ThreadRow, ThreadTitle, View};

/// Characters of a thread's title that are shown.
const TITLE: usize = 60;

/// The rooms.
pub(crate) fn rooms(scene: &Scene<'_>) -> Markup {
    html! {
        section {
            h2 { "Rooms" }
            div class="list" {
                @for room in scene.site.config().rooms() {
                    @let here = *room == scene.view.room && scene.view.thread.is_none();
                    a href={ "/room/" (room) } aria-current=[here.then_some("page")] { (icon::icon("hash")) (room) }
                }
            }
        }
    }
}

/// The threads of this room.
pub(crate) fn threads(scene: &Scene<'_>) -> Markup {
    let threads = &scene.look.rails.threads;
    html! {
        section id="threads" hidden[threads.is_empty()] {
            h2 { "Threads" }
            div class="list" { @for row in threads { (thread(scene, row)) } }
        }
    }
}

fn thread(scene: &Scene<'_>, row: &ThreadRow) -> Markup {
    let (colour, glyph, word) = row.state.map_or(("", "chat", "talk"), icon::state);
    let title = match &row.title {
        ThreadTitle::Card(title) => plain(scene, title),
        ThreadTitle::Words(words) => {
            scene.keyring().open(words).unwrap_or_else(|| "words taken away".to_owned())
        }
    };
    let first: String = title.lines().next().unwrap_or_default().chars().take(TITLE).collect();
    let view = View { thread: Some(row.message.clone()), ..View::of_room(scene.view.room.clone()) };
    let here = scene.view.thread.as_ref() == Some(&row.message);
    html! {
        a class=(colour) href=(view.path()) aria-current=[here.then_some("page")] {
            (icon::icon(glyph)) span class="sr" { (word) ": " } span class="cut" { (first) }
            @if row.replies > 0 { span class="n" { (row.replies) span class="sr" { " replies" } } }
        }
    }
}

/// What moves, what runs, who is here.
pub(crate) fn state(scene: &Scene<'_>) -> Markup {
    html! {
        @if let Some(frozen) = &scene.look.rails.frozen { (freeze(scene, frozen)) }
        (moving(scene))
        (production(scene))
        (previews(scene))
        (people(scene))
    }
}

type Frozen = (Option<PersonId>, Option<jiff::Timestamp>);

fn freeze(scene: &Scene<'_>, (by, until): &Frozen) -> Markup {
    html! {
        section {
            h2 { "Frozen" }
            ul class="facts" {
                li {
                    span { "No promotions" }
                    span class="state held" { (icon::icon("held")) "held" }
                    span class="sub small mute" {
                        @if let Some(by) = by { "By " (scene.face(by).name) ", " }
                        @if let Some(until) = until { "until " (when::moment(*until, scene.look.now)) } @else { "until lifted" }
                        ". Rollback stays possible."
                    }
                }
            }
        }
    }
}

fn moving(scene: &Scene<'_>) -> Markup {
    let moving = &scene.look.rails.moving;
    html! {
        @if !moving.is_empty() {
            section { h2 { "Moving now" } ul class="facts" { @for one in moving { (course(scene, one)) } } }
        }
    }
}

fn course(scene: &Scene<'_>, moving: &Moving) -> Markup {
    let (colour, glyph, word) = match moving.course {
        Course::Waiting => ("waiting", "waiting", "waits for a look"),
        Course::Queued => ("waiting", "waiting", "waits its turn"),
        Course::Working(stage) => ("working", "working", stage.word()),
    };
    html! {
        li {
            b { @for number in &moving.changes { "#" (number) " " } (moving.command) }
            span class={ "state " (colour) } { (icon::icon(glyph)) (word) }
            @if let Course::Working(stage) = moving.course { span class="sub" { (bar(stage.number(), stage.word())) } }
            span class="sub small mute" {
                @match moving.by.person() { Some(by) => { "For " (scene.face(by).name) }, None => "By itself" }
                ", since " (when::clock(moving.since))
            }
        }
    }
}

/// A length that comes from data is the geometry of a drawing, never a style.
fn bar(stage: u8, word: &str) -> Markup {
    html! {
        svg class="progress" viewBox="0 0 240 8" preserveAspectRatio="none" role="img" aria-label={ (word) ": stage " (stage) " of 4" } {
            rect class="all" width="240" height="8" rx="4" {}
            rect class="moving" width=(u16::from(stage) * 60) height="8" rx="4" {}
        }
    }
}

fn production(scene: &Scene<'_>) -> Markup {
    html! {
        section {
            @match &scene.look.rails.production {
                None => { h2 { "Production" } p class="small mute" { "Nothing has been released yet." } }
                Some((number, builds)) => {
                    h2 { "Production runs release " (number) }
                    ul class="facts" { @for (component, digest) in builds { li { (component) (build(digest)) } } }
                }
            }
        }
    }
}

fn previews(scene: &Scene<'_>) -> Markup {
    let previews = &scene.look.rails.previews;
    html! {
        @if !previews.is_empty() {
            section {
                h2 { "Previews" }
                ul class="facts" {
                    @for (id, changes, deadline, up) in previews {
                        @let url = scene.site.engine().desk().addresses.preview(id);
                        li {
                            span { @for number in changes { (change(scene, *number)) " " } }
                            @if *up {
                                a class="small" href=(url) target="_blank" rel="noopener noreferrer" { (id) }
                            } @else {
                                span class="state working" { (icon::icon("working")) "coming" }
                            }
                            span class="sub small mute" { "until " (when::moment(*deadline, scene.look.now)) }
                        }
                    }
                }
            }
        }
    }
}

fn people(scene: &Scene<'_>) -> Markup {
    html! {
        section {
            h2 { "In the room" }
            ul class="facts" {
                @for id in scene.look.faces.all() {
                    @let face = scene.face(id);
                    li {
                        (person(&face))
                        span class="faint small" {
                            @match scene.look.rails.mixes.get(id) { Some((changes, _)) => (tries(changes)), None => (face.standing) }
                        }
                    }
                }
            }
        }
    }
}

/// What somebody tries on their own account.
pub(crate) fn tries(changes: &[ChangeNumber]) -> Markup {
    let last = changes.len().saturating_sub(1);
    html! {
        "tries "
        @for (index, number) in changes.iter().enumerate() {
            @if index > 0 { @if index == last { " and " } @else { ", " } }
            "#" (number)
        }
    }
}

/// The line above the log that says where one is.
pub(crate) fn heading(scene: &Scene<'_>) -> Markup {
    let room = &scene.view.room;
    html! {
        h1 {
            @match &scene.view.thread {
                None => {
                    "#" (room)
                    small {
                        @if let Some(away) = &scene.view.elsewhere { a href=(away.address) { (away.name) } " · " }
                        "Everything said here is public."
                    }
                }
                Some(_) => { a class="quiet" href={ "/room/" (room) } { "#" (room) } small { "A thread. Everything said here is public." } }
            }
            noscript class="still" { small { "Times are in UTC; new messages appear when you load the page again." } }
            small class="link-state" id="link-state" role="status" {}
        }
    }
}
