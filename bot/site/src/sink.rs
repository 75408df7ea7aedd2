//! The web room as a surface: where replies go.
//!
//! Nothing is sent anywhere: the pages render the room from the record. So posting a reply is only giving it the name
//! that its message has here, always the same one.

use folkops_engine::{Reply, ReplyKey, ReplySink, Unposted};
use folkops_model::{Malformed, MessageId};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The web room's end of the outbox.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebSink;

impl ReplySink for WebSink {
    fn post<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<MessageId, Unposted>> {
        let named = message_of(&reply.key).map_err(|error| Unposted::Refused(error.to_string()));
        async move { named }.boxed()
    }
}

/// The message that a reply is in the web room.
pub(crate) fn message_of(key: &ReplyKey) -> Result<MessageId, Malformed> {
    MessageId::parse(&format!("c-{}-{}", key.operation, key.slot))
}
