//! What people read who sign in, and who could.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use folkops_engine::People;
use folkops_model::{PersonId, SurfaceName};
use maud::{Markup, html};

use super::under_way::Astray;
use crate::config::SignIn;
use crate::html::page::{self, Tab};
use crate::look::standing;
use crate::state::Site;

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing of this browser is under way.
    Over,
    /// The answer was made for another browser, or by nobody.
    Foreign,
    /// The browser speaks for somebody else than when it was sent out.
    Elsewhere,
    /// They did not agree.
    Denied,
    /// The network does not know the code.
    Refused,
    /// The network does not answer.
    Silent,
    /// The account belongs to another person here.
    Taken,
}

impl From<Astray> for Why {
    fn from(astray: Astray) -> Self {
        match astray {
            Astray::Over => Self::Over,
            Astray::Foreign => Self::Foreign,
        }
    }
}

impl Why {
    fn status(self) -> StatusCode {
        match self {
            Self::Over => StatusCode::GONE,
            Self::Foreign | Self::Elsewhere | Self::Denied | Self::Refused => StatusCode::FORBIDDEN,
            Self::Silent => StatusCode::BAD_GATEWAY,
            Self::Taken => StatusCode::CONFLICT,
        }
    }

    fn words(self, network: &str) -> (String, String) {
        let (title, sentence) = match self {
            Self::Over => (
                "This sign-in is over".into(),
                "It was used already, took more than ten minutes, or was begun in another browser. Nothing was done.".into(),
            ),
            Self::Foreign => (
                "That answer is not for this browser".into(),
                "Somebody may have sent you a link of theirs. Nothing was done, and nobody was signed in.".into(),
            ),
            Self::Elsewhere => (
                "This browser speaks for somebody else by now".into(),
                "It was sent out for another person than it speaks for now. Nothing was done.".into(),
            ),
            Self::Denied => (
                format!("You did not agree on {network}"),
                "So nobody was signed in. You can read everything without it.".into(),
            ),
            Self::Refused => (
                format!("{network} does not vouch for this sign-in"),
                "The code that came back is not one that this browser asked for, or it was used already. Nothing was done.".into(),
            ),
            Self::Silent => (
                format!("{network} does not answer"),
                "So nobody was signed in. Try again in a minute.".into(),
            ),
            Self::Taken => (
                format!("That {network} account is somebody else’s here"),
                "An account belongs to one person. Leave first to sign in as that person, or unlink it there. Nothing was done.".into(),
            ),
        };
        (title, sentence)
    }
}

/// The page of a sign-in that came to nothing.
pub(super) fn stopped(site: &Site, surface: &SurfaceName, port: &dyn SignIn, why: Why) -> Response {
    let (title, sentence) = why.words(port.label());
    let main = html! {
        main class="page" id="main" {
            div class="lead" { h1 { (title) } p { (sentence) } }
            div class="btns" {
                a class="btn" href={ "/sign-in/" (surface) } { "Begin again" }
                a class="btn quiet" href="/" { "To the room" }
            }
        }
    };
    let page = page::shell(site, &title, Tab::None, &html! {}, &main);
    (why.status(), Html(page.into_string())).into_response()
}

/// What signing in means, with a button to begin.
pub(super) fn question(
    site: &Site,
    surface: &str,
    port: &dyn SignIn,
    speaker: Option<&PersonId>,
) -> Html<String> {
    let network = port.label();
    let name = speaker.map(|person| name(site, person));
    let title = match &name {
        Some(_) => format!("Link your {network} account?"),
        None => format!("Sign in with {network}?"),
    };
    let main = html! {
        main class="page" id="main" {
            div class="lead" {
                h1 { (title) }
                @match &name {
                    Some(name) => p {
                        "This browser speaks for " b { (name) } ". The account becomes theirs: what it says on " (network) " counts as said by " (name) ", and what it may do there, " (name) " may do here."
                    },
                    None => p {
                        (network) " tells your account’s number and your name, and nothing else. You will be here as a " (standing(&site.config().sign_in.groups)) ". What you say is public, and what you start is on record."
                    },
                }
            }
            form class="btns" method="post" action={ "/sign-in/" (surface) } {
                button class="btn main" { "Continue to " (network) }
                a class="btn quiet" href="/" { "Not now" }
            }
        }
    };
    Html(page::shell(site, &title, Tab::None, &html! {}, &main).into_string())
}

fn name(site: &Site, person: &PersonId) -> String {
    let sealed = site.engine().ledger().read(|facts| {
        let people = facts.fold::<People>()?;
        people.people.get(person).map(|row| row.name.clone())
    });
    let open = sealed.and_then(|sealed| site.engine().desk().keyring.open(&sealed));
    open.unwrap_or_else(|| "somebody".to_owned())
}

/// The ways to sign in, as buttons; nothing where there is none.
pub(crate) fn buttons(site: &Site) -> Markup {
    html! {
        @for (surface, port) in &site.config().sign_in.by {
            a class="btn main" href={ "/sign-in/" (surface) } { "Sign in with " (port.label()) }
        }
    }
}

/// The ways in, for a sentence: "sign in with GitHub or open an invitation link".
pub(crate) fn words(site: &Site) -> String {
    let by = site.config().sign_in.by.values().map(|port| format!("sign in with {} or ", port.label()));
    format!("{}open an invitation link", by.collect::<String>())
}
