//! What this room needs of the outside world, in its own words.
//!
//! `Forge` knows repositories, `Workshop` makes builds, `Stacks` runs them, `Traffic` sends requests to them. Each
//! method may be called again after a crash with the same arguments and must then find what it did the first time.

use std::collections::BTreeMap;
use std::path::Path;

use folkops_model::{
    ChangeNumber, ComponentName, Difference, Digest, Ended, Endpoint, Failure, Landing, ObservedChange,
    PersonId, PreviewId, Rung, Sha, StackName, StackSpec, Timing, TreeId, Trust, Vetting,
};
use futures::future::BoxFuture;
use jiff::Timestamp;

/// Something around us is broken; the text says what and what to do. Trying again later may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Repositories and their changes.
pub trait Forge: Send + Sync {
    /// Every open change of a component.
    fn changes<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<Vec<ObservedChange>, Unavailable>>;
    /// Where a change stands now; `None` when there is no such open change.
    fn head<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Sha>, Unavailable>>;
    /// What became of a change that is not open any more, where it was merged; `None` where it was closed, or never was.
    fn landed<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
    ) -> BoxFuture<'a, Result<Option<Landed>, Unavailable>>;
    /// Changes that were merged into the default branch after a commit of it, as far as their forge still tells.
    fn merged_since<'a>(
        &'a self,
        component: &'a ComponentName,
        since: &'a Sha,
    ) -> BoxFuture<'a, Result<Vec<ChangeNumber>, Unavailable>>;
    /// The tree of `onto`, if that is the commit `landed` or comes after it.
    fn holding<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        landed: &'a Sha,
    ) -> BoxFuture<'a, Result<Option<TreeId>, Unavailable>>;
    /// Where the default branch stands now, with its tree.
    fn default_head<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> BoxFuture<'a, Result<(Sha, TreeId), Unavailable>>;
    /// The tree of merging `theirs` into `onto`; nothing moves. A conflict names its files.
    fn merge_tree<'a>(
        &'a self,
        component: &'a ComponentName,
        onto: &'a Sha,
        theirs: &'a Sha,
    ) -> BoxFuture<'a, Result<MergeTree, Unavailable>>;
    /// Records the merge and moves the default branch from `expected` to it; idempotent for the same arguments.
    fn merge<'a>(
        &'a self,
        component: &'a ComponentName,
        merge: &'a Merge,
    ) -> BoxFuture<'a, Result<Merged, Unavailable>>;
    /// Opens a change that takes the lines of a merged one back out; idempotent for the same arguments.
    fn revert<'a>(
        &'a self,
        component: &'a ComponentName,
        revert: &'a Revert,
    ) -> BoxFuture<'a, Result<Reverted, Unavailable>>;
    /// Closes a change that was opened here at `commit`, if it still stands there and is nobody else's; idempotent.
    fn withdraw<'a>(
        &'a self,
        component: &'a ComponentName,
        number: ChangeNumber,
        commit: &'a Sha,
    ) -> BoxFuture<'a, Result<Withdrawn, Unavailable>>;
    /// Writes exactly this tree below `into`, which is empty; refuses submodules and paths that lead out.
    fn materialise<'a>(
        &'a self,
        component: &'a ComponentName,
        tree: &'a TreeId,
        into: &'a Path,
    ) -> BoxFuture<'a, Result<(), Failure>>;
    /// What it knows of a change at one commit beside its content; `None` where it knows neither checks nor reviews.
    fn vetting<'a>(
        &'a self,
        _component: &'a ComponentName,
        _number: ChangeNumber,
        _head: &'a Sha,
    ) -> BoxFuture<'a, Result<Option<Vetting>, Unavailable>> {
        Box::pin(async { Ok(None) })
    }
    /// What lies between two commits of a change that left the default branch at `base`; `None` where one of the three is
    /// not there any more.
    fn compare<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        between: (&'a Sha, &'a Sha),
    ) -> BoxFuture<'a, Result<Option<Difference>, Unavailable>>;
    /// The unified diff between a change's base and its head, bounded, with control characters made visible.
    fn diff<'a>(
        &'a self,
        component: &'a ComponentName,
        base: &'a Sha,
        head: &'a Sha,
    ) -> BoxFuture<'a, Result<String, Unavailable>>;
}

/// A change that was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// How.
    pub landing: Landing,
    /// As it was then, where that can still be told.
    pub change: Option<ObservedChange>,
}

/// What a merge would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeTree {
    /// This tree.
    Clean(TreeId),
    /// Nothing: these paths conflict.
    Conflict(Vec<String>),
}

/// A merge to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Which change it merges.
    pub change: ChangeNumber,
    /// The default branch must stand here.
    pub expected: Sha,
    /// What is merged.
    pub head: Sha,
    /// The tree that the merge must have.
    pub tree: TreeId,
    /// The commit message.
    pub message: String,
    /// The moment written into the commit, UTC, so that the same merge is the same commit.
    pub at: Timestamp,
}

/// How a merge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// The default branch stands at this commit, by us or already.
    At(Sha),
    /// Somebody moved the default branch first; it stands here.
    Moved(Sha),
    /// The forge does not merge it, and says why.
    Refused(String),
}

