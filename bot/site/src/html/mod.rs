//! Drawing: from what was looked at to escaped HTML, in the project's look.
//!
//! Everything passes through `maud`, which escapes all text and all attributes; nothing here marks a text of somebody
//! else as safe. No style attribute and no inline script is ever written, because the pages' policy blocks both.

pub(crate) mod beside;
pub(crate) mod card;
pub(crate) mod composer;
pub(crate) mod demo;
pub(crate) mod icon;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod room;
pub(crate) mod span;
pub(crate) mod when;

use std::cell::Cell;

use folkops_engine::Keyring;
use folkops_model::{PersonId, ports::random_word};
use maud::{Markup, html};

use crate::look::{Face, Look, Page, View};
use crate::session::Token;
use crate::state::Site;

/// What drawing needs beside the thing that is drawn.
pub(crate) struct Scene<'a> {
    pub(crate) site: &'a Site,
    pub(crate) look: &'a Look,
    pub(crate) view: &'a View,
    token: Option<&'a Token>,
    nonce: String,
    keys: Cell<u32>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(site: &'a Site, look: &'a Look, view: &'a View, token: Option<&'a Token>) -> Self {
        let nonce = random_word(site.engine().desk().entropy.as_ref(), 16);
        // A browser whose session is over has a token that proves nothing.
        let token = token.filter(|_| look.viewer.is_some());
        Self { site, look, view, token, nonce, keys: Cell::new(0) }
    }

    /// A key that no other form has: sending a form twice is saying it once.
    fn key(&self) -> String {
        self.keys.set(self.keys.get() + 1);
        format!("{}{}", self.nonce, self.keys.get())
    }

    /// The field that every form carries.
    pub(crate) fn proof(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.token.map(Token::proof).unwrap_or_default()); }
    }

    /// The fields that every form carries which says something in the room.
    pub(crate) fn hidden(&self) -> Markup {
        html! {
            (self.proof())
            input type="hidden" name="key" value=(self.key());
            @if let Some(thread) = &self.view.thread { input type="hidden" name="thread" value=(thread); }
            @if self.view.page == Page::Demo { input type="hidden" name="page" value="demo"; }
        }
    }

    pub(crate) fn keyring(&self) -> &dyn Keyring {
        self.site.engine().desk().keyring.as_ref()
    }

    pub(crate) fn face(&self, person: &PersonId) -> Face {
        self.look.faces.of(person)
    }

    /// The frame in which a person's own links open, where the page has one for them.
    pub(crate) fn frame(&self, person: Option<&PersonId>) -> Option<String> {
        let panes = self.site.demo().filter(|_| self.view.page == Page::Demo).map(|demo| &demo.panes)?;
        panes.iter().find(|pane| Some(&pane.person) == person).map(|pane| demo::frame_name(&pane.person))
    }
}

/// A person's avatar.
pub(crate) fn avatar(face: &Face, size: &str) -> Markup {
    html! { span class={ "av " (size) " av-" (face.hue) } aria-hidden="true" { (face.initial()) } }
}

/// The automation's avatar: square, where people are round.
pub(crate) fn bot() -> Markup {
    html! { span class="av bot" aria-hidden="true" { (icon::icon("logo")) } }
}

/// A person in a line.
pub(crate) fn person(face: &Face) -> Markup {
    html! { span class="person" { (avatar(face, "sm")) (face.name) } }
}
