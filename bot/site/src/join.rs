//! Joining by invitation, and leaving.
//!
//! Opening the link only asks; the answer is a form. So a link preview or a prefetch uses no invitation up. Using it,
//! being known and having a session are one append, refused when somebody else used the link first.

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use folkops_engine::{Body, Draft, Facts, Note, People, Person};
use folkops_model::{PersonId, ports::random_word};
use maud::{Markup, html};
use serde::Deserialize;

use crate::html::page::{self, Tab};
use crate::look::standing;
use crate::pages::not_now;
use crate::session::{self, Token, no_cookie, sha256};
use crate::state::Site;

/// How often the append is tried when facts moved meanwhile.
const ATTEMPTS: u32 = 5;

/// Asks whether to join.
pub(crate) async fn ask(State(site): State<Site>, Path(link): Path<String>) -> Response {
    let invited = site.engine().ledger().read(|facts| invited(facts, &link));
    let Some(person) = invited else { return no_longer(&site) };
    Html(question(&site, &link, &person).into_string()).into_response()
}

/// Joins.
pub(crate) async fn join(State(site): State<Site>, Path(link): Path<String>, headers: HeaderMap) -> Response {
    let before = Token::of(&headers);
    for _ in 0..ATTEMPTS {
        let token = Token::draw(&site);
        let ledger = site.engine().ledger();
        let (draft, reads) = ledger.decide(|facts| joining(&site, facts, &link, &token, before.as_ref()));
        let Some(draft) = draft else { return no_longer(&site) };
        match note(&site, draft.provided(reads)).await {
            Ok(()) => {
                return ([(header::SET_COOKIE, token.cookie(&site))], Redirect::to("/")).into_response();
            }
            Err(error) => tracing::warn!(%error, "joining was not recorded and is tried again"),
        }
    }
    not_now(&site, "your joining could not be kept; the link still works")
}

/// In a task of its own: a browser that hangs up must not stop it half-way.
pub(crate) async fn note(site: &Site, draft: Draft) -> Result<(), String> {
    let engine = site.engine().clone();
    let noted = tokio::spawn(async move { engine.note_draft(draft).await.map(|_| ()) }).await;
    noted.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Who a link invites, while it can be used.
fn invited(facts: &Facts<'_>, link: &str) -> Option<Person> {
    let people = facts.fold::<People>()?;
    let invitation = facts.row(&people.invitations, &sha256(link))?;
    (invitation.expires > facts.now()).then(|| invitation.person.clone())
}

fn joining(
    site: &Site,
    facts: &Facts<'_>,
    link: &str,
    token: &Token,
    before: Option<&Token>,
) -> Option<Draft> {
    let invited = invited(facts, link)?;
    let person = PersonId::parse(&random_word(site.engine().desk().entropy.as_ref(), 16)).ok()?;
    let lasts = site.config().session_lasts;
    let used = Body::InvitationUsed { hash: sha256(link), person: person.clone() };
    let joined = Body::PersonJoined {
        person: person.clone(),
        name: invited.name,
        groups: invited.groups,
        accounts: invited.accounts,
        owner: invited.owner,
    };
    let opened =
        Body::SessionOpened { hash: token.hash(), person, expires: facts.now() + lasts, account: None };
    let mut draft = Draft::note(Note::of(used)?).and(Note::of(joined)?).and(Note::of(opened)?);
    if let Some(before) = before.filter(|before| session::person(facts, Some(before)).is_some()) {
        draft = draft.and(Note::of(Body::SessionClosed { hash: before.hash() })?);
    }
    Some(draft)
}

fn question(site: &Site, link: &str, person: &Person) -> Markup {
    let name = site.engine().desk().keyring.open(&person.name).unwrap_or_else(|| "somebody".to_owned());
    let main = html! {
        main class="page" id="main" {
            div class="lead" {
                h1 { "Join as " (name) "?" }
                p {
                    "This browser will speak for " (name) " (" (standing(&person.groups)) "). What you say is public, and what you start is on record. The link works once."
                }
            }
            form class="btns" method="post" action={ "/join/" (link) } { button class="btn main" { "Join as " (name) } }
        }
    };
    page::shell(site, "Join", Tab::None, &html! {}, &main)
}

fn no_longer(site: &Site) -> Response {
    page::plain(
        site,
        StatusCode::GONE,
        "This link does not work",
        "It was used already, has expired, or never was. Ask whoever sent it for a new one; you can read without it.",
    )
}

/// What the form to leave carries.
#[derive(Debug, Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    csrf: String,
}

/// Ends the browser's session.
pub(crate) async fn leave(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(form): Form<Leaving>,
) -> Response {
    let Some(token) = Token::of(&headers) else { return Redirect::to("/").into_response() };
    if !token.is_proven(&form.csrf) {
        return page::plain(
            &site,
            StatusCode::FORBIDDEN,
            "Not from here",
            "That form is not from this session, so you are still in. Load the page again and leave from there.",
        );
    }
    let draft = site.engine().ledger().read(|facts| {
        session::person(facts, Some(&token))?;
        Some(Draft::note(Note::of(Body::SessionClosed { hash: token.hash() })?))
    });
    if let Some(draft) = draft
        && let Err(error) = note(&site, draft).await
    {
        tracing::error!(%error, "leaving was not recorded");
        return not_now(&site, "your leaving could not be kept");
    }
    ([(header::SET_COOKIE, no_cookie(&site))], Redirect::to("/")).into_response()
}
