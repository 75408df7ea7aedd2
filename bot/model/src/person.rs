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
