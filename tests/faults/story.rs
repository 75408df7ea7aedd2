//! The stories. The long one: a stranger's preview is allowed, tried by one person, promoted, taken back; a freeze, some
//! talk, a slip. The other two are rollouts.

use folkops_world::Setup;

use super::bot::Bot;
use super::rollouts::{self, Way};

/// What is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Story {
    /// Everything that people do, with everybody switched at once.
    Whole,
    /// A change comes to some visitors first, and then to everybody or to nobody.
    Rollout(Way),
}

impl Story {
    /// Tells it; every line is acknowledged and has its answer before the next one.
    pub(crate) async fn tell(self, bot: &mut Bot<'_>) {
        match self {
            Self::Whole => {
                preview(bot).await;
                opt_in(bot).await;
                talk(bot).await;
                freeze(bot).await;
                promote_and_take_back(bot).await;
            }
            Self::Rollout(way) => rollouts::tell(bot, way).await,
        }
    }

    /// What must hold of this story's end beside its being the same as ever.
    pub(crate) async fn holds(self, setup: &Setup) {
        if let Self::Rollout(way) = self {
            rollouts::is_at_one_release(setup, way.end()).await;
        }
    }
}

async fn preview(bot: &mut Bot<'_>) {
    let asked = bot.says("mira", "/deploy-preview 41").await;
    let card = bot.answers("jo", &asked, "waits for").await;
    let allowed = bot.says("jo", &Bot::line_of(&card, "Allow")).await;
    bot.answers("mira", &asked, "is up").await;
    bot.answers("jo", &allowed, "").await;
}

async fn opt_in(bot: &mut Bot<'_>) {
    let asked = bot.says("ana", "/opt-in 41").await;
    let card = bot.answers("ana", &asked, "Try it on").await;
    let agreed = bot.says("ana", &Bot::line_of(&card, "Try it on my account")).await;
    bot.answers("ana", &agreed, "/opt-out").await;
}

async fn talk(bot: &mut Bot<'_>) {
    bot.says("ben", "The soup looks good").await;
    let slip = bot.says("ben", "/promot 41").await;
    bot.answers("ben", &slip, "/promote").await;
}

async fn freeze(bot: &mut Bot<'_>) {
    let frozen = bot.says("jo", "/freeze the fair is on").await;
    bot.answers("jo", &frozen, "Frozen").await;
    let refused = bot.says("jo", "/promote 41").await;
    bot.answers("jo", &refused, "during a freeze").await;
    let lifted = bot.says("jo", "/unfreeze").await;
    bot.answers("jo", &lifted, "").await;
}

async fn promote_and_take_back(bot: &mut Bot<'_>) {
    let promoted = bot.says("jo", "/promote 41").await;
    bot.answers("jo", &promoted, "live").await;
    let back = bot.says("jo", "/rollback").await;
    bot.answers("jo", &back, "release 1").await;
}
