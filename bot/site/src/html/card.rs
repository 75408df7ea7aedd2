//! A card in the log: glyph and title, sentences, consent, facts, buttons, the way without the bot.

use folkops_model::{Button, Card, Line, Picture, Pictured, Press, Sealed, Span, Weight};
use maud::{Markup, html};

use super::span::{Spot, host_first, line, plain};
use super::{Scene, icon};
use crate::look::May;

/// One card, with what the judge said to each of its buttons.
pub(crate) struct Drawn<'a> {
    pub(crate) card: &'a Card,
    pub(crate) may: &'a [May],
    pub(crate) private: bool,
    /// The id that this card's parts are named after.
    pub(crate) id: &'a str,
}

impl Drawn<'_> {
    pub(crate) fn html(&self, scene: &Scene<'_>) -> Markup {
        let card = self.card;
        let (colour, glyph, word) = icon::state(card.state);
        html! {
            article class="card reply" aria-label={ (word) ": " (plain(scene, &card.title)) } {
                span class={ "glyph " (colour) } { (icon::icon(glyph)) span class="sr" { (word) } }
                div {
                    header { h3 { (line(scene, &card.title, Spot::Prose)) } }
                    @for body in card.body.iter().filter(|body| has_words(body)) { p { (line(scene, body, Spot::Prose)) } }
                    @if let Some(picture) = &card.picture { (drawn(picture)) }
                    @if let Some(consent) = &card.consent { p class="consent" { (line(scene, consent, Spot::Prose)) } }
                    @if let Some(log) = &card.log { (folded(log)) }
                    @if !card.rows.is_empty() { (rows(scene, card)) }
                    (self.buttons(scene))
                }
            }
        }
    }

    fn buttons(&self, scene: &Scene<'_>) -> Markup {
        let secrets: Vec<&Sealed> = secrets(self.card).filter(|_| self.private).collect();
        let hint = self.card.hint.as_ref();
        if self.card.buttons.is_empty() && secrets.is_empty() && hint.is_none() {
            return html! {};
        }
        let judged: Vec<(&Button, &May)> = self.card.buttons.iter().zip(self.may).collect();
        html! {
            div class="btns" {
                @for secret in secrets { (secret_link(scene, secret)) }
                @for (button, may) in &judged { (self.button(scene, button, may)) }
                @if let Some(hint) = hint { span class="hint" { (line(scene, hint, Spot::Prose)) } }
                (self.reasons(scene, &judged))
            }
            p class="err" role="alert" hidden {}
        }
    }

    fn button(&self, scene: &Scene<'_>, button: &Button, may: &May) -> Markup {
        let class = format!("btn {}", weight(button.weight));
        match (&button.press, may) {
            (Press::Open(url), _) => open(button, url, &class),
            (Press::Say(says), May::Yes) => html! {
                form class="say" method="post" action={ "/room/" (scene.view.room) "/say" } {
                    (scene.hidden())
                    input type="hidden" name="text" value=(says);
                    button class=(class) { (label(&button.label)) }
                }
            },
            (Press::Say(_), May::Join) => html! {
                button type="button" class=(class) aria-disabled="true" aria-describedby="join-how" { (label(&button.label)) }
            },
            (Press::Say(_), May::No(_) | May::NotNow(_)) => html! {
                button type="button" class=(class) aria-disabled="true" aria-describedby={ (self.id) "-why" } { (label(&button.label)) }
            },
        }
    }

    /// Why buttons are dashed; each reason once.
    fn reasons(&self, scene: &Scene<'_>, judged: &[(&Button, &May)]) -> Markup {
        let mut reasons: Vec<(&str, &Line)> = Vec::new();
        for (button, may) in judged {
            let reason = match may {
                May::No(why) => ("Not you: ", why),
                May::NotNow(why) => ("Not now: ", why),
                May::Yes | May::Join => continue,
            };
            if matches!(button.press, Press::Say(_)) && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        html! {
            @if !reasons.is_empty() {
                span class="hint why" id={ (self.id) "-why" } {
                    @for (index, (who, why)) in reasons.iter().enumerate() {
                        @if index > 0 { br; }
                        (who) (line(scene, why, Spot::Prose))
                    }
                }
            }
        }
    }
}

/// A picture in both themes; the page shows one of them, and a browser loads no other.
fn drawn(picture: &Picture) -> Markup {
    let Pictured::Rollout { release, until } = &picture.of;
    let until = until.map(|until| format!("&until={}", until.as_millisecond())).unwrap_or_default();
    html! {
        figure class="graph" {
            @for theme in ["light", "dark"] {
                img class={ "in-" (theme) } src={ "/rollouts/" (release) ".svg?theme=" (theme) (until) } width="1000" height="420" loading="lazy" alt=(picture.alt);
            }
        }
    }
}

fn has_words(line: &Line) -> bool {
    line.0.iter().any(|span| !matches!(span, Span::SecretLink(_)))
}

fn folded(log: &str) -> Markup {
    html! { details class="log-end" { summary { "The end of the log" } pre tabindex="0" { (log) } } }
}

fn rows(scene: &Scene<'_>, card: &Card) -> Markup {
    html! {
        dl class="rows" {
            @for row in &card.rows {
                dt { (row.label) }
                dd { (line(scene, &row.line, if row.label == "Who" { Spot::Who } else { Spot::Fact })) }
            }
        }
    }
}

fn secrets(card: &Card) -> impl Iterator<Item = &Sealed> {
    card.body.iter().flat_map(|line| &line.0).filter_map(|span| match span {
        Span::SecretLink(sealed) => Some(sealed),
        _ => None,
    })
}

/// INVARIANT: called only for a card that one person alone sees, while that person looks.
fn secret_link(scene: &Scene<'_>, secret: &Sealed) -> Markup {
    let Some(url) = scene.keyring().open(secret) else { return html! {} };
    let Some(shown) = host_first(&url) else { return html! {} };
    let host = shown.split('/').next().unwrap_or(shown);
    let target = scene.frame(scene.look.viewer.as_ref()).unwrap_or_else(|| "_blank".to_owned());
    html! {
        a class="btn main secret" href=(url) target=(target) rel="noopener noreferrer" { (icon::icon("lock")) "Open " (host) }
    }
}

fn open(button: &Button, url: &str, class: &str) -> Markup {
    if url.starts_with('/') && !url.starts_with("//") {
        return html! { a class=(class) href=(url) { (label(&button.label)) } };
    }
    match host_first(url) {
        Some(_) => {
            html! { a class=(class) href=(url) target="_blank" rel="noopener noreferrer" { (label(&button.label)) } }
        }
        None => html! {},
    }
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Main => "main",
        Weight::Plain => "",
        Weight::Danger => "danger",
        Weight::Quiet => "quiet",
    }
}

/// A label with its short commit set as one.
fn label(text: &str) -> Markup {
    let commit = |word: &str| {
        word.len() == 7 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index > 0 { " " }
            @if commit(word) { code { (word) } } @else { (word) }
        }
    }
}
