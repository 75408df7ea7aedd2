//! Every kind of record, with its version.
//!
//! A body is never changed in place: a new shape is a new version with an upcaster, and the old bytes stay in the
//! golden files. Bodies hold no clear names and no clear words of people, only sealed ones.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{
    Account, Action, Args, Card, ChangeRef, ComponentName, Decision, Difference, Effect, Group, Intent,
    Landing, MessageId, Observation, ObservedChange, OldRights, OperationId, Outcome, Owner, PersonId, Place,
    ReleaseNumber, Request, RequestId, Sealed, Sha, SurfaceName, Usage, Vetting,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case")]
pub enum Body {
    /// The program started and took over; every later record carries this epoch or a higher one.
    EpochBegan {},
    /// Somebody may join with a link.
    InvitationMade {
        /// SHA-256 of the link's token, hex.
        hash: String,
        /// How the invited person will be called.
        name: Sealed,
        /// In which groups they will stand.
        groups: BTreeSet<Group>,
        /// Accounts that are known to be theirs.
        accounts: BTreeSet<Account>,
        /// Their account in the service.
        owner: Option<Owner>,
        /// Until when, UTC.
        expires: Timestamp,
    },
    /// An invitation was used; it cannot be used again.
    InvitationUsed {
        /// Which.
        hash: String,
        /// By whom.
        person: PersonId,
    },
    /// Somebody is known from now on.
    PersonJoined {
        /// Their id.
        person: PersonId,
        /// Their name.
        name: Sealed,
        /// Groups they stand in.
        groups: BTreeSet<Group>,
        /// Accounts that are theirs.
        accounts: BTreeSet<Account>,
        /// Their account in the service.
        owner: Option<Owner>,
    },
    /// Somebody stands in a group from now on.
    PersonGranted {
        /// Who.
        person: PersonId,
        /// Which.
        group: Group,
    },
    /// Somebody does not stand in a group any more.
    PersonRevoked {
        /// Who.
        person: PersonId,
        /// Which.
        group: Group,
    },
    /// An account is somebody's from now on, by proof from both sides.
    AccountLinked {
        /// Whose.
        person: PersonId,
        /// Which; it is nobody else's.
        account: Account,
    },
    /// An account is not theirs any more.
    AccountUnlinked {
        /// Whose it was.
        person: PersonId,
        /// Which.
        account: Account,
    },
    /// Somebody turned out to be somebody else who is known here: they are one person from now on, and all accounts are
    /// the other's.
    PersonBecame {
        /// Who.
        person: PersonId,
        /// Whom they are.
        into: PersonId,
    },
    /// A source of rights said in which groups somebody stands now.
    RightsObserved {
        /// Of whom.
        person: PersonId,
        /// Which source: the surface of the accounts that it was asked about.
        source: SurfaceName,
        /// The groups in each component that it governs.
        rights: BTreeMap<ComponentName, BTreeSet<Group>>,
    },
    /// A browser speaks for somebody.
    SessionOpened {
        /// SHA-256 of its cookie, hex.
        hash: String,
        /// For whom.
        person: PersonId,
        /// Until when, UTC.
        expires: Timestamp,
        /// The account by which they signed in, where they did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<Account>,
    },
    /// A browser speaks for nobody any more.
    SessionClosed {
        /// SHA-256 of its cookie, hex.
        hash: String,
    },
    /// Something was said.
    RequestReceived(Request),
    /// Handling it failed in a way that may pass; or it was not handled when the program last ended.
    RequestFailed {
        /// Which.
        request: RequestId,
        /// How often by now, from 1.
        attempt: u32,
    },
    /// It came to its end without becoming an operation.
    RequestEnded {
        /// Which.
        request: RequestId,
        /// How.
        end: RequestEnd,
    },
    /// A command was judged and, if allowed, decided.
    OperationDecided(Decided),
    /// An operation got its turn.
    OperationStarted {},
    /// Desired state changed.
    Intended(Intent),
    /// An effect is owed.
    EffectOwed {
        /// Its place within the operation, from 0.
        index: u32,
        /// What.
        effect: Effect,
    },
    /// An effect begins by rights that were said a while ago: their source is silent, and what makes things safer does not
    /// wait for it.
    EffectTrusted {
        /// Its place within the operation.
        index: u32,
        /// What the rights rest on.
        rights: OldRights,
    },
    /// An effect ended.
    EffectSettled(Settled),
    /// An operation ended.
    OperationEnded {
        /// How.
        end: End,
    },
    /// A reply, or a new state of one, is owed.
    ReplyOwed(Reply),
    /// A reply stands where it should.
    ReplyPosted {
        /// Which.
        key: ReplyKey,
        /// Which state of it.
        revision: u32,
        /// The message that the surface made of it.
        message: MessageId,
    },
    /// A reply cannot stand where it should: the place refuses it and would again. It is owed again with its next state.
    ReplyRefused {
        /// Which.
        key: ReplyKey,
        /// Which state of it.
        revision: u32,
        /// What the place said, in words of ours.
        why: String,
    },
    /// Another program was seen that answers the same words; only the qualified form counts beside it.
    OtherBotSeen {
        /// Which.
        account: Account,
        /// In whose repository.
        component: ComponentName,
    },
    /// A network was read for what it never delivered.
    SurfaceScanned {
        /// Which network.
        surface: SurfaceName,
        /// Whose repository there.
        component: ComponentName,
        /// Up to when, UTC.
        until: Timestamp,
    },
    /// People were told that they are needed; they are not told again for the same subject.
    PeopleTold {
        /// What for.
        subject: String,
        /// Who.
        people: BTreeSet<PersonId>,
    },
    /// A change was seen at a commit.
    ChangeObserved {
        /// In which repository.
        component: ComponentName,
        /// What was seen; its author's name is sealed beside it.
        change: ObservedChange,
        /// The author's name.
        author_name: Sealed,
    },
    /// A forge said how a change at one commit stands with checks, reviews and owners.
    ChangeVetted {
        /// Which change.
        change: ChangeRef,
        /// At which commit.
        head: Sha,
        /// What it said.
        vetting: Vetting,
    },
    /// A forge said who pushed to a change.
    ChangePushed {
        /// Which change.
        change: ChangeRef,
        /// The commit where it stood.
        before: Sha,
        /// The commit to which it was pushed.
        after: Sha,
        /// Who pushed.
        by: Account,
    },
    /// What lies between a commit that somebody allowed and the one where its change stands.
    ChangeCompared {
        /// Which change.
        change: ChangeRef,
        /// What.
        difference: Difference,
    },
    /// The edge saw how a release fares.
    RolloutObserved {
        /// Which release.
        release: ReleaseNumber,
        /// What.
        seen: Observation,
    },
    /// The edge saw how changes are used by those who try them.
    UsageObserved {
        /// What.
        seen: Usage,
    },
    /// A network was told how something stands, beside replies.
    Mirrored {
        /// Which network.
        surface: SurfaceName,
        /// About what, in the network's own way.
        key: String,
        /// Which time, from 0, where the same thing can come about again.
        round: u32,
        /// The network's number of what it made of it; 0 where it refused.
        number: u64,
        /// What was said, in short.
        said: String,
    },
    /// A change is not open any more.
    ChangeGone {
        /// In which repository.
        component: ComponentName,
        /// Its number.
        number: folkops_model::ChangeNumber,
        /// How it was merged, where it was and where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        landed: Option<Landing>,
    },
}

