//! The live stream of a room: what is new or changed, as fragments of its page.
//!
//! Each message carries the place of the record that brought it about, and a browser that comes back names the last one
//! it has: whatever came after is sent again, so nothing is lost between. A stream shows only what is durable, and
//! looks at who is asking each time, so that leaving ends what one sees.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use folkops_model::{MessageId, PersonId};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::html::{Scene, beside, demo, log};
use crate::look::{Look, Page, Reach, View};
use crate::pages;
use crate::session::Token;
use crate::state::Site;

/// How long a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

/// A stream says at least this often that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A stream looks at most this often, however much happens.
const PAUSE: Duration = Duration::from_millis(40);

/// The demo is looked at this often even when nothing is recorded.
const GLANCE: Duration = Duration::from_secs(1);

/// Where a page stands.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    from: u64,
    since: u64,
    thread: Option<String>,
    page: Option<String>,
}

/// The stream.
pub(crate) async fn events(
    State(site): State<Site>,
    Path(room): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(view) = pages::known(&site, &room) else { return pages::no_room(&site) };
    let Ok(thread) = asked.thread.as_deref().map(MessageId::parse).transpose() else {
        return pages::no_room(&site);
    };
    let Ok(permit) = site.streams().clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")]).into_response();
    };
    let demo = asked.page.as_deref() == Some("demo") && site.demo().is_some();
    let view = View { thread, page: if demo { Page::Demo } else { Page::Room }, ..view };
    let stopped = site.stopped();
    let live = Live::new(site, Token::of(&headers), view, &asked, last_seen(&headers), permit);
    let events = live.events().take_until(stopped);
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

struct Live {
    site: Site,
    token: Option<Token>,
    view: View,
    from: u64,
    since: u64,
    durable: watch::Receiver<u64>,
    state: Step,
    side: Value,
    demo: Value,
    /// Held as long as the stream lives.
    _permit: OwnedSemaphorePermit,
}

enum Step {
    /// The first look.
    First,
    /// A later one, for the viewer of the first.
    Later(Option<PersonId>),
    /// There is nothing more to say.
    Over,
}

impl Live {
    fn new(
        site: Site,
        token: Option<Token>,
        view: View,
        asked: &Asked,
        last_seen: Option<u64>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let durable = site.engine().ledger().subscribe();
        let since = last_seen.unwrap_or(asked.since);
        let (side, demo) = (Value::Null, Value::Null);
        Self {
            site,
            token,
            view,
            from: asked.from,
            since,
            durable,
            state: Step::First,
            side,
            demo,
            _permit: permit,
        }
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        let batches = stream::unfold(self, |mut live| async move {
            let batch = live.next().await?;
            Some((stream::iter(batch.into_iter().map(Ok)), live))
        });
        batches.flatten()
    }

    /// The next events, once there are some; none when the stream is over.
    async fn next(&mut self) -> Option<Vec<Event>> {
        loop {
            match self.state {
                Step::First => {}
                Step::Later(_) => {
                    self.something_new().await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Step::Over => return None,
            }
            self.durable.mark_unchanged();
            let reach = Reach::Since { from: self.from, since: self.since };
            let look = Look::take(&self.site, self.token.as_ref(), &self.view, reach);
            self.site.durable(look.sequence).await.ok()?;
            let events = self.draw(&look);
            if !events.is_empty() {
                return Some(events);
            }
        }
    }

    /// Ends when something was recorded. The demo is also glanced at now and then: what its guided path asks for may
    /// happen outside of the record.
    async fn something_new(&mut self) -> Option<()> {
        let recorded = self.durable.changed();
        match self.view.page {
            Page::Room => recorded.await.ok(),
            Page::Demo => tokio::time::timeout(GLANCE, recorded).await.map_or(Some(()), Result::ok),
        }
    }

    fn draw(&mut self, look: &Look) -> Vec<Event> {
        let another = matches!(&self.state, Step::Later(viewer) if *viewer != look.viewer);
        if another || look.items.too_many {
            self.state = Step::Over;
            return vec![event("reload", &json!({}))];
        }
        self.state = Step::Later(look.viewer.clone());
        self.since = look.sequence;
        let scene = Scene::new(&self.site, look, &self.view, self.token.as_ref());
        let message = |message| {
            let html = log::one(&scene, message).into_string();
            let value = json!({ "id": log::id(message), "place": message.place, "html": html });
            event("item", &value).id(message.version.to_string()).retry(RETRY)
        };
        let mut events: Vec<Event> = look.items.shown.iter().map(message).collect();
        let side = side(&scene);
        let demo = beside_panes(&scene);
        events.extend(newer(&mut self.side, side).map(|side| event("side", side)));
        events.extend(newer(&mut self.demo, demo).map(|demo| event("demo", demo)));
        events
    }
}

fn newer(sent: &mut Value, now: Value) -> Option<&Value> {
    if *sent == now {
        return None;
    }
    *sent = now;
    Some(sent)
}

fn side(scene: &Scene<'_>) -> Value {
    match scene.view.page {
        Page::Room => json!({
            "threads": beside::threads(scene).into_string(),
            "state": beside::state(scene).into_string(),
        }),
        Page::Demo => Value::Null,
    }
}

fn beside_panes(scene: &Scene<'_>) -> Value {
    let Some(config) = scene.site.demo().filter(|_| scene.view.page == Page::Demo) else {
        return Value::Null;
    };
    let pane = |pane: &crate::config::Pane| {
        json!({
            "frame": demo::frame_name(&pane.person),
            "runs": demo::runs(scene, pane),
            "mine": scene.look.rails.mixes.contains_key(&pane.person),
            "header": demo::pane_header(scene, pane).into_string(),
        })
    };
    let panes: Vec<Value> = config.panes.iter().map(pane).collect();
    json!({ "guide": demo::guide(scene, config).into_string(), "panes": panes })
}

fn event(name: &str, data: &Value) -> Event {
    // JSON in one line: whatever stands in the fragment, no line of it can be taken for a field of the stream.
    Event::default().event(name).data(data.to_string())
}
