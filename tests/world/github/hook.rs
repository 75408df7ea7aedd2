//! Webhooks: what is announced, to whom, and what became of it.

use std::sync::Arc;

use base64::Engine;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::description::Description;
use super::state::{INSTALLATION, State};

/// Where webhooks go.
#[derive(Clone)]
pub(super) struct Hook {
    pub url: String,
    pub secret: String,
}

/// One sending of one announcement.
pub(super) struct Delivery {
    pub id: u64,
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub repository: u64,
    pub body: Arc<Vec<u8>>,
    pub at: Timestamp,
    pub redelivery: bool,
    outcome: Outcome,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Waiting,
    Answered(u16),
}

/// The status that GitHub notes where it got no answer at all.
const NO_ANSWER: u16 = 502;

impl State {
    /// Announces something, unless nobody listens or it happens in silence.
    pub fn announce(&mut self, event: &str, action: &str, at: usize, by: u64, mut body: Value) {
        if self.hook.is_none() || self.faults.is_silent() {
            return;
        }
        body["repository"] = self.shown_repository(at);
        body["sender"] = self.shown_account(by);
        body["installation"] = json!({ "id": INSTALLATION, "node_id": "I_1" });
        if !action.is_empty() {
            body["action"] = json!(action);
        }
        let name = format!("{event}-{action}").trim_end_matches('-').replace('_', "-");
        let description = Description::get();
        let wrong = description.webhook(&name).announce(description, &mut body);
        self.violations.extend(wrong.into_iter().map(|said| format!("our webhook `{name}`: {said}")));
        let id = self.next();
        let delivery = Delivery {
            id,
            guid: guid(id),
            event: event.to_owned(),
            action: (!action.is_empty()).then(|| action.to_owned()),
            repository: self.repositories[at].id,
            body: Arc::new(serde_json::to_vec(&body).expect("JSON")),
            at: self.clock.now(),
            redelivery: false,
            outcome: Outcome::Waiting,
        };
        self.queue(delivery);
    }

    /// Puts a delivery at the end of those that are to be sent.
    pub fn queue(&mut self, delivery: Delivery) {
        let (place, again) = (self.deliveries.len(), delivery.redelivery);
        self.deliveries.push(delivery);
        let copies = if again { 1 } else { self.faults.copies() };
        if copies == 0 {
            self.deliveries[place].answered(None);
        }
        match &mut self.faults.kept {
            Some(kept) => kept.extend(vec![place; copies]),
            None => self.queue.extend(vec![place; copies]),
        }
    }
}

/// Looks like GitHub's, and is another one for every number.
pub(super) fn guid(id: u64) -> String {
    format!("{id:08x}-f0e1-11f0-8c2d-{id:012x}")
}

impl Delivery {
    /// What was answered; nothing while it was not sent.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Waiting => None,
            Outcome::Answered(status) => Some(status),
        }
    }

    /// Notes the answer, or that there was none.
    pub fn answered(&mut self, status: Option<u16>) {
        self.outcome = Outcome::Answered(status.unwrap_or(NO_ANSWER));
    }

    /// The same announcement once more, under the same name.
    pub fn again(&self, id: u64, at: Timestamp) -> Self {
        Self {
            id,
            guid: self.guid.clone(),
            event: self.event.clone(),
            action: self.action.clone(),
            repository: self.repository,
            body: self.body.clone(),
            at,
            redelivery: true,
            outcome: Outcome::Waiting,
        }
    }
}

/// What stands in `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(body);
    let digits = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={digits}")
}

/// Basic credentials, decoded: the name and the password.
pub(super) fn basic(header: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}
