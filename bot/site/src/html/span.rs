//! The pieces of a card's lines.
//!
//! Words of people arrive sealed and are opened here; what cannot be opened any more is shown as taken away. Links are
//! drawn only for addresses that a browser fetches over HTTP; anything else stays text.

use folkops_model::{ChangeNumber, Digest, Line, PersonId, Sha, Span};
use maud::{Markup, html};

use super::{Scene, icon, person, when};

/// Where a line stands, which decides how its people are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A title or a sentence: names in the flow of words.
    Prose,
    /// A labelled fact: names with their avatars.
    Fact,
    /// The row that says who: the viewer is "you".
    Who,
}

/// One line.
pub(crate) fn line(scene: &Scene<'_>, line: &Line, spot: Spot) -> Markup {
    html! {
        @for (index, span) in line.0.iter().enumerate() {
            @if let (Spot::Who, 0, Span::Person(id)) = (spot, index, span) { (who(scene, id, "You", spot)) }
            @else { (piece(scene, span, spot)) }
        }
    }
}

fn piece(scene: &Scene<'_>, span: &Span, spot: Spot) -> Markup {
    match span {
        Span::Text(text) | Span::Foreign(text) => html! { (text) },
        Span::Strong(text) => html! { b { (text) } },
        Span::Code(text) => html! { code { (text) } },
        Span::Called(sealed) => {
            html! { (scene.keyring().open(sealed).unwrap_or_else(|| "somebody".to_owned())) }
        }
        Span::Said(sealed) => match scene.keyring().open(sealed) {
            Some(words) => html! { code { (words) } },
            None => html! { span class="faint" { "(words that were taken away)" } },
        },
        Span::Person(id) => who(scene, id, "you", spot),
        Span::Change(number) => change(scene, *number),
        Span::Commit(sha) => commit(sha),
        Span::Build(component, digest) => html! { (component) " " (build(digest)) },
        Span::Link(url) => link(url),
        // Drawn as a button below the lines, and only for the one who may see it.
        Span::SecretLink(_) => html! {},
        Span::Time(at) => when::moment(*at, scene.look.now),
    }
}

fn who(scene: &Scene<'_>, id: &PersonId, you: &str, spot: Spot) -> Markup {
    match spot {
        Spot::Who if scene.look.viewer.as_ref() == Some(id) => html! { b { (you) } },
        Spot::Who | Spot::Fact => person(&scene.face(id)),
        Spot::Prose => html! { (scene.face(id).name) },
    }
}

/// A change, linked to its diff where its number says which one is meant.
pub(crate) fn change(scene: &Scene<'_>, number: ChangeNumber) -> Markup {
    match scene.look.changes.get(&number) {
        Some(change) => {
            html! { a href={ "/changes/" (change.component) "/" (change.number) "/diff" } { "#" (number) } }
        }
        None => html! { "#" (number) },
    }
}

/// A commit: drawn short, carried whole.
pub(crate) fn commit(sha: &Sha) -> Markup {
    html! { span class="chip" title={ "commit " (sha) } { (icon::icon("commit")) (sha.short()) } }
}

/// A build: drawn short, carried whole.
pub(crate) fn build(digest: &Digest) -> Markup {
    html! { span class="chip build" title={ "build " (digest) } { (icon::icon("build")) (digest.short()) } }
}

/// An address without its scheme, so that the host comes first.
pub(crate) fn host_first(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    Some(rest.strip_suffix('/').unwrap_or(rest))
}

fn link(url: &str) -> Markup {
    match host_first(url) {
        Some(shown) => html! { a href=(url) target="_blank" rel="noopener noreferrer" { (shown) } },
        None => html! { (url) },
    }
}

/// A line in plain words, for labels that hold no markup.
pub(crate) fn plain(scene: &Scene<'_>, line: &Line) -> String {
    let word = |span: &Span| match span {
        Span::Text(text) | Span::Strong(text) | Span::Code(text) | Span::Foreign(text) => text.clone(),
        Span::Person(id) => scene.face(id).name,
        Span::Change(number) => format!("#{number}"),
        Span::Commit(sha) => sha.short().to_owned(),
        Span::Build(component, digest) => format!("{component} {}", digest.short()),
        Span::Link(url) => host_first(url).unwrap_or(url).to_owned(),
        Span::Said(sealed) | Span::Called(sealed) => scene.keyring().open(sealed).unwrap_or_default(),
        Span::SecretLink(_) | Span::Time(_) => String::new(),
    };
    line.0.iter().map(word).collect()
}
