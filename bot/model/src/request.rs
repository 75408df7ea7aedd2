//! What was said, where, and by whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeRef;
use crate::ids::{BodyHash, MessageId, OperationId, RequestId, RoomName, SurfaceName};
use crate::person::Principal;
use crate::sealed::Sealed;

/// A place where a reply can be put.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The network.
    pub surface: SurfaceName,
    /// The room there.
    pub room: RoomName,
    /// The message that opened the thread, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
    /// The change that the place is about, as a pull request is: what a command means that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<ChangeRef>,
}

impl Place {
    /// A room itself.
    pub fn room(surface: SurfaceName, room: RoomName) -> Self {
        Self { surface, room, thread: None, about: None }
    }
}

/// Why a request exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A person said it.
    Said,
    /// The automation asks, because of this.
    Deadline,
    /// What runs differs from what was decided.
    Drift,
    /// There is no release yet.
    FirstStart,
    /// The numbers decided.
    Verdict,
    /// Something became of a change, or somebody came with one.
    News,
    /// Somebody pushed to a change.
    Pushed,
    /// An earlier operation, whose end brought it about.
    Operation(OperationId),
}

/// One thing said in a room, recorded before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Ours.
    pub id: RequestId,
    /// Where it was said.
    pub place: Place,
    /// Who said it.
    pub principal: Principal,
    /// The surface's own message id, by which a redelivery is known.
    pub message: MessageId,
    /// Hash of the body; the same message with another body is an edit, and an edit never runs.
    pub body: BodyHash,
    /// The words.
    pub text: Sealed,
    /// Why it exists.
    pub cause: Cause,
    /// When it reached us, UTC.
    pub received: Timestamp,
}
