//! People, the groups they stand in, and the automation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{Malformed, PersonId, SurfaceName};

/// An identity on one surface, by the stable id that the surface gives; never by login or display name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// The network.
    pub surface: SurfaceName,
    /// The network's own stable id.
    pub id: String,
}

impl Account {
    /// The account that wrote a change, by what a forge gives as its author: `github:` and GitHub's numeric id, else
    /// what a commit in a local repository says. `None` where `github:` is followed by anything but digits.
    pub fn of_author(author: &str) -> Option<Self> {
        let (surface, id) = match author.strip_prefix("github:") {
            Some(id) => ("github", Some(id).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))?),
            None => ("git", author),
        };
        let surface = SurfaceName::parse(surface).ok()?;
        (!id.is_empty()).then(|| Self { surface, id: id.to_owned() })
    }
}

/// What somebody may be here. Rights come from policies over these groups, not from an order among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Somebody in the room whom nobody has vouched for.
    Stranger,
    /// Uses the service.
    User,
    /// Has had a change taken in.
    Contributor,
    /// Answers for the code.
    Maintainer,
    /// Answers for the running service now.
    OnCall,
    /// Runs FolkOps itself.
    Operator,
}

impl Group {
    /// All of them, least trusted first.
    pub const ALL: [Self; 6] =
        [Self::Stranger, Self::User, Self::Contributor, Self::Maintainer, Self::OnCall, Self::Operator];

    /// As written in commands, policies and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::User => "user",
            Self::Contributor => "contributor",
            Self::Maintainer => "maintainer",
            Self::OnCall => "on-call",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Group {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wanted = "a group (stranger, user, contributor, maintainer, on-call or operator)";
        Self::ALL.into_iter().find(|group| group.as_str() == text).ok_or_else(|| Malformed::new(text, wanted))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Principal {
    /// A human.
    Person(PersonId),
    /// The program by itself: a deadline, a verdict, drift.
    Automation,
}

impl Principal {
    /// The person, where it is one.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person(person) => Some(person),
            Self::Automation => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_an_account_of_github_by_number_or_of_the_local_repository() {
        let of = |author| Account::of_author(author).map(|a| (a.surface.to_string(), a.id));
        assert_eq!(of("github:583231"), Some(("github".into(), "583231".into())));
        assert_eq!(of("5f2a9c"), Some(("git".into(), "5f2a9c".into())));
        for neither in ["github:octocat", "github:", "github:12 3", "github:-1", ""] {
            assert_eq!(of(neither), None, "{neither}");
        }
    }
}
