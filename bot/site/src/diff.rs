//! A change as a maintainer reads it before vouching for it: the very commit, its lines, and who it is by.
//!
//! The page shows the commit that the record knows and offers to vouch for that one; a push makes another.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use folkops_engine::Facts;
use folkops_model::{Card, CardState, ChangeNumber, ChangeRef, Class, ComponentName, Line, Span, Weight};
use folkops_previews::{Allowed, ChangeRow, Changes};
use maud::{Markup, html};

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
    headers: HeaderMap,
) -> Response {
    let Some((change, row, allowed)) = find(&site, &component, &number) else {
        return page::plain(
            &site,
            StatusCode::NOT_FOUND,
            "No such change",
            "No open change has that number there. It may have been merged or withdrawn.",
        );
    };
    let diff = match site.config().diffs.diff(&change, &row.base, &row.head).await {
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
    let card = card(&site, &change, &row, allowed.as_ref());
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

fn find(site: &Site, component: &str, number: &str) -> Option<(ChangeRef, ChangeRow, Option<Allowed>)> {
    let number: ChangeNumber = number.parse().ok()?;
    let change = ChangeRef { component: ComponentName::parse(component).ok()?, number };
    site.engine().ledger().read(|facts: &Facts<'_>| {
        let changes = facts.fold::<Changes>()?;
        let row = changes.open.get(&change)?.clone();
        let allowed = changes.allowed.get(&row.head).filter(|allowed| allowed.change == change).cloned();
        Some((change, row, allowed))
    })
}

fn card(site: &Site, change: &ChangeRef, row: &ChangeRow, allowed: Option<&Allowed>) -> Card {
    let author = site.engine().desk().keyring.open(&row.author_name).unwrap_or_else(|| "somebody".to_owned());
    let state = if allowed.is_some() { CardState::Good } else { CardState::Ask };
    let title = Line::new().text(format!("#{} ", change.number)).span(Span::Foreign(row.title.clone()));
    let files = if row.diff.files == 1 { "file" } else { "files" };
    let size =
        format!("{} {files}: {} lines added, {} removed", row.diff.files, row.diff.added, row.diff.removed);
    let card = Card::new(state, title)
        .row("By", Line::new().span(Span::Foreign(author)))
        .row("Commit", Line::new().commit(&row.head).text(" on ").commit(&row.base))
        .row("Size", size);
    if let Some(allowed) = allowed {
        let by = allowed.by.as_ref().map_or(Line::from("Allowed"), |by| Line::from("Allowed by ").person(by));
        return card.row("Why", by.text(" at ").span(Span::Time(allowed.at)));
    }
    let vouch = site.engine().desk().registry.specs().find(|spec| spec.class == Class::Vouch);
    match vouch {
        Some(spec) => {
            let says = format!("/{} {}", spec.name, row.head);
            card.button(Weight::Main, format!("Allow {}", row.head.short()), says)
        }
        None => card,
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
