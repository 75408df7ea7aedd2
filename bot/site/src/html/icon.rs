//! The icons: one sprite at the top of every page, each used by its name.

use folkops_model::CardState;
use maud::{Markup, PreEscaped, html};

/// The sprite. It is our own file, so nothing in it needs escaping.
const SPRITE: &str = include_str!("../../assets/sprite.svg");

/// What every page carries once.
pub(crate) fn sprite() -> Markup {
    PreEscaped(SPRITE.to_owned())
}

/// One icon. What it means stands beside it in words.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg class="i" viewBox="0 0 24 24" aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

/// How a state is shown: class of colour, icon, and word; always all three.
pub(crate) fn state(state: CardState) -> (&'static str, &'static str, &'static str) {
    match state {
        CardState::Waiting => ("waiting", "waiting", "waiting"),
        CardState::Working => ("working", "working", "working"),
        CardState::Good => ("good", "good", "done"),
        CardState::Harmful => ("harmful", "harmful", "went wrong"),
        CardState::Held => ("held", "held", "held"),
        CardState::Refused => ("refused", "refused", "refused"),
        CardState::Ask => ("working", "ask", "asks"),
        CardState::Live => ("good", "live", "live"),
    }
}
