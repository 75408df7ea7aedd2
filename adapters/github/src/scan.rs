//! What was never delivered: deliveries that failed are asked for again, and comments that never became one are found.
//!
//! GitHub tries a delivery once, keeps it for three days, and sometimes makes none at all. Both ways lead into the same
//! intake, which knows a comment by its number and so never takes it twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use folkops_engine::{Body, Engine, Operations, Scanned};
use folkops_model::ComponentName;
use jiff::Timestamp;
use serde::Deserialize;

use crate::event::{self, Source, Written};
use crate::intake::{Intake, Later};
use crate::settings::surface;

/// How far behind the last look the next one begins, because GitHub's lists lag behind its comments.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// How far the mark must be behind before it is moved without anything new: the journal grows by it.
const IDLE: Duration = Duration::from_secs(3_600);
/// How often one delivery is asked for again, in one life of the program.
const ATTEMPTS: u32 = 3;
/// How many deliveries are asked for again in one sweep.
const A_SWEEP: usize = 100;
/// The deliveries that concern us.
const RELEVANT: [&str; 5] =
    ["issue_comment", "pull_request_review", "pull_request_review_comment", "pull_request", "check_run"];

/// Looks for what was never delivered.
pub struct Scan {
    intake: Arc<Intake>,
    asked: Mutex<BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
struct Listed {
    html_url: String,
    #[serde(flatten)]
    written: Written,
}

#[derive(Deserialize)]
struct Delivery {
    id: u64,
    guid: String,
    event: String,
}

impl Scan {
    /// For this intake.
    pub fn new(intake: Arc<Intake>) -> Self {
        Self { intake, asked: Mutex::default() }
    }

    /// Asks once more for every failed delivery that concerns us.
    ///
    /// # Errors
    /// [`Later`] where GitHub does not answer.
    pub async fn deliveries(&self) -> Result<(), Later> {
        let client = self.intake.github().client();
        let path = "/app/hook/deliveries?per_page=100&status=failure";
        let failed: Vec<Delivery> =
            client.list_as_app(path).await.map_err(|error| Later(error.to_string()))?;
        let relevant = failed.iter().filter(|delivery| RELEVANT.contains(&delivery.event.as_str()));
        for delivery in relevant.filter(|delivery| self.may_ask(&delivery.guid)).take(A_SWEEP) {
            let path = format!("/app/hook/deliveries/{}/attempts", delivery.id);
            if let Err(error) = client.post_as_app(&path).await {
                tracing::warn!(delivery.id = delivery.guid, %error, "a failed delivery could not be asked for again");
            }
        }
        Ok(())
    }

    fn may_ask(&self, guid: &str) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(guid.to_owned()).or_default();
        *times += 1;
        *times <= ATTEMPTS
    }

    /// Reads every comment since the last look, in every repository.
    ///
    /// # Errors
    /// [`Later`] for the first repository that could not be read; the others are read all the same.
    pub async fn comments(&self) -> Result<(), Later> {
        let mut first = Ok(());
        for component in self.intake.github().settings().repositories.keys() {
            let scanned = self.component(component).await;
            first = first.and(scanned);
        }
        first
    }

    async fn component(&self, component: &ComponentName) -> Result<(), Later> {
        let engine = self.intake.engine()?;
        let now = engine.ledger().read(|facts| facts.now());
        let Some(mark) = mark(engine, component) else {
            // What was said before we were here was not said to us.
            return self.note(component, now).await;
        };
        let since = mark.until - OVERLAP;
        let mut found = self.read(component, since, "issues").await?;
        found.extend(self.read(component, since, "pulls").await?);
        let mut newest = mark.until;
        for listed in found {
            newest = newest.max(listed.written.created_at.unwrap_or(newest));
            self.take(component, &mark, listed).await?;
        }
        let idle = now.duration_since(mark.until).unsigned_abs() > IDLE;
        let until = if idle { newest.max(now - IDLE) } else { newest };
        if until > mark.until { self.note(component, until).await } else { Ok(()) }
    }

    async fn read(
        &self,
        component: &ComponentName,
        since: Timestamp,
        kind: &str,
    ) -> Result<Vec<Listed>, Later> {
        let github = self.intake.github();
        let later = |error: crate::exchange::Wrong| Later(error.to_string());
        let repository = github.repository(component).map_err(later)?;
        let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
        let path = format!(
            "/repos/{repository}/{kind}/comments?sort=updated&direction=asc&per_page=100&since={since}"
        );
        github.client().list(repository, &path).await.map_err(later)
    }

    /// One comment from a list. Of one that was edited nobody knows any more what it first said, so it says nothing.
    async fn take(&self, component: &ComponentName, mark: &Scanned, listed: Listed) -> Result<(), Later> {
        let written = listed.written;
        let untouched = written.created_at.is_some() && written.created_at == written.updated_at;
        if !untouched || written.created_at.is_none_or(|at| at <= mark.first) {
            return Ok(());
        }
        let Some((number, source)) = origin(&listed.html_url, written.id) else { return Ok(()) };
        let repository =
            self.intake.github().repository(component).map_err(|error| Later(error.to_string()))?;
        match event::said(repository.to_string(), number, source, written) {
            Some(said) => self.intake.said(&said).await,
            None => Ok(()),
        }
    }

    async fn note(&self, component: &ComponentName, until: Timestamp) -> Result<(), Later> {
        let body = Body::SurfaceScanned { surface: surface(), component: component.clone(), until };
        let noted = self.intake.engine()?.note(body).await;
        noted.map(drop).map_err(|error| Later(error.to_string()))
    }
}

fn mark(engine: &Engine, component: &ComponentName) -> Option<Scanned> {
    engine.ledger().read(|facts| {
        let key = format!("{}/{component}", surface());
        facts.fold::<Operations>()?.scanned.get(&key).copied()
    })
}

/// The pull request's number and the kind of comment, from its page: `…/pull/41#issuecomment-7`, `…#discussion_r7`.
fn origin(page: &str, id: u64) -> Option<(u32, Source)> {
    let (_, rest) = page.split_once("/pull/")?;
    let (number, anchor) = rest.split_once('#')?;
    let source = if anchor.starts_with("issuecomment-") { Source::Comment(id) } else { Source::Line(id) };
    // A line comment's page may lead to the tab of files: `41/files#r7`.
    Some((number.split('/').next()?.parse().ok()?, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_s_page_says_where_it_stands() {
        let page = |rest: &str| origin(&format!("https://github.com/potluck/web/{rest}"), 7);
        assert_eq!(page("pull/41#issuecomment-7"), Some((41, Source::Comment(7))));
        assert_eq!(page("pull/41#discussion_r7"), Some((41, Source::Line(7))));
        assert_eq!(page("pull/41/files#r7"), Some((41, Source::Line(7))));
        assert_eq!(page("issues/41#issuecomment-7"), None);
    }
}
