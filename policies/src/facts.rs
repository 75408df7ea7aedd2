//! The facts of `Context` as policies see them: one list feeds the schema, the requests and the tables of cases.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use cedar_policy::RestrictedExpression;
use folkops_model::Context;
use serde::Deserialize;

use crate::error::PolicyError;

/// One fact of the context; written in policies as `context.commits_allowed` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Every change named is allowed at exactly the commit that would run.
    CommitsAllowed,
    /// The one who asks wrote what is asked about.
    OwnChange,
    /// What is acted on belongs to the one who asks.
    Own,
    /// A freeze is in force.
    Frozen,
    /// No place is free.
    OverQuota,
    /// Somebody else reviewed and vouched for exactly this commit.
    Reviewed,
    /// The one who asks owns every path that is touched and that somebody owns.
    Owner,
    /// An owner of every path that is touched and that somebody owns did.
    OwnerReviewed,
    /// Every required check of the commit is green.
    ChecksGreen,
    /// Two different people at least had a hand in it.
    TwoPeople,
    /// Every point of the checklist is ticked.
    ChecklistDone,
    /// Every change named was merged before anybody asked.
    Merged,
    /// Every change named is a pull request against a release branch.
    ReleaseBranch,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::CommitsAllowed,
        Self::OwnChange,
        Self::Own,
        Self::Frozen,
        Self::OverQuota,
        Self::Reviewed,
        Self::Owner,
        Self::OwnerReviewed,
        Self::ChecksGreen,
        Self::TwoPeople,
        Self::ChecklistDone,
        Self::Merged,
        Self::ReleaseBranch,
    ];

    /// As written in policies and in tables of cases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommitsAllowed => "commits_allowed",
            Self::OwnChange => "own_change",
            Self::Own => "own",
            Self::Frozen => "frozen",
            Self::OverQuota => "over_quota",
            Self::Reviewed => "reviewed",
            Self::Owner => "owner",
            Self::OwnerReviewed => "owner_reviewed",
            Self::ChecksGreen => "checks_green",
            Self::TwoPeople => "two_people",
            Self::ChecklistDone => "checklist_done",
            Self::Merged => "merged",
            Self::ReleaseBranch => "release_branch",
        }
    }

    /// Whether it holds.
    pub fn holds(self, context: &Context) -> bool {
        match self {
            Self::CommitsAllowed => context.commits_allowed,
            Self::OwnChange => context.own_change,
            Self::Own => context.own,
            Self::Frozen => context.frozen,
            Self::OverQuota => context.over_quota,
            Self::Reviewed => context.reviewed,
            Self::Owner => context.owner,
            Self::OwnerReviewed => context.owner_reviewed,
            Self::ChecksGreen => context.checks_green,
            Self::TwoPeople => context.two_people,
            Self::ChecklistDone => context.checklist_done,
            Self::Merged => context.merged,
            Self::ReleaseBranch => context.release_branch,
        }
    }

    /// The context in which exactly these hold.
    // INVARIANT: every field is named here, so a fact added to the model does not compile until policy knows it.
    pub fn context(these: &BTreeSet<Self>) -> Context {
        Context {
            commits_allowed: these.contains(&Self::CommitsAllowed),
            own_change: these.contains(&Self::OwnChange),
            own: these.contains(&Self::Own),
            frozen: these.contains(&Self::Frozen),
            over_quota: these.contains(&Self::OverQuota),
            reviewed: these.contains(&Self::Reviewed),
            owner: these.contains(&Self::Owner),
            owner_reviewed: these.contains(&Self::OwnerReviewed),
            checks_green: these.contains(&Self::ChecksGreen),
            two_people: these.contains(&Self::TwoPeople),
            checklist_done: these.contains(&Self::ChecklistDone),
            merged: these.contains(&Self::Merged),
            release_branch: these.contains(&Self::ReleaseBranch),
        }
    }
}

/// Every context there can be, each built when it is asked for first: a clone is a counted reference, and most of the
/// thousands that thirteen facts could make are never met.
pub(crate) struct Contexts(Vec<OnceLock<Option<cedar_policy::Context>>>);

impl Contexts {
    pub(crate) fn build() -> Result<Self, PolicyError> {
        // What can be built with no fact can be built with any of them: only the values differ.
        build(0).map(|_| Self((0..1_usize << Fact::ALL.len()).map(|_| OnceLock::new()).collect()))
    }

    pub(crate) fn of(&self, context: &Context) -> Option<cedar_policy::Context> {
        let bits = Fact::ALL.iter().enumerate().filter(|(_, fact)| fact.holds(context));
        let mask = bits.map(|(bit, _)| 1 << bit).sum::<usize>();
        self.0.get(mask)?.get_or_init(|| build(mask).ok()).clone()
    }
}

fn build(mask: usize) -> Result<cedar_policy::Context, PolicyError> {
    let value = |bit: usize| RestrictedExpression::new_bool(mask & (1 << bit) != 0);
    let pairs = Fact::ALL.iter().enumerate().map(|(bit, fact)| (fact.as_str().to_owned(), value(bit)));
    cedar_policy::Context::from_pairs(pairs).map_err(PolicyError::declarations)
}
