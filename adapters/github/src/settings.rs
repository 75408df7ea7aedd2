//! What the adapter is told: where GitHub is, as which App it speaks, and which repositories are whose.
//!
//! Secrets are wrapped, so that no log line and no error can show them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use folkops_model::{ChangeRef, ComponentName, Group, Malformed, Place, RoomName, SurfaceName};
use secrecy::SecretString;

/// The name of this surface in places and accounts.
pub const GITHUB: &str = "github";

/// The longest body of a delivery that is read, in bytes. GitHub sends up to 25 MB, which only pushes of thousands of
/// commits come near; these are only a reason to look, and the next look comes anyway.
pub const LARGEST_DELIVERY: usize = 8 * 1024 * 1024;

/// How a repository is called on GitHub: `owner/name`. It stands in paths of the API, so its letters are few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Before the slash.
    pub fn owner(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether GitHub means this repository; it does not tell upper case from lower.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RepositoryName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(text, "a repository on GitHub such as `potluck/web`");
        let (owner, name) = text.split_once('/').ok_or_else(wrong)?;
        let good = |part: &str, longest: usize| {
            let letters = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            letters && (1..=longest).contains(&part.len()) && part != "." && part != ".."
        };
        // GitHub: a login has at most 39 characters, a repository's name at most 100.
        (good(owner, 39) && good(name, 100)).then(|| Self(text.to_owned())).ok_or_else(wrong)
    }
}

/// How a branch is called, without `refs/heads/`. It stands in paths of the API and on command lines of git, so its letters
/// are few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BranchName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
        let good = plain && !text.is_empty() && !text.contains("..") && !text.starts_with(['/', '-', '.']);
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| Malformed::new(text, "a branch such as `production`"))
    }
}

/// How a team is called on GitHub: `organisation/slug`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamName {
    /// Whose.
    pub organisation: String,
    /// How it stands in addresses.
    pub slug: String,
}

impl fmt::Display for TeamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organisation, self.slug)
    }
}

impl FromStr for TeamName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = |_| Malformed::new(text, "a team on GitHub such as `potluck/responders`");
        // A team's short name has the letters of a repository's.
        let name: RepositoryName = text.parse().map_err(wrong)?;
        let (organisation, slug) = name.0.split_once('/').unwrap_or_default();
        Ok(Self { organisation: organisation.to_ascii_lowercase(), slug: slug.to_ascii_lowercase() })
    }
}

/// How changes are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit.
    Squash,
    /// The change's commits, on top.
    Rebase,
}

impl MergeMethod {
    /// As the API calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// Whether commands count without our prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    /// Until another bot is seen in the repository that answers the same words.
    Alone,
    /// Always, whoever else is there.
    Always,
    /// Never.
    Never,
}

/// What the adapter is told.
pub struct Settings {
    /// Where the API is, without a slash at the end.
    pub api: String,
    /// Where people and git find GitHub, without a slash at the end.
    pub web: String,
    /// The App's number.
    pub app: u64,
    /// Its private key, PEM.
    pub key: SecretString,
    /// Secrets of the webhook, the newest first; each of them proves a delivery.
    pub secrets: Vec<SecretString>,
    /// The word before which commands stand in their qualified form: `/folkops promote`.
    pub prefix: String,
    /// Whether commands count without it.
    pub bare: Bare,
    /// The repository of each component.
    pub repositories: BTreeMap<ComponentName, RepositoryName>,
    /// The branch that production follows, of components in which that is not the default one.
    pub release_branches: BTreeMap<ComponentName, BranchName>,
    /// In which group the members of a team stand, in the repositories of its organisation.
    pub teams: BTreeMap<TeamName, Group>,
    /// How changes are merged.
    pub method: MergeMethod,
    /// Where our site is, without a slash at the end.
    pub site: String,
}

impl Settings {
    /// The component whose repository GitHub means.
    pub fn component(&self, repository: &str) -> Option<&ComponentName> {
        self.repositories.iter().find(|(_, name)| name.is(repository)).map(|(component, _)| component)
    }
}

/// The surface.
#[expect(clippy::expect_used, reason = "six lower-case letters are a surface name")]
pub fn surface() -> SurfaceName {
    SurfaceName::parse(GITHUB).expect("a constant name")
}

/// The place that a pull request is.
///
/// # Errors
/// Where component and number together are longer than a room's name may be.
pub fn place(change: &ChangeRef) -> Result<Place, Malformed> {
    let room = RoomName::parse(&format!("{}-{}", change.component, change.number))?;
    Ok(Place { about: Some(change.clone()), ..Place::room(surface(), room) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_s_name_holds_nothing_that_could_lead_elsewhere() {
        for bad in ["potluck", "potluck/", "/web", "potluck/..", "a/b/c", "a b/c", "a/b?c", "a/b%2f", "ä/b"]
        {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        assert!(
            "Potluck-Org/web.site_2"
                .parse::<RepositoryName>()
                .is_ok_and(|name| name.is("potluck-org/WEB.site_2"))
        );
    }
}
