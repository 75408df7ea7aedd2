//! Signing in by an account of another network, and linking such an account to somebody who is known here.
//!
//! The browser is sent out with a state and a challenge and comes back with a code. What it was sent out with is bound
//! to it by a cookie of its own and can be used once, so an answer that was made for another browser proves nothing.
//! An account belongs to at most one person; what was proven and what follows from it are one append.

mod pages;
mod under_way;

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use folkops_engine::{Body, Draft, Facts, Note, People, Person};
use folkops_model::{Account, Owner, PersonId, Sealed, SurfaceName, ports::random_word};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::config::{NotSignedIn, SignIn, SignedIn};
use crate::join::note;
use crate::pages::{not_now, nothing_here};
use crate::session::{self, Token, carried, given, sha256};
use crate::state::Site;

pub(crate) use pages::{buttons, words};
pub(crate) use under_way::UnderWay;
use under_way::{Begun, LASTS};

/// The cookie that binds a sign-in to its browser.
const COOKIE: &str = "folkops_sign_in";

/// Letters of the state and of the cookie: 160 random bits.
const LETTERS: usize = 32;

/// Letters of the verifier: 320 random bits. RFC 7636 wants 43 to 128 characters.
const VERIFIER: usize = 64;

/// How often the append is tried when facts moved meanwhile.
const ATTEMPTS: u32 = 5;

/// Says what signing in means, with a button to begin.
pub(crate) async fn ask(
    State(site): State<Site>,
    Path(surface): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some((_, port)) = by(&site, &surface) else { return nothing_here(State(site)).await };
    let token = Token::of(&headers);
    let speaker = site.engine().ledger().read(|facts| session::person(facts, token.as_ref()));
    let mut page = pages::question(&site, &surface, port, speaker.as_ref()).into_response();
    let policy = crate::guard::policy_leading_to(&origin(port));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// Sends the browser out.
pub(crate) async fn begin(
    State(site): State<Site>,
    Path(surface): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some((surface, port)) = by(&site, &surface) else { return nothing_here(State(site)).await };
    let entropy = site.engine().desk().entropy.as_ref();
    let (token, state) = (random_word(entropy, LETTERS), random_word(entropy, LETTERS));
    let verifier = random_word(entropy, VERIFIER);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let away = port.begin(&state, &challenge);
    let session = speaking(&site, &headers).map(|(token, _)| token.hash());
    let at = site.engine().clock().monotonic();
    let begun = Begun { surface: surface.clone(), state: sha256(&state), verifier, session, at };
    site.under_way().keep(&token, begun);
    ([(header::SET_COOKIE, cookie(&site, &token, LASTS))], Redirect::to(&away)).into_response()
}

/// What a browser comes back with.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
}

/// Takes the browser in again.
pub(crate) async fn back(
    State(site): State<Site>,
    Path(surface): Path<String>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Response {
    let Some((surface, port)) = by(&site, &surface) else { return nothing_here(State(site)).await };
    match came_back(&site, surface, port, &back, &headers).await {
        Ok(cookies) => {
            let mut home = Redirect::to("/").into_response();
            cookies.into_iter().for_each(|cookie| _ = home.headers_mut().append(header::SET_COOKIE, cookie));
            home
        }
        Err(Stopped::At(why)) => pages::stopped(&site, surface, port, why),
        Err(Stopped::Storage) => not_now(&site, "your signing in could not be kept"),
    }
}

/// Why nobody was signed in.
enum Stopped {
    /// For this reason.
    At(pages::Why),
    /// Storage does not take it.
    Storage,
}

impl From<pages::Why> for Stopped {
    fn from(why: pages::Why) -> Self {
        Self::At(why)
    }
}

async fn came_back(
    site: &Site,
    surface: &SurfaceName,
    port: &dyn SignIn,
    back: &Back,
    headers: &HeaderMap,
) -> Result<Vec<HeaderValue>, Stopped> {
    let token = carried(headers, COOKIE).unwrap_or_default();
    let now = site.engine().clock().monotonic();
    let begun = site.under_way().take(token, &back.state, now).map_err(pages::Why::from)?;
    let speaking = speaking(site, headers);
    if begun.surface != *surface || begun.session != speaking.as_ref().map(|(token, _)| token.hash()) {
        return Err(pages::Why::Elsewhere.into());
    }
    if let Some(error) = &back.error {
        return Err(if error == "access_denied" { pages::Why::Denied } else { pages::Why::Refused }.into());
    }
    let proven = port.finish(&back.code, &begun.verifier).await.map_err(|error| {
        tracing::warn!(%surface, %error, "nobody was signed in");
        match error {
            NotSignedIn::Refused(_) => pages::Why::Refused,
            NotSignedIn::Unavailable(_) => pages::Why::Silent,
        }
    })?;
    if proven.account.surface != *surface {
        return Err(pages::Why::Refused.into());
    }
    let mut cookies = vec![cookie(site, "", Duration::ZERO)];
    if let Some(session) = enter(site, &proven, speaking.map(|(_, person)| person)).await? {
        cookies.push(session.cookie(site));
    }
    Ok(cookies)
}

/// What a proven account leads to.
enum Enters {
    /// The browser speaks for somebody by a new session; these records make it so.
    Speaks(Draft),
    /// The browser speaks for somebody already, and the account is theirs from now on.
    Links(Draft),
    /// The account is theirs already.
    Nothing,
}

/// Opens a session, or links the account to whom the browser speaks for. Gives the new session, if there is one.
async fn enter(site: &Site, proven: &SignedIn, speaker: Option<PersonId>) -> Result<Option<Token>, Stopped> {
    let keyring = &site.engine().desk().keyring;
    let name = keyring.seal(&clean(&proven.name)).map_err(|_| Stopped::Storage)?;
    for _ in 0..ATTEMPTS {
        let session = Token::draw(site);
        let ledger = site.engine().ledger();
        let (enters, reads) = ledger.decide(|facts| {
            let entering = Entering { site, facts, account: &proven.account, name: &name, session: &session };
            match &speaker {
                Some(speaker) => entering.links(speaker),
                None => entering.speaks(),
            }
        });
        let (draft, session) = match enters.ok_or(Stopped::Storage)?? {
            Enters::Speaks(draft) => (draft, Some(session)),
            Enters::Links(draft) => (draft, None),
            Enters::Nothing => return Ok(None),
        };
        match note(site, draft.provided(reads)).await {
            Ok(()) => return Ok(session),
            Err(error) => tracing::warn!(%error, "signing in was not recorded and is tried again"),
        }
    }
    Err(Stopped::Storage)
}

struct Entering<'a> {
    site: &'a Site,
    facts: &'a Facts<'a>,
    account: &'a Account,
    name: &'a Sealed,
    session: &'a Token,
}

