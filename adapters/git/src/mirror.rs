//! Keeps a bare repository in step with the one that a forge serves: fetches commits by id, and notes which of them are
//! the default branch and the heads of open changes.
//!
//! What is fetched was named by the forge's own answer, a full commit id each; no branch or tag of the other side is
//! ever followed. The token reaches git in its environment and stands on no command line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use folkops_model::{ChangeNumber, ComponentName, Sha};

use crate::change::{name_of, number};
use crate::error::GitError;
use crate::forge::LocalForge;
use crate::process::Call;
use crate::repository::Repository;

/// How long fetching or pushing may take: a first copy of a large repository takes minutes.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Where a repository is copied from and pushed to.
#[derive(Clone)]
pub struct Origin {
    /// Its address, `https://…` or, on loopback, `http://…`.
    pub url: String,
    /// The value of the `Authorization` header. Secret.
    pub authorization: String,
}

/// What the forge says of a repository at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The name of the branch that production follows, without `refs/heads/`; it is the mirror's default one.
    pub branch: String,
    /// Where it stands.
    pub head: Sha,
    /// Where each open change stands.
    pub pulls: BTreeMap<ChangeNumber, Sha>,
    /// Another branch that changes are to be merged into, with where it stands and which they are.
    pub beside: Option<Beside>,
}

/// A branch beside the one that the mirror has as its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Its name, without `refs/heads/`.
    pub branch: String,
    /// Where it stands.
    pub head: Sha,
    /// The changes that are to be merged into it.
    pub pulls: BTreeSet<ChangeNumber>,
}

impl Served {
    /// The changes that are not to be merged into the default branch, each with where theirs stands.
    pub fn beside(&self) -> BTreeMap<ChangeNumber, Sha> {
        let of = |beside: &Beside| beside.pulls.iter().map(|number| (*number, beside.head.clone())).collect();
        self.beside.as_ref().map(of).unwrap_or_default()
    }
}

impl LocalForge {
    /// Makes the mirror of a component say what its forge says. A head that cannot be had any more is left out.
    ///
    /// # Errors
    /// [`GitError`] where the origin does not answer or the default branch cannot be fetched.
    pub async fn mirror(
        &self,
        component: &ComponentName,
        origin: &Origin,
        served: &Served,
    ) -> Result<(), GitError> {
        let path = self.path(component)?;
        found(path, &served.branch).map_err(|error| GitError::Repository {
            component: component.clone(),
            detail: format!("its mirror cannot be made: {error}"),
        })?;
        let repository = self.repository(component)?;
        let branches: Vec<&Sha> =
            std::iter::once(&served.head).chain(served.beside.iter().map(|beside| &beside.head)).collect();
        repository.fetch(origin, &branches).await?;
        let wanted: Vec<&Sha> = served.pulls.values().collect();
        if repository.fetch(origin, &wanted).await.is_err() {
            for head in wanted {
                if let Err(error) = repository.fetch(origin, &[head]).await {
                    tracing::warn!(component.name = %component, commit = %head, %error, "a head is not to be had");
                }
            }
        }
        repository.note(served).await
    }

    /// Puts a commit on a branch of the origin that is not there yet, or stands there already.
    ///
    /// # Errors
    /// [`GitError::Repository`] where the origin refuses, as it does when the branch stands elsewhere.
    pub async fn push(
        &self,
        component: &ComponentName,
        origin: &Origin,
        commit: &Sha,
        branch: &str,
    ) -> Result<(), GitError> {
        let repository = self.repository(component)?;
        let refspec = format!("{commit}:refs/heads/{branch}");
        let call = repository.references(["push", "--porcelain", "--no-verify", &origin.url, &refspec]);
        repository.output(over_http(call, origin)).await.map(drop)
    }
}

impl Repository<'_> {
    /// Fetches those of these commits that are not here yet, with their history.
    pub(crate) async fn fetch(&self, origin: &Origin, commits: &[&Sha]) -> Result<(), GitError> {
        let here = self.commits_among(commits.iter().copied()).await?;
        let missing: Vec<&str> =
            commits.iter().filter(|commit| !here.contains(**commit)).map(|commit| commit.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
        let words = words.into_iter().chain(["--recurse-submodules=no", &origin.url]).chain(missing);
        self.output(over_http(self.references(words), origin)).await.map(drop)
    }

    /// Moves the references of the mirror, all at once: they say what the forge says and nothing is decided by them.
    async fn note(&self, served: &Served) -> Result<(), GitError> {
        let pulls = self.references_under("refs/pull/").await?;
        let here = self.commits_among(served.pulls.values()).await?;
        let mut input = format!("update refs/heads/{}\0{}\0\0", served.branch, served.head);
        if let Some(Beside { branch, head, .. }) = &served.beside {
            // Writing to a string cannot fail.
            let _ = write!(input, "update refs/heads/{branch}\0{head}\0\0");
        }
        for pull in &pulls {
            let known = pull.name.rsplit_once('/').and_then(|(pull, _)| number(pull));
            if known.is_none_or(|number| !served.pulls.contains_key(&number)) {
                let _ = write!(input, "delete {}\0\0", pull.name);
            }
        }
        for (number, head) in served.pulls.iter().filter(|(_, head)| here.contains(*head)) {
            let _ = write!(input, "update {}\0{head}\0\0", name_of(*number));
        }
        let call = self.references(["update-ref", "-z", "--no-deref", "--stdin"]).input(input.into_bytes());
        self.output(call).await.map(drop)
    }
}

/// Writes the empty repository, where there is none. Safe to repeat.
fn found(path: &Path, branch: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.join("refs/heads"))?;
    std::fs::create_dir_all(path.join("objects"))?;
    let head = format!("ref: refs/heads/{branch}\n");
    if std::fs::read_to_string(path.join("HEAD")).ok().as_deref() != Some(&head) {
        std::fs::write(path.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        std::fs::write(path.join("HEAD"), head)?;
    }
    Ok(())
}

/// A call that may speak HTTP with one origin: no redirect is followed, no helper is asked for a password, and what
/// comes is checked object by object.
fn over_http<'a>(mut call: Call<'a>, origin: &Origin) -> Call<'a> {
    let settings = [
        ("http.extraHeader", format!("Authorization: {}", origin.authorization)),
        ("http.followRedirects", "false".to_owned()),
        ("credential.helper", String::new()),
        ("transfer.fsckObjects", "true".to_owned()),
    ];
    call.environment.push(("GIT_ALLOW_PROTOCOL", OsString::from("https:http")));
    call.environment.push(("GIT_CONFIG_COUNT", OsString::from(settings.len().to_string())));
    const NAMES: [(&str, &str); 4] = [
        ("GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"),
        ("GIT_CONFIG_KEY_1", "GIT_CONFIG_VALUE_1"),
        ("GIT_CONFIG_KEY_2", "GIT_CONFIG_VALUE_2"),
        ("GIT_CONFIG_KEY_3", "GIT_CONFIG_VALUE_3"),
    ];
    for ((key, value), (name, setting)) in NAMES.into_iter().zip(settings) {
        call.environment.push((key, OsString::from(name)));
        call.environment.push((value, OsString::from(setting)));
    }
    call.patience = Some(PATIENCE);
    call
}
