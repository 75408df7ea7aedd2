//! Replies on pull requests: one comment for each, edited in place, and a mark on what is answered.
//!
//! What became of a comment that got no answer is looked up before another is written, so that nothing stands there
//! twice. Only what is durable is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use folkops_engine::{
    Audience, Keyring, Ledger, Operations, Outbox, Reply, ReplySink, Unavailable, Unposted,
};
use folkops_model::{CardState, Class, MessageId, Place, RoomName};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::marks::Mark;
use crate::settings::RepositoryName;
use crate::sticky::Sticky;

/// Puts replies on pull requests.
pub struct Sink {
    github: Arc<GitHub>,
    ledger: Arc<Ledger>,
    keyring: Arc<dyn Keyring>,
    /// One at a time writes to a pull request, and knows what it wrote last.
    written: std::sync::Mutex<BTreeMap<RoomName, Arc<Mutex<Option<Written>>>>>,
}

struct Written {
    comment: u64,
    /// The record up to which it says everything.
    sequence: u64,
    hash: [u8; 32],
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    performed_via_github_app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    id: u64,
}

impl Sink {
    /// From this record.
    pub fn new(github: Arc<GitHub>, ledger: Arc<Ledger>, keyring: Arc<dyn Keyring>) -> Self {
        Self { github, ledger, keyring, written: std::sync::Mutex::default() }
    }

    async fn put(&self, reply: &Reply) -> Result<MessageId, Unposted> {
        let place = &reply.place;
        let about = place.about.as_ref();
        let about =
            about.ok_or_else(|| Unposted::Refused("it is owed in a place that is no pull request".into()))?;
        let repository = self.github.repository(&about.component)?;
        let turn = self.turn(&place.room);
        let mut written = turn.lock().await;
        // Replies come in crowds; whoever wrote last has written for those that were owed by then.
        let since = self.since(reply);
        if let Some(written) =
            written.as_ref().filter(|written| since.is_some_and(|since| since <= written.sequence))
        {
            self.mark(reply).await;
            return message(written.comment);
        }
        let urgency = self.urgency(reply);
        // Where nothing can be written, nothing is drawn either: everybody who waits for that asks again and again.
        self.github.client().may_write(repository, urgency).await?;
        let sticky = self.ledger.read(|facts| Sticky::read(facts, place));
        let sticky = sticky.ok_or_else(|| Unavailable("the record cannot be read".into()))?;
        self.durable(sticky.sequence).await?;
        let text = sticky.draw(self.keyring.as_ref(), self.github.settings());
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if written.as_ref().is_none_or(|written| written.hash != hash) {
            let known = written.as_ref().map(|written| written.comment).or(sticky.comment);
            let target = Target { repository, place, urgency, number: about.number.0 };
            let comment = self.write(&target, known, &text).await?;
            *written = Some(Written { comment, sequence: sticky.sequence, hash });
        }
        let comment = written.as_mut().map(|written| {
            written.sequence = sticky.sequence;
            written.comment
        });
        self.mark(reply).await;
        message(comment.unwrap_or_default())
    }

    /// The record by which a reply got its newest state.
    fn since(&self, reply: &Reply) -> Option<u64> {
        self.ledger.read(|facts| facts.fold::<Outbox>()?.replies.get(&reply.key).map(|row| row.since))
    }

    fn turn(&self, room: &RoomName) -> Arc<Mutex<Option<Written>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).entry(room.clone()).or_default().clone()
    }

    fn urgency(&self, reply: &Reply) -> Urgency {
        let class = self.ledger.read(|facts| {
            Some(facts.fold::<Operations>()?.operations.get(&reply.key.operation)?.action.class)
        });
        if class == Some(Class::Safety) { Urgency::Safety } else { Urgency::Ordinary }
    }

    async fn durable(&self, sequence: u64) -> Result<(), Unavailable> {
        let mut durable = self.ledger.subscribe();
        let waited = durable.wait_for(|last| *last >= sequence).await;
        waited.map(drop).map_err(|_| Unavailable("storage has ended".into()))
    }

    /// Edits the comment, or finds the one that was written before, or writes it.
    async fn write(&self, target: &Target<'_>, known: Option<u64>, text: &str) -> Result<u64, Wrong> {
        let client = self.github.client();
        let body = json!({ "body": text });
        let known = match known {
            Some(known) => Some(known),
            None => self.find(target).await?,
        };
        if let Some(comment) = known {
            let path = format!("/repos/{}/issues/comments/{comment}", target.repository);
            let edited =
                client.write::<Comment>(target.repository, target.urgency, (Method::PATCH, &path), &body);
            match edited.await {
                Ok(comment) => return Ok(comment.id),
                // Somebody deleted it; the record still owes the reply.
                Err(Wrong::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let path = format!("/repos/{}/issues/{}/comments", target.repository, target.number);
        let posted = client.write::<Comment>(target.repository, target.urgency, (Method::POST, &path), &body);
        Ok(posted.await?.id)
    }

    /// The comment of our App on the pull request that carries the place's marker.
    async fn find(&self, target: &Target<'_>) -> Result<Option<u64>, Wrong> {
        let path = format!("/repos/{}/issues/{}/comments?per_page=100", target.repository, target.number);
        let comments: Vec<Comment> = self.github.client().list(target.repository, &path).await?;
        let marker = Sticky::marker(target.place);
        let ours = |comment: &&Comment| {
            let app = comment.performed_via_github_app.as_ref().map(|app| app.id);
            app == Some(self.github.settings().app)
                && comment.body.as_ref().is_some_and(|body| body.starts_with(&marker))
        };
        Ok(comments.iter().find(ours).map(|comment| comment.id))
    }

    /// Marks what a reply answers, once it is answered. A mark is a courtesy: it is tried once.
    async fn mark(&self, reply: &Reply) {
        let Some((message, mark)) = reply.answers.as_ref().zip(self.end(reply)) else { return };
        if let Err(error) = self.github.mark_end(&reply.place, message, mark).await {
            tracing::debug!(message.id = %message, %error, "a comment could not be marked");
        }
    }

    fn end(&self, reply: &Reply) -> Option<Mark> {
        if reply.audience != Audience::Everyone {
            return None;
        }
        let worked = self.ledger.read(|facts| {
            let operation = facts.fold::<Operations>()?.operations.get(&reply.key.operation)?;
            Some(!operation.effects.is_empty())
        });
        match (reply.card.state, worked) {
            (CardState::Working | CardState::Waiting, _) => None,
            (CardState::Refused, None) => Some(Mark::Misread),
            (CardState::Refused | CardState::Harmful, _) => Some(Mark::Refused),
            (_, Some(true)) => Some(Mark::Done),
            (_, Some(false) | None) => Some(Mark::Answered),
        }
    }
}

fn message(comment: u64) -> Result<MessageId, Unposted> {
    MessageId::parse(&format!("gh-comment-{comment}")).map_err(|error| Unposted::Refused(error.to_string()))
}

/// Where a comment goes.
struct Target<'a> {
    repository: &'a RepositoryName,
    place: &'a Place,
    urgency: Urgency,
    number: u32,
}

impl ReplySink for Sink {
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>> {
        self.put(reply).boxed()
    }
}
