//! A change as a maintainer reads it before vouching for it: the very commit, its lines, and who it is by.
//!
//! The page shows the commit that the record knows and offers to vouch for that one; a push makes another. Of a change
//! that was allowed at an earlier commit it shows what changed since as well, and no other two commits.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use folkops_engine::Facts;
use folkops_model::{
    ArgKind, Card, CardState, ChangeNumber, ChangeRef, Class, CommandSpec, ComponentName, DiffSummary,
    Difference, Line, Sha, Span, Weight,
};
use folkops_previews::{Allowed, ChangeRow, Changes, Stood};
use maud::{Markup, html};
use serde::Deserialize;

use crate::html::card::Drawn;
use crate::html::page::{Tab, shell, who};
use crate::html::{Scene, page};
use crate::look::{Judge, Look, Reach, View};
use crate::pages::not_now;
use crate::session::{self, Token};
use crate::state::Site;

/// The page.
pub(crate) async fn page(
    State(site): State<Site>,
    Path((component, number)): Path<(String, String)>,
    Query(Asked { since }): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(found) = find(&site, &component, &number) else {
        return page::plain(
            &site,
            StatusCode::NOT_FOUND,
            "No such change",
            "No open change has that number there. It may have been merged or withdrawn.",
        );
    };
    let Found { change, row, .. } = &found;
    // Only what was allowed is compared with: nobody asks for other parts of the repository here.
    let from =
        found.left.as_ref().map(|stood| &stood.sha).filter(|sha| Some(sha.as_str()) == since.as_deref());
    let diff = match site.config().diffs.diff(change, from.unwrap_or(&row.base), &row.head).await {
        Ok(diff) => diff,
        Err(error) => return not_now(&site, &error.to_string()),
    };
    let token = Token::of(&headers);
    let view = View::of_room(site.config().room.clone());
    let look = Look::take(&site, token.as_ref(), &view, Reach::Since { from: u64::MAX, since: u64::MAX });
    if let Err(error) = site.durable(look.sequence).await {
        return not_now(&site, &error.to_string());
    }
    let scene = Scene::new(&site, &look, &view, token.as_ref());
    let card = card(&site, &found, from);
    let may = site.engine().ledger().read(|facts| {
        let viewer = session::person(facts, token.as_ref());
        let judge = Judge::new(&site, facts, viewer.as_ref(), view.place());
        card.buttons.iter().map(|button| judge.button(button)).collect::<Vec<_>>()
    });
    let drawn = Drawn { card: &card, may: &may, private: false, id: "change" }.html(&scene);
    let main = html! {
        main class="page" id="main" {
            p { a href={ "/room/" (view.room) } { "To the room" } }
            (drawn)
            (lines(&diff))
            @if look.viewer.is_none() { p class="small faint" id="join-how" { "To vouch for it, " (crate::sign_in::words(&site)) "." } }
        }
    };
    let title = format!("#{} {}", change.number, row.title);
    Html(shell(&site, &title, Tab::None, &who(&scene), &main).into_string()).into_response()
}

/// What is asked of the page.
#[derive(Deserialize)]
pub(crate) struct Asked {
    /// The commit that was allowed, to see what changed since.
    since: Option<String>,
}

/// A change with what is known of its commit, and of the last one that was allowed.
struct Found {
    change: ChangeRef,
    row: ChangeRow,
    allowed: Option<Allowed>,
    left: Option<Stood>,
    between: Option<Difference>,
}

fn find(site: &Site, component: &str, number: &str) -> Option<Found> {
    let number: ChangeNumber = number.parse().ok()?;
    let change = ChangeRef { component: ComponentName::parse(component).ok()?, number };
    site.engine().ledger().read(|facts: &Facts<'_>| {
        let changes = facts.fold::<Changes>()?;
        let row = changes.open.get(&change)?.clone();
        let allowed = changes.allowed(facts, &change, &row.head).cloned();
        let left = changes.left(facts, &change, &row.head).cloned();
        let between =
            left.as_ref().and_then(|left| changes.between(facts, &change, &left.sha, &row.head)).cloned();
        Some(Found { change, row, allowed, left, between })
    })
}

fn card(site: &Site, found: &Found, from: Option<&Sha>) -> Card {
    let Found { change, row, allowed, .. } = found;
    let author = site.engine().desk().keyring.open(&row.author_name).unwrap_or_else(|| "somebody".to_owned());
    let state = if allowed.is_some() { CardState::Good } else { CardState::Ask };
    let title = Line::new().text(format!("#{} ", change.number)).span(Span::Foreign(row.title.clone()));
    let card = Card::new(state, title)
        .row("By", Line::new().span(Span::Foreign(author)))
        .row("Commit", Line::new().commit(&row.head).text(" on ").commit(&row.base))
        .row("Size", size(&row.diff));
    let card = since(card, found, from);
    if let Some(allowed) = allowed {
        let by = match (&allowed.by, &allowed.carried) {
            (Some(by), _) => Line::from("Allowed by ").person(by),
            (None, Some(carried)) => Line::from("Carried over from ").commit(&carried.from),
            (None, None) => Line::from("Allowed"),
        };
        return card.row("Why", by.text(" at ").span(Span::Time(allowed.at)));
    }
    // The commit is named by all of it, which tells this command from others of its class.
    let names_one = |spec: &&CommandSpec| spec.args.iter().any(|arg| arg.kind == ArgKind::Sha);
    let mut vouching = site.engine().desk().registry.specs().filter(|spec| spec.class == Class::Vouch);
    match vouching.find(names_one) {
        Some(spec) => {
            let says = format!("/{} {}", spec.name, row.head);
            card.button(Weight::Main, format!("Allow {}", row.head.short()), says)
        }
        None => card,
    }
}

fn size(diff: &DiffSummary) -> String {
    let files = if diff.files == 1 { "file" } else { "files" };
    format!("{} {files}: {} lines added, {} removed", diff.files, diff.added, diff.removed)
}

/// What was allowed before, which of the two differences is shown, and the way to the other.
fn since(card: Card, found: &Found, from: Option<&Sha>) -> Card {
    let Some(left) = &found.left else { return card };
    let page = format!("/changes/{}/{}/diff", found.change.component, found.change.number);
    let line = Line::new().commit(&left.sha).text(", which ").person(&left.by).text(" allowed");
    let line = match &found.between {
        Some(between) => line.text(format!(": {}", size(&between.diff))),
        None => line,
    };
    match from {
        Some(_) => card.row("Since", line).row("Shown", "What changed since then").open(
            Weight::Plain,
            "Read the whole change",
            page,
        ),
        None => card.row("Since", line).row("Shown", "The whole change").open(
            Weight::Plain,
            "Read what changed",
            format!("{page}?since={}", left.sha),
        ),
    }
}

/// The lines before a file's first `@@` name files, also those that begin with `+` and `-`.
fn lines(diff: &str) -> Markup {
    let mut in_head = true;
    let mut class = |line: &str| {
        let first = line.as_bytes().first();
        in_head = line.starts_with("diff ") || (in_head && first != Some(&b'@'));
        match first {
            _ if in_head => "head",
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "at",
            _ => "",
        }
    };
    html! {
        pre class="diff" tabindex="0" aria-label="The change, line by line" {
            @for line in diff.lines() { span class=(class(line)) { (line) "\n" } }
        }
    }
}