/// How a request ended that became no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestEnd {
    /// It was talk.
    Talk,
    /// It looked like a command and is none; its author was told.
    Misread,
    /// Handling it failed, or ended the program, three times; it is set aside and its author was told.
    Parked,
}

/// A judged command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The request it came from.
    pub request: RequestId,
    /// Where to reply.
    pub place: Place,
    /// What was judged.
    pub action: Action,
    /// The arguments, free text sealed.
    pub args: Args,
    /// The judgement.
    pub decision: Decision,
    /// What follows from it.
    pub accepted: Accepted,
}

/// What follows from a judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepted {
    /// Everything was said in the reply.
    Answered,
    /// It was refused, by a rule or by the facts.
    Refused,
    /// It starts by itself when something has happened.
    Waiting(WaitsFor),
    /// It has work to do in the world.
    Work {
        /// Only one operation at a time holds this.
        lock: String,
        /// When it is given up, UTC.
        deadline: Timestamp,
    },
}

/// What a waiting operation waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// Somebody must allow exactly these commits.
    Commits(Vec<(folkops_model::ChangeRef, Sha)>),
}

/// An effect's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Its place within the operation.
    pub index: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// As asked.
    Done,
    /// It could not be done; the card says why.
    Failed,
    /// Somebody took it back.
    Cancelled,
    /// A newer request took its place.
    Superseded,
    /// Its deadline passed.
    Expired,
}

/// Which reply: an operation's n-th card.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplyKey {
    /// Whose.
    pub operation: OperationId,
    /// Which of its cards, from 0.
    pub slot: u32,
}

/// A reply to be posted, or edited to a new state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Which.
    pub key: ReplyKey,
    /// Which state of it, from 0; a lower one never replaces a higher one.
    pub revision: u32,
    /// Where.
    pub place: Place,
    /// For whom.
    pub audience: Audience,
    /// What.
    pub card: Card,
    /// The message that it answers, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<MessageId>,
}

/// Who sees a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Everybody in the room.
    Everyone,
    /// One person.
    Only(PersonId),
}

impl std::fmt::Display for ReplyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.operation, self.slot)
    }
}

impl std::str::FromStr for ReplyKey {
    type Err = folkops_model::Malformed;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || folkops_model::Malformed::new(text, "a reply's key");
        let (operation, slot) = text.rsplit_once('.').ok_or_else(malformed)?;
        Ok(Self { operation: OperationId::parse(operation)?, slot: slot.parse().map_err(|_| malformed())? })
    }
}
