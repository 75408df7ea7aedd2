//! Watches how changes are used by those who try them, and records it when it moved.
//!
//! A block of the edge's counting is cut whenever other changes are tried than before, so that production is compared over
//! the very time in which a change was tried; else when a twentieth more requests came, or ten minutes went by.

use std::sync::Arc;
use std::time::Duration;

use folkops_previews::Usages;
use folkops_previews::ports::Traffic;
use folkops_previews::usage::{Observer, Trying};
use folkops_record::Body;

use crate::build::Bot;
use crate::reconcile::every;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(3);
/// How long what production did may stay untold while somebody tries a change.
const AT_LEAST: Duration = Duration::from_secs(600);

/// What is known from one look to the next.
struct Watch {
    trying: Trying,
    next: Option<(String, u64)>,
    observer: Observer,
    /// Requests of those mixes that the edge had counted when the block before was cut.
    counted: u64,
    /// When that was, by the monotonic clock.
    cut: Duration,
}

/// Watches until it is dropped.
pub async fn watch(bot: Arc<Bot>) {
    let (trying, next) = bot.ledger.read(|facts| {
        let next = facts.fold::<Usages>().and_then(|usages| usages.next.get(&"now".to_owned()).cloned());
        (Trying::now(facts), next)
    });
    let cut = bot.clock.monotonic();
    let mut watch = Watch { trying, next, observer: Observer::default(), counted: 0, cut };
    let mut looks = every(LOOK);
    loop {
        looks.tick().await;
        if let Err(error) = watch.look(&bot).await {
            tracing::warn!(%error, "how changes are used could not be read");
        }
    }
}

impl Watch {
    async fn look(&mut self, bot: &Bot) -> Result<(), String> {
        let now = bot.ledger.read(Trying::now);
        if now.candidates.is_empty() && self.trying.candidates.is_empty() {
            return Ok(());
        }
        let counts = bot.edge.outcomes().await.map_err(|error| error.0)?;
        let of_mixes = counts.iter().filter(|(stack, _)| now.stacks.contains(*stack));
        let counted = of_mixes.map(|(_, seen)| seen.requests).sum();
        let is_due = now.candidates != self.trying.candidates
            || now.stacks != self.trying.stacks
            // A lower count is that of another life of the edge.
            || counted < self.counted
            || now.is_moved_by(counted - self.counted)
            || bot.clock.monotonic().saturating_sub(self.cut) >= AT_LEAST;
        if is_due {
            self.cut(bot).await?;
            (self.trying, self.counted, self.cut) = (now, counted, bot.clock.monotonic());
        }
        Ok(())
    }

    /// Reads what ended since the block before, and records what it says of the changes that were tried meanwhile.
    async fn cut(&mut self, bot: &Bot) -> Result<(), String> {
        let block = bot.edge.usage(self.next.as_ref()).await.map_err(|error| error.0)?;
        let seen = bot.ledger.read(|facts| self.observer.observe(facts, &self.trying, &block));
        if let Some(seen) = seen {
            bot.engine.note(Body::UsageObserved { seen }).await.map_err(|error| error.0)?;
        }
        self.next = Some((block.epoch, block.index + 1));
        Ok(())
    }
}
