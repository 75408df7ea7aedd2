//! Changes of desired state. An intent says what should be so; effects and reconcilers make it so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{
    ComponentName, CompositionId, Digest, OperationId, Owner, PersonId, PreviewId, ReleaseNumber, Sha,
    StackName,
};
use crate::person::{Account, Principal};
use crate::rollout::{BasisPoints, Held, Rollout, RolloutEnd};
use crate::sealed::Sealed;
use crate::stack::{Part, Release};

/// One change of desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "intent")]
pub enum Intent {
    /// A maintainer looked at exactly this commit and lets it run.
    AllowCommit {
        /// Of which change.
        change: ChangeRef,
        /// All forty characters of it.
        sha: Sha,
        /// Who looked.
        by: Principal,
    },
    /// Whoever says a code is asked to become this person.
    OfferLink {
        /// Who asked for the code.
        person: PersonId,
        /// SHA-256 of the code in hex.
        hash: String,
        /// Until when it works, UTC.
        expires: Timestamp,
    },
    /// The code was said; whoever asked for it has to agree.
    ProveLink {
        /// SHA-256 of the code in hex.
        hash: String,
        /// Who said it.
        person: PersonId,
        /// Until when its owner may agree, UTC.
        expires: Timestamp,
    },
    /// A code was said that does not work.
    MissLink {
        /// Who said it.
        person: PersonId,
    },
    /// Both sides are proven: the other is this person from now on, with all accounts.
    Link {
        /// Who they are.
        person: PersonId,
        /// Who becomes them.
        other: PersonId,
    },
    /// An account is not theirs any more.
    Unlink {
        /// Whose it was.
        person: PersonId,
        /// Which.
        account: Account,
    },
    /// A push took a change on from the commit that was allowed; what was allowed stays with that commit.
    VoidCommit {
        /// Which change.
        change: ChangeRef,
        /// The commit that was allowed.
        sha: Sha,
        /// Where the change stands.
        head: Sha,
    },
    /// A small push keeps the allowance of an earlier commit, and allows exactly this one.
    CarryCommit {
        /// Of which change.
        change: ChangeRef,
        /// All forty characters of it.
        sha: Sha,
        /// The commit that a person allowed.
        from: Sha,
        /// How many lines lie between.
        lines: u64,
    },
    /// A maintainer answers for a point of the checklist, at exactly this commit.
    Tick {
        /// Of which change.
        change: ChangeRef,
        /// All forty characters of it.
        sha: Sha,
        /// Which point, by its key.
        point: String,
        /// Who answers for it.
        by: PersonId,
    },
    /// Nobody answers any more for a point of the checklist, at exactly this commit.
    Untick {
        /// Of which change.
        change: ChangeRef,
        /// All forty characters of it.
        sha: Sha,
        /// Which point, by its key.
        point: String,
        /// Who took it back.
        by: PersonId,
    },
    /// A preview should be up.
    WantPreview {
        /// Its name.
        preview: PreviewId,
        /// What it is made of.
        composition: CompositionId,
        /// The release it is frozen on.
        base: ReleaseNumber,
        /// Its parts, pinned.
        parts: Vec<Part>,
        /// When it ends, UTC.
        deadline: Timestamp,
        /// Who asked for it, and against whose quota it counts.
        by: Principal,
    },
    /// The preview answers.
    PreviewUp {
        /// Which.
        preview: PreviewId,
        /// What runs in it.
        builds: BTreeMap<ComponentName, Digest>,
    },
    /// The preview lasts longer.
    KeepPreview {
        /// Which.
        preview: PreviewId,
        /// Its new end, UTC.
        deadline: Timestamp,
    },
    /// The preview should be gone.
    DropPreview {
        /// Which.
        preview: PreviewId,
        /// Why, in words.
        why: String,
    },
    /// A person's own workload should go through a mix.
    WantMix {
        /// Whose.
        person: PersonId,
        /// Their account in the service.
        owner: Owner,
        /// What it is made of.
        composition: CompositionId,
        /// The release it is frozen on.
        base: ReleaseNumber,
        /// Its parts, pinned.
        parts: Vec<Part>,
        /// The stack that will serve it.
        stack: StackName,
        /// When it ends, UTC.
        deadline: Timestamp,
    },
    /// The mix answers and serves that person.
    MixUp {
        /// Whose.
        person: PersonId,
        /// Which stack serves them from now on.
        stack: StackName,
        /// What runs in it.
        builds: BTreeMap<ComponentName, Digest>,
    },
    /// The mix that was being raised did not come up; an earlier one, if any, goes on.
    MixFailed {
        /// Whose.
        person: PersonId,
    },
    /// The person goes back to what production runs.
    DropMix {
        /// Whose.
        person: PersonId,
    },
    /// A one-time link that ties a browser to a person's mix.
    IssueLink {
        /// Whose.
        person: PersonId,
        /// SHA-256 of the token in hex.
        hash: String,
        /// Until when it may be used, UTC.
        expires: Timestamp,
        /// The whole link, which they are shown once the edge knows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Sealed>,
    },
    /// A promotion was decided for exactly these commits; a push after that does not change them.
    PinPromotion {
        /// The changes, pinned.
        changes: Vec<(ChangeRef, Sha)>,
        /// Changes that nobody named, and that come along because they were merged into the same branches.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        along: Vec<(ChangeRef, Sha)>,
    },
    /// A release exists and has been built.
    MakeRelease {
        /// What it is.
        release: Release,
    },
    /// Production should run this release.
    SetProduction {
        /// Which.
        release: ReleaseNumber,
        /// Who brought it about.
        by: Principal,
        /// Changes that this takes back although they stay on the default branch.
        taken_back: Vec<ChangeRef>,
    },
    /// Everybody goes back, some of them later: these still get the release that is left.
    LeadBack {
        /// The release that is left.
        left: ReleaseNumber,
        /// The share that still gets it: nobody, when all are back; everybody, when they stay after all.
        share: BasisPoints,
        /// Decides who goes first: thirty-two hex digits, the same on the whole way.
        salt: String,
        /// Who brought it about.
        by: Principal,
    },
    /// Nothing is promoted until it is lifted; rollback stays possible.
    Freeze {
        /// Until when, UTC; without it, until lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Why, in the words of who said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Sealed>,
        /// Who froze it.
        by: Principal,
    },
    /// The freeze is over.
    Unfreeze,
    /// A release is tried with the first visitors.
    StartRollout {
        /// How.
        rollout: Rollout,
    },
    /// More visitors get it.
    StepRollout {
        /// Which release.
        release: ReleaseNumber,
        /// Which of its steps, counted from 0.
        rung: u32,
    },
    /// It stands still by itself.
    HoldRollout {
        /// Which release.
        release: ReleaseNumber,
        /// Why.
        why: Held,
    },
    /// It stands still because somebody said so.
    PauseRollout {
        /// Which release.
        release: ReleaseNumber,
        /// Who.
        by: Principal,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Sealed>,
    },
    /// It goes on from where it stands.
    ResumeRollout {
        /// Which release.
        release: ReleaseNumber,
        /// Who said so.
        by: Principal,
    },
    /// Everybody has it, and it is watched on.
    SoakRollout {
        /// Which release.
        release: ReleaseNumber,
        /// Who brought it about; the automation, when the numbers did.
        by: Principal,
    },
    /// It is over.
    EndRollout {
        /// Which release.
        release: ReleaseNumber,
        /// How.
        end: RolloutEnd,
        /// Who brought it about; the automation, when the numbers did.
        by: Principal,
    },
    /// A change is open that takes the lines of another one back out of the default branch.
    OpenRevert {
        /// Whose lines.
        change: ChangeRef,
        /// What takes them back.
        revert: ChangeRef,
        /// The commit that does; what is pushed to it later may not.
        commit: Sha,
    },
    /// What takes another change back is not needed any more, and was looked after: closed, or left to people.
    WithdrawRevert {
        /// What took it back.
        revert: ChangeRef,
    },
    /// Something was told by itself where a change stands.
    Tell {
        /// Where: at this change.
        change: ChangeRef,
        /// What.
        topic: Topic,
    },
    /// Changes that were taken back may go out again with others, and promotions are possible again.
    Pardon {
        /// Which.
        changes: Vec<ChangeRef>,
        /// Who said so.
        by: Principal,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Sealed>,
    },
}

/// What is told by itself where a change stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Its author is new here.
    Welcome,
    /// What became of it in production.
    Course,
    /// How it fares with those who try it.
    Use {
        /// So many had it on their own account by then.
        people: u64,
        /// Whose card tells it.
        card: OperationId,
    },
}
