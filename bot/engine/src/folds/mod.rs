//! What the pipeline remembers: people, requests and operations, replies owed, and what was said in rooms.

mod links;
mod operations;
mod outbox;
mod people;
mod rooms;

pub use links::{Misses, Offer};
pub use operations::{EffectRow, Operation, OperationState, Operations, RequestRow, RequestState, Scanned};
pub use outbox::{Outbox, OutboxRow};
pub use people::{Invitation, People, Person, Session};
pub use rooms::{Rooms, TimelineItem, TimelineKey};
