//! Where one speaks: the field, the commands it offers, and what is said to who cannot speak.
//!
//! Without script it is a form with one field. The offers wait hidden in the page, because the judge's answers are the
//! viewer's own and nobody else's request can ask for them.

use maud::{Markup, html};

use super::span::{Spot, line};
use super::{Scene, icon};
use crate::look::{May, Offer, Page};
use crate::sign_in;
use crate::state::Site;

/// What stands in the field, and why it did not go through, where something did not.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// The words.
    pub(crate) text: String,
    /// One sentence.
    pub(crate) why: Option<String>,
}

/// The composer, or the way to one.
pub(crate) fn composer(scene: &Scene<'_>, unsent: &Unsent) -> Markup {
    let Some(viewer) = &scene.look.viewer else { return how_to_join(scene.site) };
    let placeholder = match scene.view.page {
        Page::Demo => format!("Speak as {}, or / for commands", scene.face(viewer).name),
        Page::Room if scene.view.thread.is_some() => "Reply, or / for commands".to_owned(),
        Page::Room => "Say something, or / for commands".to_owned(),
    };
    html! {
        form class="composer" id="composer" method="post" action={ "/room/" (scene.view.room) "/say" } {
            (scene.hidden())
            div class="pop" role="listbox" id="ac" aria-label="Commands" hidden {
                @for (index, offer) in scene.look.offers.iter().enumerate() { (option(scene, index, offer)) }
                (keys())
            }
            div class="box" {
                label class="sr" for="say" { "Message" }
                input id="say" name="text" value=(unsent.text) placeholder=(placeholder) maxlength="4000" required
                    role="combobox" aria-expanded="false" aria-controls="ac" aria-autocomplete="list"
                    aria-describedby="say-err" autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="send";
                button class="btn main" { "Send" }
            }
            p class="err" id="say-err" role="alert" hidden[unsent.why.is_none()] { (unsent.why.as_deref().unwrap_or_default()) }
        }
    }
}

fn option(scene: &Scene<'_>, index: usize, offer: &Offer) -> Markup {
    let spec = offer.spec;
    html! {
        div class="opt" role="option" id={ "ac" (index) } aria-selected="false"
            data-name=(spec.name) data-aliases=(spec.aliases.join(" ")) data-takes=(offer.args) {
            code { "/" (spec.name) @if !offer.args.is_empty() { " " span class="faint" { (offer.args) } } }
            span class="d" { (spec.summary) }
            (may(scene, &offer.may))
        }
    }
}

fn may(scene: &Scene<'_>, may: &May) -> Markup {
    let (colour, glyph, who, why) = match may {
        May::Yes => ("good", "check", "you may", None),
        May::No(why) => ("refused", "refused", "not you: ", Some(why)),
        May::NotNow(why) => ("held", "held", "not now: ", Some(why)),
        May::Join => ("refused", "refused", "join first", None),
    };
    html! {
        span class={ "may " (colour) } {
            (icon::icon(glyph)) " " (who) @if let Some(why) = why { (line(scene, why, Spot::Prose)) }
        }
    }
}

fn keys() -> Markup {
    html! {
        div class="keys" {
            span { kbd { "↑" } " " kbd { "↓" } " choose" }
            span { kbd { "Tab" } " fill in" }
            span { kbd { "Enter" } " send" }
            span { kbd { "Esc" } " close" }
            span { "A line that starts with / is a command; all else is talk." }
        }
    }
}

fn how_to_join(site: &Site) -> Markup {
    let signs_in = !site.config().sign_in.by.is_empty();
    html! {
        div class="composer" {
            div class="empty ways" {
                p id="join-how" {
                    "You are reading; everything said here is public. "
                    @if signs_in { "To speak, sign in, or open an invitation link." } @else {
                        "To speak, open an invitation link: whoever runs this can make one with " code { "folkops invite" } "."
                    }
                }
                @if signs_in { div class="btns" { (sign_in::buttons(site)) } }
            }
        }
    }
}
