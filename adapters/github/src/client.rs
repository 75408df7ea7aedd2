//! Asking GitHub: as the App, and as its installation in a repository.
//!
//! Writes are sent once. What became of one that got no answer, or a 5xx, is not known, so callers look before they
//! write again; nothing here repeats a write by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use folkops_model::ports::Clock;
use http::{Method, StatusCode};
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::budget::{Budget, Urgency};
use crate::exchange::{Answer, Asked, PATIENCE, Wrong, ask, judged, read, unknown};
use crate::settings::{RepositoryName, Settings};

/// How many pages of a list are read, 100 entries each.
const PAGES: usize = 50;

/// The way to GitHub.
pub struct Client {
    app: Octocrab,
    /// The path below which the API stands: empty on GitHub, `/api/v3` on a server of one's own.
    base: String,
    clock: Arc<dyn Clock>,
    installations: Mutex<BTreeMap<String, Arc<Installation>>>,
    /// Lists that are read again and again, with their entity tags: an answer "not modified" costs nothing there.
    known: Mutex<BTreeMap<String, Known>>,
}

/// The App where somebody installed it.
struct Installation {
    crab: Octocrab,
    budget: Budget,
}

struct Known {
    tag: String,
    answer: Answer,
}

#[derive(Deserialize)]
struct Found {
    id: u64,
}

