//! The store: the journal as the truth, the projection as a view of it.

use folkops_record::{Entry, Position, RowChange, Rows, Store, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::follower::Follower;
use crate::journal::{Place, replay};
use crate::lock::Lock;
use crate::writer::{Ending, Writer};

/// A store in a folder of this machine.
///
/// The fields are dropped in this order: the writer finishes what it has taken, the follower applies it, and only then
/// may another process have the folder.
pub(crate) struct EmbeddedStore {
    pub(crate) writer: Writer,
    pub(crate) follower: Follower,
    pub(crate) place: Place,
    pub(crate) _lock: std::sync::Arc<Lock>,
}

impl Store for EmbeddedStore {
    fn position(&self) -> Position {
        self.writer.durable()
    }

    fn replay(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        replay(&self.place, after, self.writer.durable().sequence, visit)
    }

    fn projection(&self) -> Result<(u64, Rows), StoreError> {
        Ok(self.follower.read())
    }

    fn reset_projection(&self, applied: u64, rows: Rows) -> Result<(), StoreError> {
        self.follower.reset(applied, rows);
        Ok(())
    }

    fn append(&self, entry: Entry, rows: Vec<RowChange>) -> BoxFuture<'static, Result<(), StoreError>> {
        ended(self.writer.append(entry, rows))
    }

    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        ended(self.writer.settle())
    }
}

fn ended(taken: Result<Ending, StoreError>) -> BoxFuture<'static, Result<(), StoreError>> {
    let stopped = || Err(StoreError::Write("the writer has stopped".into()));
    async move { taken?.await.unwrap_or_else(|_| stopped()) }.boxed()
}
