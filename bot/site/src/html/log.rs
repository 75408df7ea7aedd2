//! The log: who said what, and our cards, day by day.
//!
//! What people say is text and stays text: no markup, no links. Only a first line that begins with `/` is set as a
//! command, because that is what the program reads it as.

use folkops_model::{CardState, Line, Principal, Sealed};
use jiff::Timestamp;
use maud::{Markup, html};

use super::card::Drawn;
use super::span::{Spot, line};
use super::{Scene, avatar, bot, icon, when};
use crate::look::{Shown, View, What};

/// Every message that was seen, with the days above them.
pub(crate) fn lines(scene: &Scene<'_>) -> Markup {
    let shown = &scene.look.items.shown;
    html! {
        @for (index, message) in shown.iter().enumerate() {
            @if starts_a_day(shown, index) { (when::day(message.at)) }
            (one(scene, message))
        }
    }
}

fn starts_a_day(shown: &[Shown], index: usize) -> bool {
    let at = |index: usize| shown.get(index).map(|message| when::day_of(message.at));
    index == 0 || at(index) != at(index - 1)
}

/// The id that a message has on the page.
pub(crate) fn id(message: &Shown) -> String {
    format!("m-{}", message.message)
}

/// One message.
pub(crate) fn one(scene: &Scene<'_>, message: &Shown) -> Markup {
    let id = id(message);
    html! {
        li class="msg" id=(id) data-place=(message.place) {
            @match &message.what {
                What::Said { by, text } => {
                    (said_by(scene, by, message))
                    (words(scene, text))
                }
                What::Card { card, may, private, by_itself, edited } => {
                    (bot())
                    div class="by" {
                        b { "FolkOps" }
                        @if *by_itself { span { "by itself" } }
                        @if *private { span class="only" { (icon::icon("lock")) "only you see this" } }
                        (times(message.at, *edited))
                        (reply_to(scene, message))
                    }
                    @match message.brief().filter(|_| scene.view.thread.is_none()) {
                        Some((state, brief)) => (in_brief(scene, state, brief)),
                        None => (Drawn { card, may, private: *private, id: &id }.html(scene)),
                    }
                }
            }
            (below(scene, message))
        }
    }
}

/// What the room shows of a card that opens a thread.
fn in_brief(scene: &Scene<'_>, state: CardState, brief: &Line) -> Markup {
    let (colour, glyph, word) = icon::state(state);
    html! {
        p class={ "brief " (colour) } {
            span class="glyph" { (icon::icon(glyph)) span class="sr" { (word) ": " } }
            span { (line(scene, brief, Spot::Prose)) }
        }
    }
}

fn said_by(scene: &Scene<'_>, by: &Principal, message: &Shown) -> Markup {
    let face = by.person().map(|person| scene.face(person));
    html! {
        @match &face { Some(face) => (avatar(face, "")), None => (bot()) }
        div class="by" {
            b { (face.as_ref().map_or("FolkOps", |face| face.name.as_str())) }
            (when::clock(message.at))
            (reply_to(scene, message))
        }
    }
}

/// When; and when it was edited, where that is not within the same minute.
fn times(at: Timestamp, edited: Option<Timestamp>) -> Markup {
    let minute = |at: Timestamp| at.as_second().div_euclid(60);
    html! {
        span {
            (when::clock(at))
            @if let Some(edited) = edited {
                ", edited" @if minute(edited) != minute(at) { " " (when::clock(edited)) }
            }
        }
    }
}

fn words(scene: &Scene<'_>, sealed: &Sealed) -> Markup {
    let Some(text) = scene.keyring().open(sealed) else {
        return html! { p class="said faint" { "These words were taken away." } };
    };
    let (first, rest) =
        text.split_once('\n').map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
    html! {
        p class="said" {
            @if first.starts_with('/') {
                code class="cmd" { (first) }
                @if let Some(rest) = rest { "\n" (rest) }
            } @else { (text) }
        }
    }
}

/// A thread's own address; a card for one person opens none.
fn thread(scene: &Scene<'_>, message: &Shown) -> Option<String> {
    let opens = scene.view.thread.is_none() && !message.is_private();
    let view = View { thread: Some(message.message.clone()), ..View::of_room(scene.view.room.clone()) };
    opens.then(|| view.path())
}

fn reply_to(scene: &Scene<'_>, message: &Shown) -> Markup {
    html! {
        @if let Some(path) = thread(scene, message).filter(|_| message.replies == 0 && message.brief().is_none()) {
            a class="answer" href=(path) { "Reply" span class="sr" { " in a thread" } }
        }
    }
}

fn below(scene: &Scene<'_>, message: &Shown) -> Markup {
    let replies = message.replies;
    let brief = message.brief().is_some();
    html! {
        @if let Some(path) = thread(scene, message).filter(|_| replies > 0 || brief) {
            p class="thread" {
                a href=(path) {
                    (icon::icon("chat"))
                    @if brief { "What happened" @if replies > 0 { ", " } }
                    @if replies > 0 { (replies) @if replies == 1 { " reply" } @else { " replies" } }
                }
            }
        }
    }
}