impl Entering<'_> {
    fn links(&self, speaker: &PersonId) -> Option<Result<Enters, Stopped>> {
        let linked = Body::AccountLinked { person: speaker.clone(), account: self.account.clone() };
        Some(match self.holder()? {
            Some((holder, _)) if holder == speaker => Ok(Enters::Nothing),
            Some((holder, row)) if is_account_alone(row) => {
                // What was said by the account alone was said by them: they are one person, also when people are counted.
                let became = Body::PersonBecame { person: holder.clone(), into: speaker.clone() };
                Ok(Enters::Links(Draft::note(Note::of(became)?)))
            }
            Some(_) => Err(pages::Why::Taken.into()),
            None => Ok(Enters::Links(Draft::note(Note::of(linked)?))),
        })
    }

    fn speaks(&self) -> Option<Result<Enters, Stopped>> {
        let (person, joined) = match self.holder()? {
            Some((holder, row)) if is_account_alone(row) => {
                (holder.clone(), Some(self.joined(holder.clone(), row.name.clone())?))
            }
            Some((holder, _)) => (holder.clone(), None),
            None => {
                let word = random_word(self.site.engine().desk().entropy.as_ref(), 16);
                let person = PersonId::parse(&word).ok()?;
                (person.clone(), Some(self.joined(person, self.name.clone())?))
            }
        };
        let expires = self.facts.now() + self.site.config().session_lasts;
        let (hash, account) = (self.session.hash(), Some(self.account.clone()));
        let opened = Body::SessionOpened { hash, person, expires, account };
        let notes = joined.into_iter().chain([opened]).filter_map(Note::of);
        Some(Ok(Enters::Speaks(Draft::notes(notes)?)))
    }

    /// Whose the account is, if it is anybody's.
    fn holder(&self) -> Option<Option<(&PersonId, &Person)>> {
        let people = self.facts.fold::<People>()?;
        let holder = people.holder(self.facts, self.account);
        Some(holder.and_then(|id| Some((id, people.people.get(id)?))))
    }

    /// Somebody is here from now on. Their account in the service is one that nobody else can have had.
    fn joined(&self, person: PersonId, name: Sealed) -> Option<Body> {
        let owner = Owner::parse(&format!("{}-{}", self.account.surface, self.account.id)).ok();
        let mut people = self.facts.rows(&self.facts.fold::<People>()?.people);
        let is_free = people.all(|(_, row)| row.owner != owner);
        Some(Body::PersonJoined {
            person,
            name,
            groups: self.site.config().sign_in.groups.clone(),
            accounts: [self.account.clone()].into(),
            owner: owner.filter(|_| is_free),
        })
    }
}

/// Whether somebody is known by this account and by nothing else: who said something on another network and never came
/// here. Whoever proves the account is the one who was meant.
fn is_account_alone(row: &Person) -> bool {
    row.groups.is_empty() && row.owner.is_none() && row.accounts.len() == 1
}

/// A name from elsewhere as it is shown here: one line of at most 60 characters.
fn clean(name: &str) -> String {
    let shown: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if shown.is_empty() { "somebody".to_owned() } else { shown }
}

fn by<'a>(site: &'a Site, surface: &str) -> Option<(&'a SurfaceName, &'a dyn SignIn)> {
    let mut all = site.config().sign_in.by.iter();
    all.find(|(name, _)| name.as_str() == surface).map(|(name, port)| (name, port.as_ref()))
}

/// The browser's session and for whom it speaks.
fn speaking(site: &Site, headers: &HeaderMap) -> Option<(Token, PersonId)> {
    let token = Token::of(headers)?;
    let person = site.engine().ledger().read(|facts| session::person(facts, Some(&token)))?;
    Some((token, person))
}

fn origin(port: &dyn SignIn) -> String {
    let away = port.begin("", "");
    crate::guard::origin_of(&away).unwrap_or_default().to_owned()
}

fn cookie(site: &Site, value: &str, lasts: Duration) -> HeaderValue {
    given(site, &format!("{COOKIE}={value}; Path=/sign-in; Max-Age={}", lasts.as_secs()))
}
