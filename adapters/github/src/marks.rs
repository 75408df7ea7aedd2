//! Marks on comments: received, and what became of it. A mark is a courtesy and never decides anything.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use folkops_model::{MessageId, Place};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::budget::Urgency;
use crate::exchange::Wrong;
use crate::github::GitHub;
use crate::settings::RepositoryName;
use crate::words;

/// Of how many comments the marks are remembered; of one that is forgotten they are asked for again.
const MARKS: usize = 10_000;

/// A mark on a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// 👀: it was received.
    Received,
    /// 🚀: it was done.
    Done,
    /// 👍: it was answered.
    Answered,
    /// 👎: it was refused, or went wrong.
    Refused,
    /// 😕: it was not understood.
    Misread,
}

impl Mark {
    /// As the API calls it.
    fn content(self) -> &'static str {
        match self {
            Self::Received => "eyes",
            Self::Done => "rocket",
            Self::Answered => "+1",
            Self::Refused => "-1",
            Self::Misread => "confused",
        }
    }
}

#[derive(Deserialize)]
struct IdAnswer {
    id: u64,
}

impl GitHub {
    /// Marks a comment as received. A mark is a courtesy: it is tried once.
    pub async fn seen(&self, place: &Place, message: &MessageId) {
        match self.mark(place, message, Mark::Received).await {
            Ok(Some(id)) => drop(self.marks().entry(message.clone()).or_insert((Mark::Received, id))),
            Ok(None) => {}
            Err(error) => tracing::debug!(message.id = %message, %error, "a comment could not be marked"),
        }
    }

    fn marks(&self) -> MutexGuard<'_, BTreeMap<MessageId, (Mark, u64)>> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() > MARKS {
            marks.clear();
        }
        marks
    }

    /// Puts the last mark on a comment and takes the one before away; does nothing where it stands already.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn mark_end(&self, place: &Place, message: &MessageId, mark: Mark) -> Result<(), Wrong> {
        let before = self.marks().get(message).copied();
        if before.is_some_and(|(stands, _)| stands == mark) {
            return Ok(());
        }
        let Some(id) = self.mark(place, message, mark).await? else { return Ok(()) };
        let before = match before {
            Some((_, before)) => Some(before),
            // After a restart its number is not known; asking for a mark that is there gives it.
            None => self.mark(place, message, Mark::Received).await?,
        };
        self.marks().insert(message.clone(), (mark, id));
        let Some((before, (repository, path))) = before.zip(self.reactions(place, message)?) else {
            return Ok(());
        };
        let path = format!("{path}/{before}");
        self.client()
            .write::<Value>(repository, Urgency::Ordinary, (Method::DELETE, &path), &Value::Null)
            .await
            .map(drop)
    }

    async fn mark(&self, place: &Place, message: &MessageId, mark: Mark) -> Result<Option<u64>, Wrong> {
        let Some((repository, path)) = self.reactions(place, message)? else { return Ok(None) };
        let body = json!({ "content": mark.content() });
        let made: IdAnswer =
            self.client().write(repository, Urgency::Ordinary, (Method::POST, &path), &body).await?;
        Ok(Some(made.id))
    }

    /// Where a comment's reactions are; reviews have none.
    fn reactions(
        &self,
        place: &Place,
        message: &MessageId,
    ) -> Result<Option<(&RepositoryName, String)>, Wrong> {
        let Some(about) = &place.about else { return Ok(None) };
        let repository = self.repository(&about.component)?;
        let comment = words::comment(message).map(|id| format!("issues/comments/{id}"));
        let line = message.as_str().strip_prefix("gh-line-").map(|id| format!("pulls/comments/{id}"));
        Ok(comment.or(line).map(|part| (repository, format!("/repos/{repository}/{part}/reactions"))))
    }
}
