//! The commands through the whole pipeline, over the in-memory store: what is said, and what the room reads.
//!
//! The world's effects are done by hands that answer at once; everything else is the shipped code.

mod outbox;
mod pipeline;
mod recovery;
mod room;
mod stories;