impl Client {
    /// Speaks as the App of these settings.
    ///
    /// # Errors
    /// A sentence for the operator, where the key or the address cannot be used.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(settings.key.expose_secret().as_bytes());
        let key =
            key.map_err(|_| "the App's key is no RSA key in PEM; download a new one from the App's page")?;
        let wrong = |error: octocrab::Error| format!("`github.api` cannot be used: {error}");
        let builder = Octocrab::builder().base_uri(settings.api.as_str()).map_err(wrong)?;
        let builder = builder.app(AppId(settings.app), key).set_connect_timeout(Some(PATIENCE));
        let app = builder.build().map_err(wrong)?;
        let base: http::Uri = settings.api.parse().map_err(|_| "`github.api` is no address")?;
        let base = base.path().trim_end_matches('/').to_owned();
        Ok(Self { app, base, clock, installations: Mutex::default(), known: Mutex::default() })
    }

    /// Reads one thing, in a repository's name.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        path: &str,
    ) -> Result<T, Wrong> {
        read(&self.look(repository, path).await?)
    }

    /// Reads a whole list, page after page.
    ///
    /// # Errors
    /// [`Wrong`], also where one page of several is not to be had: a part is never taken for all of it.
    pub async fn list<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        path: &str,
    ) -> Result<Vec<T>, Wrong> {
        let (mut all, mut next) = (Vec::new(), Some(path.to_owned()));
        for _ in 0..PAGES {
            let Some(path) = next else { return Ok(all) };
            let answer = self.look(repository, &path).await?;
            all.extend(read::<Vec<T>>(&answer)?);
            next = answer.next.map(|next| below(&self.base, next));
        }
        match next {
            None => Ok(all),
            Some(_) => Err(Wrong::Unknown(format!("a list has more than {PAGES} pages"))),
        }
    }

    /// Writes something that counts as content: comments, reactions, pull requests, deployments.
    ///
    /// # Errors
    /// [`Wrong`]; after [`Wrong::Unknown`] it may have been written.
    pub async fn write<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        urgency: Urgency,
        (method, path): (Method, &str),
        body: &Value,
    ) -> Result<T, Wrong> {
        let installation = self.installation(repository).await?;
        installation.budget.take(self.clock.monotonic(), urgency).map_err(Wrong::Hushed)?;
        let body = (!body.is_null()).then_some(body);
        let answer = ask(&installation.crab, Asked { method, path, tag: None, body }).await?;
        read(&self.judged(&installation.budget, answer, path)?)
    }

    /// Whether something could be written in the repository now, as far as is known here.
    ///
    /// # Errors
    /// [`Wrong::Hushed`] where it could not.
    pub async fn may_write(&self, repository: &RepositoryName, urgency: Urgency) -> Result<(), Wrong> {
        let installation = self.installation(repository).await?;
        installation.budget.left(self.clock.monotonic(), urgency).map_err(Wrong::Hushed)
    }

    /// Reads something as the App itself.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn get_as_app<T: DeserializeOwned>(&self, path: &str) -> Result<T, Wrong> {
        let answer = ask(&self.app, Asked { method: Method::GET, path, tag: None, body: None }).await?;
        read(&judged(answer, path)?)
    }

    /// Reads a list as the App itself, page after page; of one that goes on for ever, its newest entries.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn list_as_app<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Wrong> {
        let (mut all, mut next) = (Vec::new(), Some(path.to_owned()));
        for _ in 0..PAGES {
            let Some(path) = next else { break };
            let answer =
                ask(&self.app, Asked { method: Method::GET, path: &path, tag: None, body: None }).await?;
            let answer = judged(answer, &path)?;
            all.extend(read::<Vec<T>>(&answer)?);
            next = answer.next.map(|next| below(&self.base, next));
        }
        Ok(all)
    }

    /// Asks for something as the App itself.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn post_as_app(&self, path: &str) -> Result<(), Wrong> {
        let answer = ask(&self.app, Asked { method: Method::POST, path, tag: None, body: None }).await?;
        judged(answer, path).map(drop)
    }

    /// For `/metrics`: contents written within the last hour, of all installations, and how many of these GitHub wants to
    /// be left alone by at the moment.
    pub fn spent(&self) -> (usize, usize) {
        let now = self.clock.monotonic();
        let installations = self.installations.lock().unwrap_or_else(PoisonError::into_inner);
        let writes = installations.values().map(|installation| installation.budget.spent(now)).sum();
        (writes, installations.values().filter(|one| one.budget.hushed(now).is_some()).count())
    }

    /// A token with which git may read and push in the repository. It lasts for some minutes at least.
    ///
    /// # Errors
    /// [`Wrong`].
    pub async fn token(&self, repository: &RepositoryName) -> Result<SecretString, Wrong> {
        let installation = self.installation(repository).await?;
        installation.crab.installation_token().await.map_err(unknown)
    }

    /// A conditional GET: what has not changed is not sent again.
    async fn look(&self, repository: &RepositoryName, path: &str) -> Result<Answer, Wrong> {
        let installation = self.installation(repository).await?;
        if let Some(left) = installation.budget.hushed(self.clock.monotonic()) {
            return Err(Wrong::Hushed(left));
        }
        let key = format!("{repository} {path}");
        let known = self.known().get(&key).map(|known| (known.tag.clone(), known.answer.clone()));
        let tag = known.as_ref().map(|(tag, _)| tag.as_str());
        let answer = ask(&installation.crab, Asked { method: Method::GET, path, tag, body: None }).await?;
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some((_, answer)) = known
        {
            return Ok(answer);
        }
        let answer = self.judged(&installation.budget, answer, path)?;
        self.keep(key, &answer);
        Ok(answer)
    }

    fn keep(&self, key: String, answer: &Answer) {
        let Some(tag) = answer.tag.clone() else { return };
        let mut known = self.known();
        // Paths with a moment or a commit in them are never asked again; everything else is soon known again.
        if known.len() >= 500 {
            known.clear();
        }
        known.insert(key, Known { tag, answer: answer.clone() });
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judged(&self, budget: &Budget, answer: Answer, path: &str) -> Result<Answer, Wrong> {
        if let Some(wait) = answer.hush {
            budget.hush(self.clock.monotonic(), wait);
        }
        judged(answer, path)
    }

    /// Where the App is installed for a repository; asked once, until GitHub says otherwise.
    async fn installation(&self, repository: &RepositoryName) -> Result<Arc<Installation>, Wrong> {
        let known = |installations: &BTreeMap<String, Arc<Installation>>| {
            installations.get(repository.owner()).cloned()
        };
        if let Some(found) = known(&self.installations.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let Found { id } = self.get_as_app(&format!("/repos/{repository}/installation")).await?;
        let crab = self.app.installation(InstallationId(id)).map_err(unknown)?;
        let installation = Arc::new(Installation { crab, budget: Budget::default() });
        let mut installations = self.installations.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(installations.entry(repository.owner().to_owned()).or_insert(installation).clone())
    }
}

/// A path as it is asked for, without what the API's own address begins with.
fn below(base: &str, path: String) -> String {
    path.strip_prefix(base).filter(|rest| rest.starts_with('/')).map(str::to_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_server_of_one_s_own_the_next_page_is_asked_for_below_the_api() {
        assert_eq!(below("/api/v3", "/api/v3/app?page=2".into()), "/app?page=2");
        assert_eq!(below("", "/app?page=2".into()), "/app?page=2");
        assert_eq!(below("/api", "/apiary".into()), "/apiary");
    }
}
