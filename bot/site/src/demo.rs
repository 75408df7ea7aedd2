//! The demo's page, and speaking as one of its people.
//!
//! There is no secret between these people: whoever opens the page may speak as each of them. So this exists only where
//! it was configured, and the program serves it on this machine alone.

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::guard::{origin_of, policy_framing};
use crate::html::composer::Unsent;
use crate::html::page::plain;
use crate::html::{Scene, demo};
use crate::look::{Look, Page, Reach, View};
use crate::pages::{not_now, nothing_here};
use crate::session::{self, Token};
use crate::state::Site;

/// What the page's address may carry.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    say: String,
}

/// The page.
pub(crate) async fn page(
    State(site): State<Site>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    show(&site, &headers, &Unsent { text: asked.say, why: None }).await
}

/// Draws the page. A browser that speaks for nobody speaks for the first persona from now on.
pub(crate) async fn show(site: &Site, headers: &HeaderMap, unsent: &Unsent) -> Response {
    let Some(config) = site.demo() else { return nothing_here(State(site.clone())).await };
    let shown = Token::of(headers);
    let known = site.engine().ledger().read(|facts| session::person(facts, shown.as_ref())).is_some();
    let first = config.personas.first().map(|persona| Token::known(&persona.session));
    let token = if known { shown } else { first };
    let view = View { page: Page::Demo, ..View::of_room(site.config().room.clone()) };
    let look = Look::take(site, token.as_ref(), &view, Reach::Last { before: None });
    if let Err(error) = site.durable(look.sequence).await {
        return not_now(site, &error.to_string());
    }
    let scene = Scene::new(site, &look, &view, token.as_ref());
    let mut response = Html(demo::page(&scene, config, unsent).into_string()).into_response();
    let policy = policy_framing(config.panes.iter().filter_map(|pane| origin_of(&pane.url)));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(token) = token.filter(|_| !known) {
        response.headers_mut().insert(header::SET_COOKIE, token.cookie(site));
    }
    response
}

/// Whom to speak as, and what to put into the composer.
#[derive(Debug, Deserialize)]
pub(crate) struct SpeakAs {
    person: String,
    #[serde(default)]
    say: String,
    #[serde(default)]
    csrf: String,
}

/// Gives the browser another persona's session.
pub(crate) async fn speak_as(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(form): Form<SpeakAs>,
) -> Response {
    let personas = site.demo().map_or(&[][..], |demo| &demo.personas);
    let persona = personas.iter().find(|persona| persona.person.as_str() == form.person);
    let proven = Token::of(&headers).is_some_and(|token| token.is_proven(&form.csrf));
    let Some(persona) = persona.filter(|_| proven) else {
        return plain(
            &site,
            StatusCode::FORBIDDEN,
            "Not from here",
            "That form is not from this session. Load the demo again and choose there.",
        );
    };
    let token = Token::known(&persona.session);
    let mut response = Redirect::to(&back(&form.say)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, token.cookie(&site));
    response
}

/// Back to the page, with what is to be said as a query; every other byte than plain letters and digits is escaped.
fn back(say: &str) -> String {
    if say.is_empty() {
        return "/demo".to_owned();
    }
    let escaped: String = say
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("/demo?say={escaped}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_to_be_said_travels_as_one_escaped_word() {
        assert_eq!(super::back("/promote 41 #43\r\nx"), "/demo?say=%2Fpromote%2041%20%2343%0D%0Ax");
        assert_eq!(super::back(""), "/demo");
    }
}
