//! What policy judges, and what it says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::command::Class;
use crate::ids::{ComponentName, PersonId, PreviewId, ServiceId, SurfaceName};
use crate::person::{Group, Principal};

/// What an action is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The service as a whole.
    Service,
    /// One of its components.
    Component(ComponentName),
    /// A change.
    Change(ChangeRef),
    /// A preview.
    Preview(PreviewId),
    /// The workload of one person.
    Workload(PersonId),
}

/// Facts that a policy may ask for. All are read in the same instant as the decision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// Every change named is allowed at exactly the commit that would run.
    pub commits_allowed: bool,
    /// Every change named was written by the one who asks.
    pub own_change: bool,
    /// What is acted on belongs to the one who asks.
    pub own: bool,
    /// A freeze is in force.
    pub frozen: bool,
    /// The one who asks has used up what one person may have at a time, or all places are taken.
    pub over_quota: bool,
    /// An approving review by somebody else who vouched for it stands on exactly the commit of every change named.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reviewed: bool,
    /// The one who asks owns every path that is touched and that somebody owns; there is one in every change named.
    #[serde(default, skip_serializing_if = "is_false")]
    pub owner: bool,
    /// Approving reviews of others stand there by an owner of every path that is touched and that somebody owns; there
    /// is one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub owner_reviewed: bool,
    /// Every required check of every commit is green. Where none can be required, that is so; what is not known is not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checks_green: bool,
    /// Whoever wrote the changes, vouched for them and asks are two different people at least, for each change.
    #[serde(default, skip_serializing_if = "is_false")]
    pub two_people: bool,
    /// Every point of the checklist that concerns the changes named is ticked at their commits, by others than authors.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checklist_done: bool,
    /// Every change named was merged before anybody asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub merged: bool,
    /// Every change named is a pull request against a release branch, which production follows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub release_branch: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(fact: &bool) -> bool {
    !fact
}

/// One thing somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The service it happens in.
    pub service: ServiceId,
    /// Who.
    pub principal: Principal,
    /// In which groups they stand now.
    pub groups: BTreeSet<Group>,
    /// The command's name.
    pub command: String,
    /// The command's class, by which the shipped policies permit.
    pub class: Class,
    /// About what.
    pub resource: Resource,
    /// Which components it touches beside the resource's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also: BTreeSet<ComponentName>,
    /// Facts.
    pub context: Context,
    /// Where the groups rest on what a source said a while ago, because it does not answer now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights_as_of: Option<OldRights>,
}

/// What a source of rights said a while ago, and what counts because it does not answer now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldRights {
    /// Which.
    pub source: SurfaceName,
    /// When it said so, UTC.
    pub at: Timestamp,
}

/// A policy that had a say, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The policy's `@id`.
    pub id: String,
    /// The policy's `@reason`: one sentence.
    pub reason: String,
    /// The command that would make it pass, from `@remedy`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Yes or no, with the rules that said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Allowed, by these rules.
    Allow(Vec<Rule>),
    /// Refused: by these that forbid, or because none of these permits applied.
    Deny(Vec<Rule>),
}

/// A verdict with the policy set that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Yes or no.
    pub verdict: Verdict,
    /// SHA-256 of the policy set in hex.
    pub policy_set: String,
}

impl Decision {
    /// Whether it was a yes.
    pub fn allows(&self) -> bool {
        matches!(self.verdict, Verdict::Allow(_))
    }

    /// The rules that decided, the telling one first.
    pub fn rules(&self) -> &[Rule] {
        match &self.verdict {
            Verdict::Allow(rules) | Verdict::Deny(rules) => rules,
        }
    }
}

/// A judge: pure, total, and the only source of yes.
pub trait Authority: Send + Sync {
    /// Judges one action. An error while judging is a no that names the error.
    fn judge(&self, action: &Action) -> Decision;

    /// Whether it may judge somebody otherwise than everybody else who stands in the same groups.
    fn names(&self, principal: &Principal) -> bool;
}
