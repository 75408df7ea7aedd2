//! What the pipeline needs of the world.

use std::collections::{BTreeMap, BTreeSet};

use folkops_model::{Account, ChangeName, ComponentName, Group, MessageId, Outcome};
use folkops_record::{Due, Reply};
use futures::future::BoxFuture;

/// It cannot be done now; trying again later may help. The text says what is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// A reply does not stand where it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unposted {
    /// The place cannot be reached now; it is tried again.
    #[error(transparent)]
    Later(#[from] Unavailable),
    /// The place refuses it and would again, such as a conversation that is gone. It is tried again with its next card.
    #[error("{0}")]
    Refused(String),
}

/// Does effects. Each is safe to do again: the hands look first whether it has happened already.
pub trait Hands: Send + Sync {
    /// Does one effect whose record is durable. Dropping the future stops the work.
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Outcome, Unavailable>>;
}

/// Looks at the world before a decision that needs it, and records what it sees.
pub trait Lookout: Send + Sync {
    /// Brings the record of changes up to date.
    fn look(&self) -> BoxFuture<'_, Result<(), Unavailable>>;

    /// Brings the record up to date with what forges know of these changes beside their content: checks, reviews.
    fn vet<'a>(&'a self, _changes: &'a [ChangeName]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a source of rights says of one account: its groups in each component that the source governs. A component in
/// which it has none is named too.
pub type Rights = BTreeMap<ComponentName, BTreeSet<Group>>;

/// Says what an account may be, such as a forge that knows who maintains a repository.
pub trait RightsSource: Send + Sync {
    /// The rights of an account now; one that it does not know stands in no group.
    fn rights<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Rights, Unavailable>>;
}

/// Puts replies where people see them.
pub trait ReplySink: Send + Sync {
    /// Posts a reply, or edits it to its newest state. The same reply is always the same message.
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>>;
}