/// A change to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// Which change it takes back.
    pub change: ChangeNumber,
    /// The default branch stood here.
    pub onto: Sha,
    /// The commit of the change that was merged.
    pub head: Sha,
    /// As which commit of the default branch, where that is known.
    pub landed: Option<Sha>,
    /// The lowest number that the new change may get.
    pub least: ChangeNumber,
    /// The commit message.
    pub message: String,
    /// Why, for those who read the new change where it stands.
    pub why: String,
    /// The moment written into the commit, UTC, so that the same revert is the same commit.
    pub at: Timestamp,
}

/// What came of taking a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// A change of this number stands at this commit.
    Open(ChangeNumber, Sha),
    /// Nothing: what came later changed the same places of these paths.
    Conflict(Vec<String>),
    /// Nothing: no merge of this commit is on the default branch.
    NotMerged,
    /// Nothing: its lines are not there any more.
    Gone,
}

/// What came of closing a change that was opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is closed, or merged, whoever did that.
    Closed,
    /// Nothing: it stands elsewhere, or somebody else opened it.
    NotOurs,
}

/// Makes builds.
pub trait Workshop: Send + Sync {
    /// Builds a component from a tree that `source` holds, keeps the result by digest; idempotent by its arguments.
    fn build<'a>(&'a self, job: BuildJob<'a>) -> BoxFuture<'a, Result<Digest, Failure>>;
    /// A result that is kept already.
    fn kept(&self, component: &ComponentName, tree: &TreeId, trust: Trust) -> Option<Digest>;
}

/// One build to be made.
#[derive(Debug, Clone, Copy)]
pub struct BuildJob<'a> {
    /// Whose recipe.
    pub component: &'a ComponentName,
    /// Which tree.
    pub tree: &'a TreeId,
    /// Where exactly that tree is written out.
    pub source: &'a Path,
    /// Whether it is merged.
    pub trust: Trust,
}

/// Runs stacks.
pub trait Stacks: Send + Sync {
    /// Runs every component of the stack and waits until each is healthy; a stack that runs already is taken up.
    fn run<'a>(&'a self, spec: &'a StackSpec) -> BoxFuture<'a, Result<(), Failure>>;
    /// Stops a stack; one that is gone already is no error. Production's data stays.
    fn stop<'a>(&'a self, stack: &'a StackName) -> BoxFuture<'a, Result<(), Unavailable>>;
    /// Moves a stack's end.
    fn extend<'a>(
        &'a self,
        stack: &'a StackName,
        deadline: Timestamp,
    ) -> BoxFuture<'a, Result<(), Unavailable>>;
    /// What runs, read from the processes themselves.
    fn running<'a>(&'a self) -> BoxFuture<'a, Result<Vec<RunningStack>, Unavailable>>;
}

/// A stack as its processes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningStack {
    /// Its name.
    pub name: StackName,
    /// What runs in it, by digest, from the processes.
    pub builds: BTreeMap<ComponentName, Digest>,
    /// Whether each of its components answers.
    pub healthy: bool,
    /// When it ends by itself.
    pub deadline: Option<Timestamp>,
}

/// Sends the service's requests to stacks.
pub trait Traffic: Send + Sync {
    /// Makes the edge serve this; returns when it does, durably. An older `version` is refused.
    fn route<'a>(&'a self, routes: &'a Routes) -> BoxFuture<'a, Result<(), Unavailable>>;
    /// What each arm answered since the edge started.
    fn outcomes<'a>(&'a self) -> BoxFuture<'a, Result<BTreeMap<StackName, ArmOutcomes>, Unavailable>>;
    /// What ended at each endpoint since the block before `next`, which names a life of the edge and a block; the first
    /// one where there is none. The same block again until the one after it is asked for.
    fn usage<'a>(&'a self, next: Option<&'a (String, u64)>)
    -> BoxFuture<'a, Result<UsageBlock, Unavailable>>;
}

/// Who is served by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// Grows with each change: the sequence of the record that decided it.
    pub version: u64,
    /// What everybody gets.
    pub production: StackName,
    /// What single people get instead.
    pub people: BTreeMap<PersonId, StackName>,
    /// Previews by name.
    pub previews: BTreeMap<PreviewId, StackName>,
    /// One-time links not used yet: hash of the token, whose, until when.
    pub links: Vec<Link>,
    /// A release that some of everybody get instead, or that everybody has while it is watched.
    pub trial: Option<TrialRoute>,
}

/// How visitors are divided between production and a release that is tried; or, once that is production, watched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialRoute {
    /// What is tried.
    pub candidate: StackName,
    /// Who gets it.
    pub step: Rung,
    /// Decides which visitors.
    pub salt: String,
    /// How they are watched.
    pub timing: Timing,
}

/// A one-time link that ties a browser to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of its token, hex.
    pub hash: String,
    /// Whose.
    pub person: PersonId,
    /// The label of the person's own host on the service, so that it is valid on their host only.
    pub owner: folkops_model::Owner,
    /// Until when, UTC.
    pub expires: Timestamp,
}

/// What ended at each endpoint of each stack in one block of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageBlock {
    /// Which life of the edge.
    pub epoch: String,
    /// Its number, from 0 in each life.
    pub index: u64,
    /// What ended.
    pub stacks: BTreeMap<StackName, BTreeMap<Endpoint, Ended>>,
}

/// What one arm answered. Counts since the edge started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArmOutcomes {
    /// Requests answered or failed.
    pub requests: u64,
    /// Of these: 5xx answers, resets and timeouts.
    pub failed: u64,
    /// Visitors seen.
    pub visitors: u64,
}
